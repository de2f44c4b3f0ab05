"""Households: a home as one of its members sees it, with who belongs to it and who may yet join."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.accounts import User
from core.domain.homes import Home, Role
from core.domain.invites import Invite


@dataclass(frozen=True, slots=True)
class Household:
    """A home, what one is in it, everybody in it by name, and, for owners, its open invites."""

    home: Home
    role: Role
    members: Sequence[tuple[User, Role]]
    invites: Sequence[Invite]
