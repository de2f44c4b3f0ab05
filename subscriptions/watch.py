"""A watch: one reader of the log, where it is, and what waits to be taken by it.

While it is `live`, the rooms of its homes push to it what it sees, and its place in each home is
the feed's. Otherwise it reads on from the log, by its `places`: a reader that is slower than its
events, or has stopped reading, loses its queue and nothing else. So a watch never grows.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Protocol

from core.domain.accounts import Viewer
from core.domain.errors import expired
from core.domain.events import Event, Gap
from core.domain.ports import Clock, Delivery, Manner, Wanted
from core.domain.seen import Seen
from core.tokens import Cursors
from subscriptions.audiences import Audience
from subscriptions.moment import Moment
from subscriptions.queues import All, Latest, Queue
from subscriptions.rooms import Room
from subscriptions.rounds import Rounds

QUEUE = 256
"""Events that wait for one reader at most; those of one commit come all at once."""
DOUBT_SECONDS = 0.5
"""Between two looks whether it is known again who may see what."""


class Parts(Protocol):
    """What watches have of their hub."""

    clock: Clock
    cursors: Cursors
    fallen: int
    current: Moment | None

    def moment(self) -> Moment:
        """What is to be known now before anything is shown."""

    def catch_up(self, watch: "Watch") -> None:
        """See that a watch becomes live."""

    def let_go(self, watch: "Watch") -> None:
        """Leave nothing of a watch that has ended."""


class Watch:
    """One reader. The hub opens it, keeps it going, and ends it."""

    __slots__ = (
        "_asked_again",
        "_audiences",
        "_rounds",
        "_woken",
        "alike",
        "error",
        "gap",
        "homes",
        "lagging",
        "live",
        "manner",
        "named",
        "out",
        "parts",
        "places",
        "queue",
        "ready",
        "rooms",
        "stale",
        "task",
        "viewer",
        "wanted",
    )

    def __init__(
        self,
        viewer: Viewer,
        wanted: Wanted,
        named: frozenset[str] | None,
        manner: Manner,
        parts: Parts,
    ) -> None:
        """`named` are the homes that were asked for; None: what the grant shows, as it changes."""
        self.viewer = viewer
        self.wanted = wanted
        self.named = named
        self.manner = manner
        self.parts = parts
        self.places: dict[str, int] = {}
        """Up to here everything was shown once the queue has been, while it is not live."""
        self.rooms: dict[str, Room] = {}
        self.homes: tuple[str, ...] = ()
        """Those in whose rooms it is, while it is live."""
        self._audiences: tuple[Audience, ...] = ()
        self.queue: Queue = Latest() if manner.delivery is Delivery.LATEST else All()
        self.alike: Hashable = None
        self.ready: Callable[[str], None] | None = None
        self.live = False
        self.stale = True
        """Whether access has to be looked at again before it goes on."""
        self.out = False
        """Whether the event that was taken last may not have gone out yet."""
        self.lagging = False
        """Whether its reader has stopped reading, until it takes something again."""
        self.error: Exception | type[Exception] | None = None
        self.gap: Mapping[str, object] | None = None
        self.task: asyncio.Task[None] | None = None
        self._woken: asyncio.Future[None] | None = None
        self._rounds = Rounds(manner.seconds, self._announce) if manner.seconds else None
        self._asked_again: asyncio.TimerHandle | None = None

    def attach(self, alike: Hashable, ready: Callable[[str], None]) -> None:
        """`core.domain.ports.Watching.attach`."""
        self.alike, self.ready = alike, ready
        self.parts.catch_up(self)

    def take(self) -> Seen | None:
        """`core.domain.ports.Watching.take`."""
        self.out = self.lagging = False
        if self.error is not None:
            raise self.error
        queue = self.queue
        while queue and (self._rounds is None or self._rounds.begun()):
            moment = self.parts.current
            if moment is None or moment.until <= self.parts.clock.monotonic():
                moment = self.parts.moment()
            if moment.stale:
                self._doubt()  # what waits goes on waiting until it is known who may see it
                break
            if self.viewer.expires_at <= moment.now:
                self.end(expired())
                raise expired()
            seen = queue.take()
            if seen.still(self.viewer.grant):
                self.out = True
                if queue.skipped or self.gap is not None:
                    return seen.beside(self._extras(queue.skipped))
                return seen
        self.passed()
        return None

    def passed(self) -> bool:
        """`core.domain.ports.Watching.passed`."""
        self.out = self.lagging = False
        if self.queue:
            return True
        if self._rounds is not None and self.live:
            self._rounds.open = False  # what is still to be read belongs to this round
        if self._woken is not None:
            self.wake()
        return False

    def lag(self) -> None:
        """`core.domain.ports.Watching.lag`; what is coalesced is bounded as it is."""
        if self.manner.delivery is Delivery.ALL and self.error is None and not self.lagging:
            self.lagging = True
            self.parts.fallen += self.live
            self.fall_back()

    @property
    def cursor(self) -> str | None:
        """`core.domain.ports.Watching.cursor`."""
        # Nor while a gap waits to be told: whoever came back from beyond it would not know of it.
        if self.out or self.queue or self.error is not None or self.gap is not None:
            return None
        if not all(audience.knows(self) for audience in self._audiences):
            return None
        return self.parts.cursors.places(self.viewer.grant.id, self._reached())

    def push(self, news: Sequence[Seen]) -> None:
        """One of its rooms has events that it sees."""
        queue, quiet = self.queue, not (self.queue or self.out)
        for seen in news:
            if len(queue) >= QUEUE:
                self.parts.fallen += 1
                self.fall_back()
                return
            queue.put(seen)
        if quiet and self.ready is not None:
            self.ready(news[0].event.home.id)

    def offer(self, events: Iterable[Event], reached: Mapping[str, int]) -> None:
        """Have what it sees of these events of the log taken; up to `reached` there are no others.

        Nothing may be awaited between their reading for its places and this.
        """
        seal = self.parts.cursors.of_grant(self.viewer.grant.id)
        grant = self.viewer.grant
        for event in events:
            home_id = event.home.id
            if event.place <= self.places.get(home_id, event.place):
                continue
            self.places[home_id] = event.place
            roster = self.rooms[home_id].roster
            if self.wanted.matches(event) and grant.shows(event, roster.rooms):
                self.queue.put(Seen(event, dict(self.places), seal, roster))
        for home_id, head in reached.items():
            if home_id in self.places:
                self.places[home_id] = max(head, self.places[home_id])
        self._announce()

    def lost(self, gap: Gap) -> None:
        """The log does not reach back to its places any more; its reader is told, once."""
        since = gap.since.isoformat().replace("+00:00", "Z")
        self.gap = {"reason": gap.reason.value, "since": since}
        for home_id, place in gap.places.items():
            self.places[home_id] = max(place, self.places[home_id])

    def enter(self) -> None:
        """Be told from now on. Nothing may be awaited since its places were the feed's."""
        self.homes, self.live, self.places = tuple(sorted(self.places)), True, {}
        self._audiences = tuple(
            self.rooms[home_id].enter(self, self.homes) for home_id in self.homes
        )
        if self._rounds is not None and not self.queue:
            self._rounds.open = False

    def fall_back(self) -> None:
        """Read on from the log, from where the reader is."""
        self.places = self.queue.first().before() if self.queue else self._reached()
        self.queue.clear()
        if self.live:
            self.live = False
            for home_id in self.homes:
                self.rooms[home_id].leave(self, self.homes)
            self._audiences = ()
        self.parts.catch_up(self)

    def changed(self) -> None:
        """Something about the grant has changed."""
        if self.error is None:
            self.stale = True
            self.fall_back()
            self.wake()

    def end(self, error: Exception | type[Exception]) -> None:
        """Nothing more is shown; whoever reads is told why."""
        if self.error is None:
            self.error = error
            self.fall_back()
            for timer in (self._rounds, self._asked_again):
                if timer is not None:
                    timer.cancel()
            self.parts.let_go(self)
            if self.ready is not None:
                self.ready("")

    @property
    def lapsed(self) -> bool:
        """Whether it does not know any more who is where in one of its homes."""
        return any(room.roster.lapsed for room in self.rooms.values())

    @property
    def full(self) -> bool:
        """Whether more of the log is of no use yet."""
        if self.manner.delivery is Delivery.LATEST:
            return len(self.queue) >= QUEUE
        return self.out or self.lagging or bool(self.queue)

    async def woken(self) -> None:
        """Wait until it is not full any more, or something has changed."""
        self._woken = asyncio.get_running_loop().create_future()
        try:
            await self._woken
        finally:
            self._woken = None

    def wake(self) -> None:
        """Let who waits for it look again."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _reached(self) -> dict[str, int]:
        if not self.live:
            return self.places
        return {one.home_id: one.reached(self) for one in self._audiences}

    def _extras(self, skipped: int) -> Mapping[str, object]:
        """What is to be said beside the event that is taken."""
        extras: dict[str, object] = {"coalesced": skipped} if skipped else {}
        if self.gap is not None:
            extras["gap"], self.gap = self.gap, None
        return extras

    def _doubt(self) -> None:
        if self._asked_again is None:
            loop = asyncio.get_running_loop()
            self._asked_again = loop.call_later(DOUBT_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        self._asked_again = None
        self._announce()

    def _announce(self) -> None:
        if self.queue and not self.out and self.ready is not None:
            self.ready(self.queue.first().event.home.id)
