"""Audiences: those who watch a home alike, and how they are told of an event.

Watches that see alike (one grant, the same wishes, shown in the same way) are one audience: what
an event comes to is found once for all of them.

An audience is told in rounds, in the turns of its home, some members at a time: each of them takes
what it is told at once, while it is at hand. Who watches several homes is told of each event before
the next one of another home can come, since the cursor of that covers both.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from core import observe
from core.domain.accounts import Viewer
from core.domain.ports import Wanted
from core.domain.seen import Seen
from subscriptions.pump import SLICE, Pump

log = observe.logger(__name__)

MOST_NEWS: Final = 256
"""Events that wait for a round at most; then everybody is told of them at once."""


class Place(Protocol):
    """The home that is watched, as its audiences know it."""

    home_id: str
    place: int
    """Up to here they know everything that they see."""


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
        room: Place,
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
