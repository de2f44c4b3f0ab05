"""The keys that endpoints sign with: made, rotated, and what everybody may know of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from core.domain.endpoints import Endpoint, Signing
from core.domain.errors import Conflict, Invalid
from core.domain.sending import Held, SealedKey
from core.services.letters import Letters
from core.signing import KeyPair, PublicKey, Secret, SenderKey

OVERLAP: Final = timedelta(hours=24)
"""For so long a former key signs along, so that a partner can change without a pause."""
MOST_FORMER: Final = 3
"""Former keys that sign along at a time: each makes every request longer."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint and the key that was just made for it."""

    held: Held
    key: SenderKey

    @property
    def secret(self) -> str | None:
        """What both sides are to know; None where a key pair signs."""
        return self.key.text if isinstance(self.key, Secret) else None

    @property
    def public_key(self) -> str | None:
        """What its messages are verified with; None where a secret signs."""
        return self.key.public.text if isinstance(self.key, KeyPair) else None


@dataclass(frozen=True, slots=True)
class Published:
    """A public key that everybody may read; a former one with its end."""

    key: PublicKey
    until: datetime | None


class EndpointKeys:
    """Makes and opens them; what is kept is sealed."""

    def __init__(self, letters: Letters) -> None:
        """Sealed as letters have them opened."""
        self._letters = letters

    def first(self, endpoint: Endpoint, secret: Secret | None = None) -> Issued:
        """A new endpoint with its first key: this one, or a fresh one."""
        key = secret or _fresh(endpoint.signing)
        return Issued(Held(endpoint, (self._letters.sealed(endpoint.id, key),)), key)

    def rotated(self, held: Held, now: datetime) -> Issued:
        """The endpoint with a new key, of the kind that its `signing` says.

        The one before signs along from now on; those whose time is over are dropped.

        Raises:
            Conflict: as many sign along as may.
        """
        endpoint, (last, *others) = held.endpoint, held.keys
        former = [
            one
            for one in others
            if one.until is not None and now < one.until and self._opens(endpoint.id, one)
        ]
        if len(former) >= MOST_FORMER:
            free = min(one.until for one in former if one.until is not None)
            sentence = (
                f"Endpoint {endpoint.id} has {len(former)} former keys that still sign along, and "
                f"{MOST_FORMER} are the most: rotate again after {free:%Y-%m-%dT%H:%M:%SZ}."
            )
            raise Conflict(sentence)
        key = _fresh(endpoint.signing)
        newest = self._letters.sealed(endpoint.id, key)
        if self._opens(endpoint.id, last):
            former.insert(0, replace(last, until=now + OVERLAP))
        keys = (newest, *former)
        return Issued(replace(held, endpoint=replace(endpoint, updated_at=now), keys=keys), key)

    def _opens(self, endpoint_id: str, sealed: SealedKey) -> bool:
        """Whether a key can be opened: one that cannot has signed nothing lately, and will not."""
        try:
            self._letters.key(endpoint_id, sealed)
        except Invalid:
            return False
        return True

    def public(self, endpoint_id: str, newest: SealedKey) -> str | None:
        """What is verified with the newest key; None where that is a secret.

        Raises:
            Invalid: it cannot be opened any more.
        """
        key = self._letters.key(endpoint_id, newest)
        return key.public.text if isinstance(key, KeyPair) else None

    def published(self, held: Held, now: datetime) -> Sequence[Published]:
        """The public keys that messages are verified with now, the newest first."""
        found: list[Published] = []
        for one in held.keys:
            if one.until is not None and one.until <= now:
                continue
            try:
                key = self._letters.key(held.endpoint.id, one)
            except Invalid:  # then nothing can be signed with it either
                continue
            if isinstance(key, KeyPair):
                found.append(Published(key.public, one.until))
        return found


def _fresh(signing: Signing) -> SenderKey:
    return KeyPair.make() if signing is Signing.ED25519 else Secret.make()
