"""Verifying: whether a delivery is from who has the key, and of now."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from core.domain.errors import Unauthenticated
from core.signing.headers import ID, SIGNATURE, TIMESTAMP, content, is_id
from core.signing.keys import ReceiverKey

TOLERANCE: Final = timedelta(minutes=5)
"""How far the clocks of sender and receiver may be apart, the way between them included."""
MOST_SIGNATURES: Final = 16
"""More are refused unread: each may cost a verification."""

_SECONDS = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A delivery that holds: the id to know it by when it comes again, and when it was sent."""

    id: str
    at: datetime


def verify(
    keys: Sequence[ReceiverKey],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Verified:
    """The delivery of these headers and this body, if one of its signatures is by one of the keys.

    Names of headers are read in any case; signatures of versions that no key is of are passed over.

    Raises:
        Unauthenticated: it does not hold; the sentence repeats nothing of it.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id = _header(found, ID)
    if not is_id(message_id):
        raise _refused(f"{ID} has 1 to 128 letters, digits, underscores and hyphens")
    at = _at(_header(found, TIMESTAMP))
    if abs(now - at) > tolerance:
        when = "older" if at < now else "newer"
        seconds = int(tolerance.total_seconds())
        raise _refused(f"{TIMESTAMP} is {when} than {seconds} s by this clock")
    signatures = _header(found, SIGNATURE).split(" ", MOST_SIGNATURES)
    if len(signatures) > MOST_SIGNATURES:
        raise _refused(f"{SIGNATURE} has more than {MOST_SIGNATURES} signatures")
    signed = content(message_id, int(at.timestamp()), body)
    if not any(_holds(keys, signed, signature) for signature in signatures):
        raise _refused(f"none in {SIGNATURE} is by a key that is known here, over these bytes")
    return Verified(message_id, at)


def _holds(keys: Sequence[ReceiverKey], signed: bytes, signature: str) -> bool:
    version, _, shown = signature.partition(",")
    return any(key.version == version and key.holds(signed, shown) for key in keys)


def _at(text: str) -> datetime:
    if not _SECONDS.fullmatch(text):
        raise _refused(f"{TIMESTAMP} is a whole number of seconds since 1970")
    return datetime.fromtimestamp(int(text), UTC)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise _refused(f"{name} is missing")
    return value


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"The delivery cannot be verified: {why}.")
