"""One task that does what is due in all homes; with nothing due it sleeps or just waits."""

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from core.connectors.simulator.timeline import SLOPPY, Due, Timeline
from core.domain.ports import Clock

BATCH: Final = 64
"""Actions in a row before the rest of the loop gets its turn."""


class Scheduler:
    """A heap of timelines by when (world time) their next action is due; ties go by age.

    Actions are synchronous and do not raise; one that does ends the task and is told to `failed`.
    A timeline with much to do goes to the back of the queue after each action.
    """

    def __init__(self, clock: Clock, failed: Callable[[BaseException], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._heap: list[tuple[float, int, Timeline]] = []
        self._tickets: dict[Timeline, int] = {}
        self._ages = count()
        self._task: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many timelines have something due, sooner or later."""
        return len(self._tickets)

    def now(self, timeline: Timeline) -> float:
        """How far this timeline has got."""
        return timeline.now(self._clock.monotonic())

    def after(self, timeline: Timeline, seconds: float, act: Callable[[], None]) -> Due:
        """Have `act` done that many seconds of the timeline from now; never once closed."""
        due = timeline.after(self._clock.monotonic(), seconds, act)
        if not timeline.acting:  # else it is placed when the action is over
            self.place(timeline)
        return due

    def pace(self, timeline: Timeline, speed: float | None, step: float) -> None:
        """Let a timeline go on at this speed, with so many seconds put in."""
        timeline.pace(self._clock.monotonic(), speed, step)
        self.place(timeline)

    def place(self, timeline: Timeline) -> None:
        """Look anew when the next action of a timeline is due."""
        due = None if self._closed else timeline.due(self._clock.monotonic())
        if due is None:
            self._tickets.pop(timeline, None)
            return
        self._tickets[timeline] = ticket = next(self._ages)
        heappush(self._heap, (due, ticket, timeline))
        if len(self._heap) > 2 * len(self._tickets) + SLOPPY:
            self._heap = [entry for entry in self._heap if self._tickets.get(entry[2]) == entry[1]]
            heapify(self._heap)
        self._stir(ticket)

    def drop(self, timeline: Timeline) -> None:
        """Forget a timeline and whatever was due in it."""
        self._tickets.pop(timeline, None)

    async def close(self) -> None:
        """End the task; what was due is not done any more."""
        self._closed = True
        self._heap.clear()
        self._tickets.clear()
        tasks = [task for task in (self._task, self._nap) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stir(self, ticket: int) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._ended)
        elif self._nap is not None and self._heap[0][1] == ticket:
            self._nap.cancel()

    async def _run(self) -> None:
        while True:
            for _ in range(BATCH):
                if self._left() > 0:
                    break
                timeline = heappop(self._heap)[2]
                del self._tickets[timeline]
                timeline.act()
                self.place(timeline)
            await self._rest()

    async def _rest(self) -> None:
        left = self._left()
        if left <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        forever = left == float("inf")
        self._nap = loop.create_future() if forever else loop.create_task(self._clock.sleep(left))
        await asyncio.wait((self._nap,))  # a nap that `place` cancelled is just over
        if not self._nap.cancelled():
            self._nap.result()

    def _left(self) -> float:
        while self._heap and self._tickets.get(self._heap[0][2]) != self._heap[0][1]:
            heappop(self._heap)
        return self._heap[0][0] - self._clock.monotonic() if self._heap else float("inf")

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
