"""The pump: whose turn it is to write.

An event of one home may make a thousand sockets write, and they must not keep a socket of another
home waiting. So homes take turns, some messages of their sockets each, and the loop sees to
everything else in between.

What is written is sent some sockets at a time, the last of a turn when that ends. So a socket's
messages take one call of the system, and those calls follow each other: between two of them, what
renders an event would have to be fetched into the processor's caches anew, and readers would fall
asleep and be woken.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from core import observe

log = observe.logger(__name__)

SLICE: Final = 64
"""Messages of one home that are written before another home has its turn, and writers that wait at
most until what they wrote is sent."""
TURN: Final = 256
"""Messages that are written before the loop looks at what else there is; a few milliseconds."""
Write: TypeAlias = Callable[[], object]
"""Writes a few messages and counts them in `Pump.written`; what is left has to be added again."""


class Pump:
    """Those who have something to write, by home."""

    def __init__(
        self, begin: Callable[[], object] = bool, end: Callable[[], object] = bool
    ) -> None:
        """Nobody. `begin` and `end` are called around what is written without the loop between."""
        self._begin = begin
        self._end = end
        self._lanes: dict[str, deque[Write]] = {}
        self._order: deque[str] = deque()
        self._flushes: list[Callable[[], object]] = []
        self._turning = False
        self.turn: str | None = None
        """The home that has its turn just now."""

        self.written = 0
        """Messages so far."""

    def add(self, home_id: str, write: Write) -> None:
        """Have `write` called in its turn, once. It must not wait."""
        lane = self._lanes.get(home_id)
        if lane is None:
            lane = self._lanes[home_id] = deque()
            self._order.append(home_id)
        lane.append(write)
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def settle(self, flush: Callable[[], object]) -> None:
        """Have what was written sent: with others, in this turn, or at once where there is none.

        `flush` must not wait.
        """
        self._flushes.append(flush)
        if self.turn is None or len(self._flushes) >= SLICE:
            self._send()

    def _turn(self) -> None:
        until = self.written + TURN
        self._begin()
        try:
            while self.written < until and self._order:
                self.turn = home_id = self._order.popleft()
                lane = self._lanes[home_id]
                self._write(lane)
                if lane:
                    self._order.append(home_id)
                else:
                    del self._lanes[home_id]
        finally:
            self.turn = None
            self._send()
            self._end()
        self._turning = bool(self._order)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)

    def _send(self) -> None:
        flushes, self._flushes = self._flushes, []
        for flush in flushes:
            try:
                flush()
            except Exception:  # as in `_write`
                log.exception("flush_failed")

    def _write(self, lane: deque[Write]) -> None:
        """One home's turn; whoever writes nothing counts as well, so that it ends."""
        until = self.written + SLICE
        while lane and self.written < until:
            least = self.written + 1
            try:
                lane.popleft()()
            except Exception:  # one socket's bug must not cost the others their turns
                log.exception("write_failed")
            self.written = max(self.written, least)
