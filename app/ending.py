"""The end of a process: that it was asked for, and how often. Who asks twice is in a hurry."""

import asyncio
from collections.abc import Coroutine
from signal import SIGINT, SIGTERM
from typing import Any, Final

MOST: Final = 3
"""So many times it makes a difference: end in order; end sooner; a parent ends its workers."""


class Ending:
    """How often this process was asked to end."""

    def __init__(self) -> None:
        """Not yet."""
        self._asked = [asyncio.Event() for _ in range(MOST)]

    def set(self) -> None:
        """Ask once more."""
        for event in self._asked:
            if not event.is_set():
                event.set()
                return

    async def wait(self, times: int = 1) -> None:
        """Return once it was asked for so many times."""
        await self._asked[times - 1].wait()

    async def unless_hurried(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, or give it up once the end was asked for a second time."""
        doing, hurried = asyncio.create_task(work), asyncio.create_task(self.wait(2))
        try:
            await asyncio.wait({doing, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
            if not doing.done():
                doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        if not doing.cancelled():
            doing.result()


def asked_to_end() -> Ending:
    """What is asked of this process from now on (SIGINT, SIGTERM)."""
    ending = Ending()
    loop = asyncio.get_running_loop()
    for signal in (SIGINT, SIGTERM):
        loop.add_signal_handler(signal, ending.set)
    return ending
