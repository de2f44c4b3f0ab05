"""Signers: what an endpoint's deliveries are signed with, made once and used for each attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.signing.headers import ID, SIGNATURE, TIMESTAMP, content, is_id
from core.signing.keys import SenderKey


@dataclass(frozen=True, slots=True)
class Former:
    """A key that another one took the place of: it signs along before `until`."""

    key: SenderKey
    until: datetime


class Signer:
    """Signs with the newest key and with the former ones whose time is not over."""

    def __init__(self, key: SenderKey, former: Sequence[Former] = ()) -> None:
        """`former` are tried in this order; one may be of the other kind."""
        self._key = key
        self._former = tuple((old.key, old.until.timestamp()) for old in former)

    def headers(self, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
        """The headers of an attempt at this time; the id stays the same over all attempts.

        Raises:
            ValueError: the id is none that may be signed.
        """
        if not is_id(message_id):
            raise ValueError(f"A webhook-id has 1 to 128 of [A-Za-z0-9_-], unlike {message_id!r}.")
        now = at.timestamp()
        seconds = int(now)
        signed = content(message_id, seconds, body)
        signature = self._key.sign(signed)
        for key, until in self._former:
            if now < until:
                signature += " " + key.sign(signed)
        return {ID: message_id, TIMESTAMP: str(seconds), SIGNATURE: signature}
