"""Reports on their way to the one reader of a simulator: bounded, and never without the newest."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Final

from core.domain.ports import Report

LIMIT: Final = 4096


class Outbox(AsyncIterator[Report]):
    """A queue of at most `limit` reports, or four per device where that is more.

    When it is full, older reports of a device are folded into its newer ones: values merge, the
    newer win. A settled report is folded only into a settled one, so at most two of a device stay
    and no command misses its confirmation; what is lost is how the device got there.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = self._room = limit
        self._queue: deque[Report] = deque()
        self._stirred = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        """How many reports wait."""
        return len(self._queue)

    def put(self, report: Report) -> None:
        """Queue a report; after the end it is dropped."""
        if self._closed:
            return
        self._queue.append(report)
        if len(self._queue) > self._room:
            self._queue = deque(folded(self._queue))
            self._room = max(self._limit, 2 * len(self._queue))
        self._stirred.set()

    def drop(self, device_id: str) -> None:
        """Forget what waits of this device."""
        self._queue = deque(report for report in self._queue if report.device_id != device_id)

    def close(self, error: BaseException | None = None) -> None:
        """Let the reader end after what still waits; with `error` it ends by raising that."""
        if not self._closed:
            self._closed, self._error = True, error
        self._stirred.set()

    async def __anext__(self) -> Report:
        """The next report."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._closed:
                raise StopAsyncIteration
            self._stirred.clear()
            await self._stirred.wait()
        return self._queue.popleft()


def folded(reports: Iterable[Report]) -> list[Report]:
    """The same news in at most two reports per device; late and repeated ones are dropped."""
    kept: dict[str, list[Report]] = {}
    for report in reports:
        last = kept.setdefault(report.device_id, [])
        if last and report.order <= last[-1].order:
            continue
        newest = report
        while last and (newest.settled or not last[-1].settled):
            newest = _fold(last.pop(), newest)
        last.append(newest)
    return [report for waiting in kept.values() for report in waiting]


def _fold(older: Report, newer: Report) -> Report:
    online = older.online if newer.online is None else newer.online
    state = older.state.merged(newer.state)
    return Report(newer.device_id, newer.order, state, newer.settled, online)
