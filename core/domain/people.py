"""People at the pages: their passwords, and the sessions in which they are signed in."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.domain.accounts import User
from core.domain.errors import Invalid

SHORTEST: Final = 15
LONGEST: Final = 256


def normal(password: str) -> str:
    """A password in Unicode's NFKC, so that every keyboard types the same.

    What is too long to be one stays as it is: to compose marks takes time by the square.
    """
    if len(password) > 4 * LONGEST:
        return password
    return unicodedata.normalize("NFKC", password)


def checked_password(text: str) -> str:
    """A password that is good enough, as it is hashed.

    NIST SP 800-63B-4 §3.1.1.2: at least 15 characters where it is the only factor, spaces and all
    of Unicode allowed, no rules about which characters.

    Raises:
        Invalid: it is too short or too long.
    """
    text = normal(text)
    if not SHORTEST <= len(text) <= LONGEST:
        sentence = f"A password has {SHORTEST} to {LONGEST} characters; a few words are good."
        raise Invalid(sentence, "password")
    return text


@dataclass(frozen=True, slots=True)
class Session:
    """A time during which somebody is signed in, in one browser.

    `id` names it in lists; it is no secret and opens nothing. `seen_at` is exact to a minute.
    """

    id: str
    user_id: str
    made_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    user: User
    session: Session


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: unused, and at most."""

    idle: timedelta
    most: timedelta

    def over(self, session: Session, now: datetime) -> bool:
        """Whether the session has ended by itself."""
        return now >= min(session.seen_at + self.idle, session.made_at + self.most)
