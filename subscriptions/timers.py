"""Timers and errands of one connection: what happens by itself, without a task that only waits."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from subscriptions.outlet import Gone

Errand: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Timers:
    """Errands by name: one of each waits at most, and one of each runs at most."""

    __slots__ = ("_ended", "_running", "_waiting")

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ended = False

    def set(self, name: str, seconds: float, errand: Errand) -> None:
        """Run the errand then, in place of the one that waits under this name.

        One that is due while its forerunner still runs is put off until that has ended: a peer that
        does not read gets no second ping.
        """
        self.stop(name)
        if not self._ended:
            loop = asyncio.get_running_loop()
            self._waiting[name] = loop.call_later(seconds, self._due, name, errand)

    def stop(self, name: str) -> None:
        """Let what waits under this name not happen; what runs goes on."""
        if (timer := self._waiting.pop(name, None)) is not None:
            timer.cancel()

    async def end(self) -> None:
        """Stop everything, what runs too."""
        self._ended = True
        for name in tuple(self._waiting):
            self.stop(name)
        tasks = tuple(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, name: str, errand: Errand) -> None:
        del self._waiting[name]
        if (before := self._running.get(name)) is not None:
            before.add_done_callback(lambda _: self.set(name, 0, errand))
            return
        task = self._running[name] = asyncio.create_task(_quietly(errand))
        task.add_done_callback(lambda _: self._running.pop(name, None))


async def _quietly(errand: Errand) -> None:
    with contextlib.suppress(Gone):
        await errand()
