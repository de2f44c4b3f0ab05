"""Grants: what a user gave a client, where, and between which places of each home's log.

A share opens a whole home, one room or one device. One of a home or room may leave out locks and
garage doors, those that come later included: people tick each of these by itself. A share holds
for the events after `since` and up to `until`; while `until` is None it also holds now. So neither
a replay nor a late delivery shows what was not shared then, and what is taken back is gone at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Final

from core.domain.devices import GUARDED, Device, DeviceKind
from core.domain.events import Event, EventType


class Scope(StrEnum):
    """What a token may open; the graph says at each field which of them it needs."""

    DEVICES_READ = "devices:read"
    DEVICES_CONTROL = "devices:control"
    EVENTS_SUBSCRIBE = "events:subscribe"
    SANDBOX_CONTROL = "sandbox:control"
    WEBHOOKS_MANAGE = "webhooks:manage"
    USAGE_READ = "usage:read"


_REMOVED: Final = EventType.DEVICE_REMOVED  # a member is four times as dear to look up as a global

OWN: Final = frozenset({Scope.WEBHOOKS_MANAGE, Scope.USAGE_READ})
"""What a client may have without a user: it opens nothing but what is the client's own."""


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a grant: a home, or one room or one device of it.

    `locks` tells whether a home's or room's line opens its locks and garage doors too.
    """

    home_id: str
    room_id: str | None = None
    device_id: str | None = None
    since: int = 0
    until: int | None = None
    locks: bool = True

    def names(self, device_id: str, room_id: str | None, kind: DeviceKind) -> bool:
        """Whether this line speaks of the device, given the room it is (or was) in."""
        if self.device_id is not None:
            return self.device_id == device_id
        if kind in GUARDED and not self.locks:
            return False
        return self.room_id is None or self.room_id == room_id

    @property
    def whole(self) -> bool:
        """Whether it is of all that is in the home, and holds now."""
        part = self.room_id is not None or self.device_id is not None
        return self.locks and not part and self.until is None

    def at(self, place: int) -> bool:
        """Whether it held when the event with this place happened."""
        return self.since < place and (self.until is None or place <= self.until)


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """What a user made for themself to try the API with: its name, and its secret's digest."""

    name: str
    digest: str
    expires_at: datetime


@dataclass(frozen=True)
class Grant:
    """What a user gave a client. Not slotted, so that the views below are made once.

    With a `key` it is what one personal access token opens, and lives and ends with that.
    """

    id: str
    user_id: str
    client_id: str
    scopes: frozenset[Scope]
    shares: tuple[Share, ...]
    since: datetime
    revoked: bool = False
    key: PersonalKey | None = None

    @cached_property
    def view(self) -> "View":
        """What the grant shows now."""
        now = () if self.revoked else tuple(s for s in self.shares if s.until is None)
        homes = [s for s in now if s.room_id is None and s.device_id is None]
        rooms = [s for s in now if s.room_id is not None and s.device_id is None]
        return View(
            whole=frozenset(s.home_id for s in homes if s.locks),
            rooms=frozenset(s.room_id for s in rooms if s.locks and s.room_id),
            devices=frozenset(s.device_id for s in now if s.device_id is not None),
            homes=frozenset(s.home_id for s in now),
            homes_but_locks=frozenset(s.home_id for s in homes if not s.locks),
            rooms_but_locks=frozenset(s.room_id for s in rooms if not s.locks and s.room_id),
        )

    @cached_property
    def wholly(self) -> Mapping[str, int]:
        """The homes that are shown wholly now, each with the place after which that has held."""
        whole = () if self.revoked else tuple(s for s in self.shares if s.whole)
        return {s.home_id: s.since for s in sorted(whole, key=lambda s: -s.since)}

    @property
    def of_client(self) -> bool:
        """Whether it is no user's, but what the client has for itself."""
        return self.id == self.client_id == self.user_id

    @classmethod
    def own(cls, client_id: str, scopes: frozenset[Scope], since: datetime) -> "Grant":
        """What a client has for itself: of nobody's home anything, and no scope but its own."""
        return cls(client_id, client_id, client_id, scopes & OWN, (), since)

    def covered(self, event: Event) -> bool:
        """Whether the grant covered what the event speaks of when it happened."""
        home_id, place, device = event.home.id, event.place, event.device
        room = device.room.id if device and device.room else None
        for share in self.shares:
            if share.home_id != home_id or not share.at(place):
                continue
            if device is None or share.names(device.id, room, device.kind):
                return True
        return False

    def began(self, home_id: str) -> int:
        """The place in a home's log before which the grant shows nothing of it."""
        return min((s.since for s in self.shares if s.home_id == home_id), default=0)

    def shows(self, event: Event, rooms: Mapping[str, str | None]) -> bool:
        """Whether the event may be shown: covered then, and covered now.

        `rooms` says for each device that is in the event's home now in which room it is. A removal
        is judged by then alone, and by the grant being alive in that home.
        """
        home_id, device = event.home.id, event.device
        since = self.wholly.get(home_id)
        whole = since is not None and since < event.place
        if not whole and (home_id not in self.view.homes or not self.covered(event)):
            return False
        if device is None or event.type is _REMOVED:
            return True
        if device.id not in rooms:
            return False
        return whole or self.view.covers(home_id, device.id, rooms[device.id], device.kind)


@dataclass(frozen=True, slots=True)
class View:
    """What may be seen now: whole homes, single rooms, single devices; `homes` are all touched."""

    whole: frozenset[str]
    rooms: frozenset[str]
    devices: frozenset[str]
    homes: frozenset[str]
    homes_but_locks: frozenset[str] = frozenset()
    rooms_but_locks: frozenset[str] = frozenset()

    def covers(self, home_id: str, device_id: str, room_id: str | None, kind: DeviceKind) -> bool:
        """Whether a device of this kind that is now in this home and room may be seen."""
        if home_id in self.whole or device_id in self.devices or room_id in self.rooms:
            return True
        less = home_id in self.homes_but_locks or room_id in self.rooms_but_locks
        return less and kind not in GUARDED

    def sees(self, device: Device) -> bool:
        """Whether this device, as it is now, may be seen."""
        room_id = device.room.id if device.room else None
        return self.covers(device.home.id, device.id, room_id, device.kind)
