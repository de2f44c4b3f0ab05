"""Rooms: the homes that are watched live. An event finds those who see it by its device."""

from collections.abc import Hashable, Iterable

from core.domain.events import Entry, Event, Lapse
from core.domain.ports import Wanted
from core.domain.seen import Seen
from core.feed import UNKNOWN, Feed
from core.snapshots.rosters import Roster, Rosters
from core.tokens import Cursors
from subscriptions.audiences import Audience, Watcher
from subscriptions.pump import Pump

Key = tuple[Hashable, int, Wanted, tuple[str, ...]]


class Room:
    """One home: who is in it now, and who watches."""

    __slots__ = (
        "_audiences",
        "_cursors",
        "_feed",
        "_of_device",
        "_pump",
        "home_id",
        "place",
        "readers",
        "roster",
    )

    def __init__(self, roster: Roster, feed: Feed, cursors: Cursors, pump: Pump) -> None:
        """Nobody watches yet."""
        self.home_id = roster.home_id
        self.roster = roster
        self.place = UNKNOWN
        """Up to here its audiences know everything that they see."""

        self.readers = 0
        self._feed = feed
        self._cursors = cursors
        self._pump = pump
        self._audiences: dict[Key, Audience] = {}
        self._of_device: dict[str | None, dict[Audience, None]] = {}

    def enter(self, watch: Watcher, homes: tuple[str, ...]) -> Audience:
        """Tell a watch of these homes what happens in this one, from the next event on."""
        key = _key(watch, homes)
        audience = self._audiences.get(key)
        if audience is None:
            seal = self._cursors.of_grant(watch.viewer.grant.id)
            audience = Audience(self, self._pump, watch, homes, seal)
            self._audiences[key] = audience
            for device_id in _devices(watch.wanted):
                self._of_device.setdefault(device_id, {})[audience] = None
        audience.add(watch)
        return audience

    def leave(self, watch: Watcher, homes: tuple[str, ...]) -> None:
        """Tell it nothing more."""
        key = _key(watch, homes)
        audience = self._audiences[key]
        audience.discard(watch)
        if not audience:
            del self._audiences[key]
            for device_id in _devices(watch.wanted):
                del self._of_device[device_id][audience]
                if not self._of_device[device_id]:
                    del self._of_device[device_id]

    def told(self, entry: Entry) -> None:
        """The feed has the home's next event, or has lost some.

        Then the roster is of no use any more: whoever is in the room leaves it.
        """
        if isinstance(entry, Event):
            self.place = entry.place
            of_device = self._of_device
            if of_all := of_device.get(None):
                self._tell_all(of_all, entry)
            if entry.device is not None and (of_this := of_device.get(entry.device.id)):
                self._tell_all(of_this, entry)
        elif isinstance(entry, Lapse):
            for audience in tuple(self._audiences.values()):
                audience.doubt()

    def _tell_all(self, audiences: Iterable[Audience], event: Event) -> None:
        roster = self.roster
        for audience in tuple(audiences):
            if audience.wanted.matches(event) and audience.grant.shows(event, roster.rooms):
                places, homes = {self.home_id: event.place}, audience.homes
                if len(homes) > 1:
                    places = {home_id: self._feed.place(home_id) for home_id in homes}
                audience.see(Seen(event, places, audience.seal, roster))


class Rooms:
    """The rooms of the homes that somebody watches."""

    def __init__(self, feed: Feed, rosters: Rosters, cursors: Cursors, pump: Pump) -> None:
        """None yet."""
        self._feed = feed
        self._rosters = rosters
        self._cursors = cursors
        self._pump = pump
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
            fresh = Room(roster, self._feed, self._cursors, self._pump)
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
