"""Retention: each home's log is kept for a time and up to a number of events, and no longer.

By time, a home says itself when to look at it: when its oldest event will be too old. By number,
whoever commits an event whose place is a multiple of a step has its home looked at: places are
given without gaps, so one process sees each multiple, and nobody has to count. What a process that
is killed had seen, another one sees a step later.

Every process prunes. They share the work by claiming homes, and rest after each transaction.
"""

from itertools import islice
from typing import Final

from core import observe
from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.relay import Relay
from core.store.committer import Committed
from core.store.retention import Bounds, KeptRows

log = observe.logger(__name__)

BEAT_SECONDS: Final = 5.0
REST_SECONDS: Final = 0.05
WALK_SECONDS: Final = 21_600.0
BATCH: Final = 500
"""Events that one transaction deletes: on SQLite all others wait for it."""
STEPS: Final = 50
"""A log holds at most one of so many parts more than it should, for as long as a look takes."""


class Retention:
    """Prunes the logs; `run` is its one task."""

    def __init__(self, rows: KeptRows, relay: Relay, clock: Clock, bounds: Bounds) -> None:
        """Keep so much of each home's log, and hear from the relay which have grown."""
        self._rows = rows
        self._clock = clock
        self._bounds = bounds
        self._step = max(1, bounds.events // STEPS)
        self._grown: set[str] = set()
        self._walked_at: float | None = None
        self._down = False
        self.pruned = 0
        """Events deleted by this process."""
        self.late = 0.0
        """Seconds for which a home was due when this process last looked; 0 where none was."""
        relay.taps.append(self._committed)

    async def run(self) -> None:
        """Look at what is due, for ever."""
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            try:
                await self.look()
                self._down = False
            except Unavailable:
                if not self._down:
                    log.warning("retention_waits", homes=len(self._grown))
                self._down = True

    async def look(self) -> None:
        """Prune until nothing is due any more that others are not at.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._walk()
        while True:
            await self._hurry()
            waits = await self._rows.waits()
            self.late = waits or 0.0
            if waits is None:
                return
            done = await self._rows.prune(self._bounds, BATCH)
            self.pruned += done.events
            if not done.homes:
                return
            await self._clock.sleep(REST_SECONDS)

    async def _walk(self) -> None:
        """Find the homes that nobody looks at, since the process that made them was killed, say."""
        now = self._clock.monotonic()
        if self._walked_at is not None and now - self._walked_at < WALK_SECONDS:
            return
        after: str | None = ""
        while after is not None:
            after = await self._rows.walk(self._bounds, after)
            await self._clock.sleep(REST_SECONDS)
        self._walked_at = now

    async def _hurry(self) -> None:
        while self._grown:
            some = set(islice(self._grown, BATCH))
            await self._rows.hurry(some)
            self._grown -= some

    def _committed(self, facts: Committed) -> None:
        most, step = self._bounds.events, self._step
        for event in facts.events:
            place = event.place
            if place == 1 or (place > most and place % step == 0):
                self._grown.add(event.home.id)
