"""Proofs that are shown for resources: each once, whichever process sees it (RFC 9449 §11.1).

What this process has seen it remembers; what it has not, it asks of the database, all that wait in
one statement. Where the database does not answer, nobody knows, and nothing is let through.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from core import observe
from core.domain.errors import LatchkeyError, Unavailable
from core.domain.ports import Clock
from core.store.proofs import ShownProofs

log = observe.logger(__name__)

BATCH: Final = 200
WAITING: Final = 5_000
WAIT_SECONDS: Final = 5.0
REMEMBERED: Final = 50_000
"""The oldest are forgotten beyond that: the database knows them. Each is about 200 bytes."""


@dataclass(slots=True)
class _Waiting:
    digest: str
    until: datetime
    done: "asyncio.Future[bool]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Proofs:
    """Knows what was shown; `run` is its one task."""

    def __init__(self, rows: ShownProofs, clock: Clock) -> None:
        """Share these rows with every other process."""
        self._rows = rows
        self._clock = clock
        self._seen: dict[str, None] = {}
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    async def use(self, digest: str, until: datetime) -> bool:
        """Show what may be shown once; whether this was the first time. It is known `until` then.

        What fails here is used up as well: nobody knows whether it was noted.

        Raises:
            Unavailable: the database does not answer in time, or too many wait for it.
        """
        if digest in self._seen:
            return False
        if self._closed or len(self._queue) >= WAITING:
            raise _unavailable()
        self._remember(digest)
        waiting = _Waiting(digest, until)
        self._queue.append(waiting)
        self._wake.set()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await waiting.done
        except TimeoutError:
            raise _unavailable() from None

    async def run(self) -> None:
        """Put what waits until cancelled; then nothing is taken any more."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    count = min(len(self._queue), BATCH)
                    await self._put([self._queue.popleft() for _ in range(count)])
        finally:
            self._closed = True
            _tell(self._queue, _unavailable())

    async def _put(self, batch: Sequence[_Waiting]) -> None:
        # Who has given up does not need it any more.
        shown = {one.digest: one.until for one in batch if not one.done.done()}
        if not shown:
            return
        try:
            new = await self._rows.put(shown, self._clock.now())
        except asyncio.CancelledError:
            _tell(batch, _unavailable())
            raise
        except Exception as error:  # the process loop: whoever waits is told
            if not isinstance(error, LatchkeyError):
                log.exception("proofs_not_put")
            _tell(batch, _unavailable())
            return
        for one in batch:
            if not one.done.done():
                one.done.set_result(one.digest in new)

    def _remember(self, digest: str) -> None:
        self._seen[digest] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _tell(waiting: Sequence[_Waiting] | deque[_Waiting], error: LatchkeyError) -> None:
    for one in waiting:
        if not one.done.done():
            one.done.set_exception(error)


def _unavailable() -> Unavailable:
    return Unavailable("Proofs cannot be checked now; make a new one and try again in a moment.")
