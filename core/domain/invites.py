"""Invites: codes by which somebody becomes a member of a home, once and until they expire."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Final

from core.domain.errors import Invalid
from core.domain.homes import Role

CODE_BYTES: Final = 16
LONGEST: Final = timedelta(days=30)
OPEN: Final = 20
"""How many may be open in one home."""


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite as it is stored; the code itself is not. `made_by` is an actor's id."""

    id: str
    home_id: str
    digest: str
    role: Role
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_by: str | None = None

    def open(self, now: datetime) -> bool:
        """Whether somebody may still join by it."""
        return self.used_by is None and now < self.expires_at


def new_code() -> str:
    """A code that nobody guesses: 128 random bits in hexadecimal."""
    return token_hex(CODE_BYTES)


def digest(code: str) -> str:
    """What is kept of a code: its SHA-256. It is random, so that no salt is needed."""
    return sha256(code.encode(errors="surrogatepass")).hexdigest()


def checked_lifetime(lasts: timedelta) -> timedelta:
    """How long an invite is to last.

    Raises:
        Invalid: no time at all, or too long.
    """
    if not timedelta(0) < lasts <= LONGEST:
        sentence = f"An invite lasts up to {LONGEST.days} days."
        raise Invalid(sentence, "lasts")
    return lasts
