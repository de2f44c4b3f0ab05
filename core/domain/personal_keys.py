"""Personal access tokens: what somebody makes to try the API with, and what bounds that."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from core.domain.accounts import checked_name
from core.domain.errors import Conflict, Invalid
from core.domain.grants import OWN, Grant, PersonalKey, Scope

MOST: Final = 50
"""Of one user, that are alive at a time."""
MOST_DAYS: Final = 365
LONGEST_NAME: Final = 100
OFFERED: Final = tuple(scope for scope in Scope if scope not in OWN)
"""What one may open. What a client has for itself is not a user's: all share Latchkey's own one."""


def made(name: str, digest: str, days: int, now: datetime) -> PersonalKey:
    """A new one, good from now for so many days.

    Raises:
        Invalid: the name cannot be read, or it would be good for too short or too long.
    """
    name = checked_name(name, LONGEST_NAME)
    if not 1 <= days <= MOST_DAYS:
        sentence = f"It is good for 1 to {MOST_DAYS} days."
        raise Invalid(sentence, "days")
    return PersonalKey(name, digest, now + timedelta(days=days))


def check_scopes(scopes: Collection[Scope]) -> None:
    """See that it opens something, and nothing but what is a user's.

    Raises:
        Invalid: it does not.
    """
    if not scopes or not set(scopes) <= set(OFFERED):
        sentence = f"It opens at least one of {', '.join(OFFERED)}, and nothing else."
        raise Invalid(sentence, "scopes")


def alive(grant: Grant, now: datetime) -> bool:
    """Whether the grant is a personal access token's that is neither expired nor taken back."""
    return grant.key is not None and not grant.revoked and now < grant.key.expires_at


def check_beside(key: PersonalKey, others: Iterable[Grant], now: datetime) -> None:
    """See that there is room for it beside what else its user has given.

    Raises:
        Conflict: there are too many, or one has this name.
    """
    names = [one.key.name for one in others if one.key is not None and alive(one, now)]
    if key.name in names:
        sentence = f"You have a token named {key.name!r} already. Choose another name."
        raise Conflict(sentence)
    if len(names) >= MOST:
        sentence = f"You have {MOST} tokens, which is the most. Revoke one first."
        raise Conflict(sentence)
