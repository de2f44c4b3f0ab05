"""The feed: the one ordered tail of each watched log in this process, whoever wrote the log.

A hint, a dirty row or this process's own commit names a place; whatever lies beyond the known place
makes the feed go on from there: in order, exactly once, without gaps. A listener is a plain
function that is told each entry and must not wait. A process that was held up for so long that what
it has not read is no longer kept tells its listeners of a lapse instead, and goes on behind it.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core import observe
from core.broadcast import Hints
from core.domain.errors import Missing, Unavailable
from core.domain.events import Entry, Lapse
from core.domain.ports import Clock
from core.relay import Relay, channel
from core.store.committer import Committed
from core.store.ledger import ACCESS
from core.store.logs import Logs, Mark

log = observe.logger(__name__)
Listener = Callable[[Entry], None]

POLL_SECONDS = 0.5
LATE_SECONDS = 1.5
STALE_SECONDS = 3.0
FRESH_SECONDS = 1.0
IDLE_SECONDS = 30.0
PAGE = 500
READERS = 4
UNKNOWN = -1
PLACE = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True)
class Tail:
    """How far one log is known here, how far it is said to be, and who listens."""

    log_id: str
    place: int = UNKNOWN
    wanted: int = UNKNOWN
    listeners: tuple[Listener, ...] = ()
    idle_since: float | None = None
    reading: asyncio.Task[None] | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)


class Feed:
    """Owns the tails of this process. `poll` and `hear` run as tasks."""

    def __init__(self, logs: Logs, relay: Relay, hints: Hints, clock: Clock) -> None:
        """No log is watched yet."""
        self._logs = logs
        self._relay = relay
        self._inbox = hints.inbox()
        self._clock = clock
        self._tails: dict[str, Tail] = {}
        self._slots = asyncio.Semaphore(READERS)
        self._behind: set[str] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._fresh_at = clock.monotonic()
        relay.taps.append(self._committed)

    async def follow(self, log_id: str, listener: Listener) -> int:
        """Tell `listener` every entry after the returned place, until `drop`.

        Raises:
            Missing: there is no such log.
            Unavailable: the database does not answer.
        """
        tail = self._tails.get(log_id)
        if tail is None:
            tail = self._tails[log_id] = Tail(log_id)
            try:
                await self._start(tail)
            except BaseException:
                self._tails.pop(log_id, None)
                tail.known.set()
                raise
        else:
            await tail.known.wait()
            if tail.place == UNKNOWN:  # whoever started it failed
                return await self.follow(log_id, listener)
        tail.listeners = (*tail.listeners, listener)
        tail.idle_since = None
        return tail.place

    def drop(self, log_id: str, listener: Listener) -> None:
        """Stop telling this listener. The tail stays warm for a while."""
        tail = self._tails[log_id]
        at = tail.listeners.index(listener)
        tail.listeners = tail.listeners[:at] + tail.listeners[at + 1 :]
        if not tail.listeners:
            tail.idle_since = self._clock.monotonic()

    def place(self, log_id: str) -> int:
        """The newest place that listeners of this followed log have been told."""
        return self._tails[log_id].place

    def current(self, log_id: str, place: int) -> bool:
        """Whether a reader at this place of a followed log is at most a second behind its head.

        It is not where anything beyond is known of, or where nobody has looked for a second.
        """
        tail = self._tails[log_id]
        known = place >= tail.wanted and place >= tail.place
        return known and self.age <= FRESH_SECONDS

    def known(self, log_id: str) -> int | None:
        """The newest place of a log that is known of here; None where the log is not followed."""
        tail = self._tails.get(log_id)
        return None if tail is None or tail.place == UNKNOWN else max(tail.place, tail.wanted)

    def expect(self, log_id: str, place: int) -> None:
        """Note that a log has reached this place; who is behind it is not current."""
        if tail := self._tails.get(log_id):
            self._want(tail, place)

    def stale(self) -> bool:
        """Whether the logs could not be read for so long that access may have been taken back."""
        return self._clock.monotonic() - self._fresh_at > STALE_SECONDS

    @property
    def age(self) -> float:
        """Seconds since the dirty rows were last looked at."""
        return self._clock.monotonic() - self._fresh_at

    @property
    def behind(self) -> int:
        """How many followed logs are known to go on beyond what their listeners were told."""
        return sum(tail.wanted > tail.place for tail in self._tails.values())

    def __len__(self) -> int:
        """How many logs are followed."""
        return len(self._tails)

    async def hear(self) -> None:
        """Take in hints, for ever."""
        async for event in self._inbox:
            log_id = event.channel.rpartition(":")[2]
            if (tail := self._tails.get(log_id)) and PLACE.fullmatch(event.message):
                self._want(tail, int(event.message))

    async def poll(self) -> None:
        """Read the dirty rows twice a second, for ever; after a late poll, read all heads."""
        while True:
            started = self._clock.monotonic()
            try:
                await self._sweep(started)
            except Unavailable:
                log.warning("logs_unreadable")
            await self._let_go()
            await self._clock.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """End the reads and the house-keeping under way."""
        under_way = (*(tail.reading for tail in self._tails.values()), self._keeping)
        tasks = [task for task in under_way if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start(self, tail: Tail) -> None:
        # Hear first, then look: what is committed after the look has a hint that will be heard.
        await self._inbox.join(channel(tail.log_id))
        head: int | None = None
        try:
            head = (await self._logs.heads([tail.log_id])).get(tail.log_id)
        finally:
            if head is None:
                await self._inbox.leave(channel(tail.log_id))
        if head is None:
            sentence = f"There is no log {tail.log_id}."
            raise Missing(sentence)
        tail.place = head
        tail.known.set()
        self._want(tail, tail.wanted)

    async def _sweep(self, started: float) -> None:
        marks = await self._logs.marks()
        places = {mark.log_id: mark.place for mark in marks}
        # Between the two looks at the rows lies at most the time from the start of one to now.
        if self.age > LATE_SECONDS:
            places |= await self._logs.heads(list(self._tails))
        self._fresh_at = started
        behind, self._behind = self._behind, set()
        for log_id in behind | places.keys():
            if tail := self._tails.get(log_id):
                self._want(tail, places.get(log_id, UNKNOWN))
        # Not awaited: it writes, and whoever writes may have to wait for longer than readers may.
        if self._keeping is None or self._keeping.done():
            if self._keeping is not None:
                self._keeping.result()  # a defect in it ends the poll, and so is seen
            self._keeping = asyncio.create_task(self._keep_house(marks))

    async def _keep_house(self, marks: Sequence[Mark]) -> None:
        try:
            await self._relay.keep_house(marks)
        except Unavailable:
            log.warning("marks_not_kept")

    async def _let_go(self) -> None:
        now = self._clock.monotonic()
        for tail in list(self._tails.values()):
            if tail.idle_since is None or now - tail.idle_since < IDLE_SECONDS or tail.reading:
                continue
            del self._tails[tail.log_id]
            await self._inbox.leave(channel(tail.log_id))
            if tail.log_id in self._tails:  # somebody began to follow it while we were leaving
                await self._inbox.join(channel(tail.log_id))

    def _committed(self, facts: Committed) -> None:
        for event in facts.events:
            if tail := self._tails.get(event.home.id):
                self._take(tail, event)
        if tail := self._tails.get(ACCESS):
            for entry in facts.accesses:
                self._take(tail, entry)

    def _take(self, tail: Tail, entry: Entry) -> None:
        if tail.place != UNKNOWN and entry.place == tail.place + 1:
            self._tell(tail, entry)
        else:
            self._want(tail, entry.place)

    def _want(self, tail: Tail, place: int) -> None:
        tail.wanted = max(tail.wanted, place)
        if tail.place != UNKNOWN and tail.wanted > tail.place and tail.reading is None:
            tail.reading = asyncio.create_task(self._read(tail))

    async def _read(self, tail: Tail) -> None:
        try:
            while (wanted := tail.wanted) > tail.place:
                async with self._slots:
                    entries = await self._logs.read(tail.log_id, tail.place, PAGE)
                    before = entries[0].place - 1 if entries else await self._floor(tail)
                if before > tail.place:
                    self._tell(tail, Lapse(tail.log_id, before))
                for entry in entries:
                    if entry.place > tail.place:
                        self._tell(tail, entry)
                if not entries and tail.wanted == wanted:  # a hint that lied, or named what is gone
                    tail.wanted = tail.place
                elif len(entries) == PAGE:  # it may end in the middle of a transaction
                    tail.wanted = max(tail.wanted, tail.place + 1)
        except Unavailable:
            self._behind.add(tail.log_id)
            log.warning("log_unreadable", log_id=tail.log_id)
        finally:
            tail.reading = None

    async def _floor(self, tail: Tail) -> int:
        """The place up to which the log is gone; it is looked for where nothing follows."""
        floor = (await self._logs.floors([tail.log_id], urgent=True)).get(tail.log_id)
        return floor.place if floor is not None else UNKNOWN

    def _tell(self, tail: Tail, entry: Entry) -> None:
        tail.place = entry.place
        for listener in tail.listeners:  # whoever comes or goes meanwhile makes others of them
            try:
                listener(entry)
            except Exception:  # one listener's bug must not cost the others an event
                log.exception("listener_failed", log_id=tail.log_id, place=entry.place)
