"""Events: committed facts, in the past tense, each complete in itself.

An event carries the device, room, home and commands as they were, so that it can be shown years
later without asking anybody. `place` is its number in its home's log, `sequence` its number among
the events of its device (of its home, for HOME_UPDATED); both count without gaps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from core.domain.commands import Command
from core.domain.devices import Device, State
from core.domain.homes import Home


class EventType(Enum):
    """What happened."""

    # Enum's own is a call of Python's, and each event is looked up by its type several times.
    __hash__ = object.__hash__

    DEVICE_STATUS_CHANGED = "DEVICE_STATUS_CHANGED"
    DEVICE_ADDED = "DEVICE_ADDED"
    DEVICE_UPDATED = "DEVICE_UPDATED"
    DEVICE_REMOVED = "DEVICE_REMOVED"
    DEVICE_AVAILABILITY_CHANGED = "DEVICE_AVAILABILITY_CHANGED"
    HOME_UPDATED = "HOME_UPDATED"
    COMMAND_UPDATED = "COMMAND_UPDATED"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of one home.

    `device` is None only for HOME_UPDATED. `previous` and `changed` belong to
    DEVICE_STATUS_CHANGED, `command` to COMMAND_UPDATED. `pending` are the device's commands that
    were open once this had happened.
    """

    id: str
    type: EventType
    home: Home
    place: int
    sequence: int
    occurred_at: datetime
    device: Device | None = None
    previous: State | None = None
    changed: tuple[str, ...] = ()
    command: Command | None = None
    caused_by: tuple[Command, ...] = ()
    pending: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One fact of the access log, complete in itself: the whole grant, client, user or key."""

    place: int
    kind: str
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Lapse:
    """Told in the place of a home's events that are no longer kept: all up to this place."""

    log_id: str
    place: int


Entry: TypeAlias = Event | AccessEntry | Lapse
"""What a log holds, or what is told where it no longer reaches back."""


class GapReason(Enum):
    """Why a log does not reach back."""

    RETENTION = "RETENTION"


@dataclass(frozen=True, slots=True)
class Gap:
    """What a reader missed for good: whoever goes on from its places misses nothing after `since`.

    `since` is a whole minute: it tells of when something happened that the reader may not see.
    """

    reason: GapReason
    since: datetime
    places: Mapping[str, int]
    """Of each home that lacks something: where its log begins now."""
