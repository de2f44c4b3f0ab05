"""One task that does what is due, in order of time; with nothing due it sleeps or just waits."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Final

from core.domain.ports import Clock

BATCH: Final = 256
"""Actions in a row before the rest of the loop gets its turn."""


class Scheduler:
    """A heap of due actions; ties go by age, so the same calls give the same order.

    Actions are synchronous and do not raise; one that does ends the task and is told to `failed`.
    """

    def __init__(self, clock: Clock, failed: Callable[[BaseException], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._ages = count()
        self._task: asyncio.Task[None] | None = None
        self._nap: asyncio.Future[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many actions wait."""
        return len(self._heap)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have `action` done that many seconds from now; dropped once closed."""
        if self._closed:
            return
        entry = (self._clock.monotonic() + seconds, next(self._ages), action)
        heappush(self._heap, entry)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._ended)
        elif self._nap is not None and self._heap[0] is entry:
            self._nap.cancel()

    async def close(self) -> None:
        """End the task; what was due is not done any more."""
        self._closed = True
        self._heap.clear()
        tasks = [task for task in (self._task, self._nap) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for _ in range(BATCH):
                if self._left() > 0:
                    break
                heappop(self._heap)[2]()
            await self._rest()

    async def _rest(self) -> None:
        left = self._left()
        if left <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        forever = left == float("inf")
        self._nap = loop.create_future() if forever else loop.create_task(self._clock.sleep(left))
        await asyncio.wait((self._nap,))  # a nap that `after` cancelled is just over
        if not self._nap.cancelled():
            self._nap.result()

    def _left(self) -> float:
        return self._heap[0][0] - self._clock.monotonic() if self._heap else float("inf")

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
