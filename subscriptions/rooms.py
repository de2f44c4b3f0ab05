"""Rooms: the homes that are watched live, and who of the watchers sees an event of each.

Watches that see alike (one grant, the same wishes, shown in the same way) are one audience: what
an event comes to is found once for all of them. An event finds its audiences by its device.

An audience is told in rounds, in the turns of its home, some members at a time: each of them takes
what it is told at once, while it is at hand. Who watches several homes is told of each event before
the next one of another home can come, since the cursor of that covers both.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from core import observe
from core.domain.accounts import Viewer
from core.domain.events import Entry, Event, Lapse
from core.domain.ports import Wanted
from core.domain.seen import Seen
from core.feed import UNKNOWN, Feed
from core.snapshots.rosters import Roster, Rosters
from core.tokens import Cursors
from subscriptions.pump import SLICE, Pump

log = observe.logger(__name__)

MOST_NEWS: Final = 256
"""Events that wait for a round at most; then everybody is told of them at once."""
Key = tuple[Hashable, int, Wanted, tuple[str, ...]]


class Watcher(Protocol):
    """Who watches."""

    viewer: Viewer
    wanted: Wanted
    alike: Hashable

    def push(self, news: Sequence[Seen]) -> None:
        """The next events that it sees. It may leave the room over that, and must not wait."""

    def changed(self) -> None:
        """What it sees has to be looked at again. It leaves the room."""


class Audience:
    """Live watches of one home that see alike, in the order in which they came.

    Each member has its place among the events of the audience, so that it may come and go at any
    time. An event is kept until all have been told of it.
    """

    __slots__ = (
        "_first",
        "_goal",
        "_left",
        "_news",
        "_pump",
        "_room",
        "_told",
        "_waits",
        "grant",
        "home_id",
        "homes",
        "seal",
        "wanted",
    )

    def __init__(
        self,
        room: "Room",
        pump: Pump,
        first: Watcher,
        homes: tuple[str, ...],
        seal: Callable[[Mapping[str, int]], str],
    ) -> None:
        """Of watches like this first one, which see this room's home and all of those."""
        self.grant = first.viewer.grant
        self.wanted = first.wanted
        self.homes = homes
        self.seal = seal
        self.home_id = room.home_id
        self._room = room
        self._pump = pump
        self._told: dict[Watcher, int] = {}
        """Of how many events each member was told, with those before it came."""

        self._news: list[Seen] = []
        """Those of which somebody was not told yet; `_first` came before them."""

        self._first = 0
        self._left: Iterator[Watcher] | None = None
        """Those who are still to be told in this round, the end of which is `_goal`."""

        self._goal = 0
        self._waits = False
        """Whether it waits for its home's turn."""

    def __len__(self) -> int:
        """How many members it has."""
        return len(self._told)

    def add(self, watch: Watcher) -> None:
        """One more, who is told of what comes from now on."""
        self._told[watch] = self._first + len(self._news)

    def discard(self, watch: Watcher) -> None:
        """Tell it nothing more."""
        del self._told[watch]

    def see(self, seen: Seen) -> None:
        """One more event for them."""
        self._news.append(seen)
        if len(self.homes) > 1 or len(self._news) >= MOST_NEWS:
            while self._news:
                self._tell(len(self) + 1)
        else:
            self._await_turn()

    def doubt(self) -> None:
        """Have all of them looked at again."""
        for watch in tuple(self._told):
            watch.changed()

    def reached(self, watch: Watcher) -> int:
        """Up to which place in the home a member was told everything that it sees."""
        told = self._told[watch] - self._first
        return self._room.place if told == len(self._news) else self._news[told].event.place - 1

    def knows(self, watch: Watcher) -> bool:
        """Whether a member was told everything."""
        return self._told[watch] == self._first + len(self._news)

    def _await_turn(self) -> None:
        if not self._waits:
            self._waits = True
            self._pump.add(self.home_id, self._turn)

    def _turn(self) -> None:
        self._waits = False
        self._tell(SLICE)
        if self._news:
            self._await_turn()

    def _tell(self, most: int) -> None:
        """Tell so many of them, or fewer who write as much; they may leave over that."""
        if self._left is None:
            self._left, self._goal = iter(tuple(self._told)), self._first + len(self._news)
        pump, ours, news = self._pump, self._told, self._news
        begun = pump.written
        for count, watch in enumerate(self._left, 1):
            told, end = ours.get(watch), self._first + len(news)
            if told is not None and told != end:  # else it has left, or has come back since
                ours[watch] = end
                try:
                    watch.push(news if told == self._first else news[told - self._first :])
                except Exception:  # one watch's bug must not cost the others an event
                    log.exception("watch_failed", home_id=self.home_id)
            if count >= most or pump.written >= begun + most:
                pump.written = max(pump.written, begun + count)  # not all of them have to write
                return
        self._left = None
        del self._news[: self._goal - self._first]
        self._first = self._goal


class Room:
    """One home: who is in it now, and who watches."""

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
        self._of_device: defaultdict[str | None, dict[Key, Audience]] = defaultdict(dict)

    def enter(self, watch: Watcher, homes: tuple[str, ...]) -> Audience:
        """Tell a watch of these homes what happens in this one, from the next event on."""
        key = _key(watch, homes)
        audience = self._audiences.get(key)
        if audience is None:
            seal = partial(self._cursors.places, watch.viewer.grant.id)
            audience = Audience(self, self._pump, watch, homes, seal)
            self._audiences[key] = audience
            for device_id in _devices(watch.wanted):
                self._of_device[device_id][key] = audience
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
                del self._of_device[device_id][key]
                if not self._of_device[device_id]:
                    del self._of_device[device_id]

    def told(self, entry: Entry) -> None:
        """The feed has the home's next event, or has lost some.

        Then the roster is of no use any more: whoever is in the room leaves it.
        """
        if isinstance(entry, Lapse):
            for audience in tuple(self._audiences.values()):
                audience.doubt()
        if not isinstance(entry, Event):
            return
        self.place = entry.place
        of_device = self._of_device
        if (all_devices := of_device.get(None)) is not None:
            self._tell_all(all_devices, entry)
        if entry.device is not None and (ours := of_device.get(entry.device.id)) is not None:
            self._tell_all(ours, entry)

    def _tell_all(self, audiences: Mapping[Key, Audience], event: Event) -> None:
        roster, place = self.roster, self._feed.place
        for audience in tuple(audiences.values()):
            if audience.wanted.matches(event) and audience.grant.shows(event, roster.rooms):
                places = {home_id: place(home_id) for home_id in audience.homes}
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
