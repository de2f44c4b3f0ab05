"""Rooms: the homes that are watched live, and who of the watchers sees an event of each.

Watches that see alike (one grant, the same wishes, shown in the same way) are one audience: what
an event comes to is found once for all of them. An event finds its audiences by its device.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from core.domain.accounts import Viewer
from core.domain.events import Entry, Event, Lapse
from core.domain.grants import Grant
from core.domain.ports import Seen, Wanted
from core.feed import UNKNOWN, Feed
from core.snapshots.rosters import Roster, Rosters
from core.tokens import Cursors

Key = tuple[Hashable, int, Wanted, tuple[str, ...]]


class Watcher(Protocol):
    """Who watches."""

    viewer: Viewer
    wanted: Wanted
    alike: Hashable

    def push(self, seen: Seen) -> None:
        """The next event that it sees. It may leave the room over that, and must not wait."""

    def changed(self) -> None:
        """What it sees has to be looked at again. It leaves the room."""


class Audience(NamedTuple):
    """Live watches of one home that see alike, in the order in which they came."""

    grant: Grant
    wanted: Wanted
    homes: tuple[str, ...]
    seal: Callable[[Mapping[str, int]], str]
    members: dict[Watcher, None]


class Room:
    """One home: who is in it now, and who watches."""

    def __init__(self, roster: Roster, feed: Feed, cursors: Cursors) -> None:
        """Nobody watches yet."""
        self.home_id = roster.home_id
        self.roster = roster
        self.place = UNKNOWN
        """Up to here those who are in it have been told everything that they see."""

        self.readers = 0
        self._feed = feed
        self._cursors = cursors
        self._audiences: dict[Key, Audience] = {}
        self._of_device: defaultdict[str | None, dict[Key, Audience]] = defaultdict(dict)

    def enter(self, watch: Watcher, homes: tuple[str, ...]) -> None:
        """Tell a watch of these homes what happens in this one, from the next event on."""
        key = _key(watch, homes)
        audience = self._audiences.get(key)
        if audience is None:
            grant = watch.viewer.grant
            seal = partial(self._cursors.places, grant.id)
            audience = self._audiences[key] = Audience(grant, watch.wanted, homes, seal, {})
            for device_id in _devices(watch.wanted):
                self._of_device[device_id][key] = audience
        audience.members[watch] = None

    def leave(self, watch: Watcher, homes: tuple[str, ...]) -> None:
        """Tell it nothing more."""
        key = _key(watch, homes)
        audience = self._audiences[key]
        del audience.members[watch]
        if not audience.members:
            del self._audiences[key]
            for device_id in _devices(watch.wanted):
                del self._of_device[device_id][key]
                if not self._of_device[device_id]:
                    del self._of_device[device_id]

    def told(self, entry: Entry) -> None:
        """The feed has the home's next event, or has lost some.

        Then the roster is of no use any more: whoever is in the room leaves it.
        """
        if isinstance(entry, Lapse):
            for audience in tuple(self._audiences.values()):
                for watch in tuple(audience.members):
                    watch.changed()
        if not isinstance(entry, Event):
            return
        self.place = entry.place
        device_id = entry.device.id if entry.device else None
        for one in {device_id, None}:
            if (audiences := self._of_device.get(one)) is not None:
                for audience in tuple(audiences.values()):
                    self._tell(audience, entry)

    def shows(self, seen: Seen, grant: Grant) -> bool:
        """Whether what was judged then may be shown now, after whatever has moved since."""
        same = seen.moves == self.roster.moves
        return same or grant.shows(seen.event, self.roster.rooms)

    def _tell(self, audience: Audience, event: Event) -> None:
        if not audience.wanted.matches(event):
            return
        if not audience.grant.shows(event, self.roster.rooms):
            return
        places = {home_id: self._feed.place(home_id) for home_id in audience.homes}
        seen = Seen(event, places, audience.seal, self.roster.moves)
        for watch in tuple(audience.members):
            watch.push(seen)


class Rooms:
    """The rooms of the homes that somebody watches."""

    def __init__(self, feed: Feed, rosters: Rosters, cursors: Cursors) -> None:
        """None yet."""
        self._feed = feed
        self._rosters = rosters
        self._cursors = cursors
        self._rooms: dict[str, Room] = {}

    async def take(self, home_id: str) -> Room:
        """The room of a home, kept until `give_back`.

        Raises:
            Missing: there is no such home.
            Unavailable: the database does not answer.
        """
        room = self._right(home_id)
        if room is None:
            roster = await self._rosters.take(home_id)  # first, so that it is told first
            fresh = Room(roster, self._feed, self._cursors)
            try:
                fresh.place = await self._feed.follow(home_id, fresh.told)
            except BaseException:
                self._rosters.give_back(roster)
                raise
            room = self._right(home_id)
            if room is None:
                room = self._rooms[home_id] = fresh
            else:  # somebody else was faster
                self._let_go(fresh)
        room.readers += 1
        return room

    def give_back(self, room: Room) -> None:
        """Stop keeping it, once for each `take`."""
        room.readers -= 1
        if room.readers == 0:
            if self._rooms.get(room.home_id) is room:
                del self._rooms[room.home_id]
            self._let_go(room)

    def _right(self, home_id: str) -> Room | None:
        room = self._rooms.get(home_id)
        return None if room is None or room.roster.lapsed else room

    def _let_go(self, room: Room) -> None:
        self._feed.drop(room.home_id, room.told)
        self._rosters.give_back(room.roster)


def _key(watch: Watcher, homes: tuple[str, ...]) -> Key:
    # An audience keeps its grant, so no other has the same id meanwhile.
    return watch.alike, id(watch.viewer.grant), watch.wanted, homes


def _devices(wanted: Wanted) -> Iterable[str | None]:
    """What events are looked up by: the devices that are asked for, or None for all."""
    return (None,) if wanted.device_ids is None else wanted.device_ids
