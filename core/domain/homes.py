"""Homes, their rooms, and who belongs to them."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What a member may do: owners manage people, members share devices, guests only live there."""

    OWNER = "OWNER"
    MEMBER = "MEMBER"
    GUEST = "GUEST"


SHARING_ROLES = frozenset({Role.OWNER, Role.MEMBER})
"""A guest cannot give a client access to somebody else's house."""


@dataclass(frozen=True, slots=True)
class Home:
    """A home as it was at one moment; `time_zone` is an IANA name."""

    id: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Room:
    """A room as it was at one moment, with its home."""

    id: str
    name: str
    home: Home
