"""The newest message of each channel: what makes a broadcast never grow.

A hint says "at least this far", so of several on one channel only the newest matters, and of too
many channels the one that has waited longest is given up: whoever it was for looks by itself.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping


class Newest:
    """Messages that wait, one a channel, the channel that has waited longest first."""

    def __init__(self, most: int | None = None) -> None:
        """Room for so many channels; None where whoever puts sees to it."""
        self._most = most
        self._waiting: OrderedDict[str, str] = OrderedDict()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        """How many channels wait."""
        return len(self._waiting)

    def put(self, channel: str, message: str) -> int:
        """Take in a message, in place of an older one; returns how many were given up for it."""
        self._waiting[channel] = message
        self._some.set()
        return self._give_up()

    def put_back(self, messages: Mapping[str, str]) -> int:
        """Take in again what was taken, where nothing newer has come; as `put` otherwise."""
        for channel, message in reversed(list(messages.items())):
            if channel not in self._waiting:
                self._waiting[channel] = message
                self._waiting.move_to_end(channel, last=False)
                self._some.set()
        return self._give_up()

    def take(self, most: int) -> dict[str, str]:
        """Take out what has waited longest, so many channels at most."""
        pieces = range(min(most, len(self._waiting)))
        return dict(self._waiting.popitem(last=False) for _ in pieces)

    async def some(self) -> None:
        """Return once something waits."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()

    async def next(self) -> tuple[str, str]:
        """Take out the channel that has waited longest, with its message."""
        await self.some()
        return self._waiting.popitem(last=False)

    def _give_up(self) -> int:
        over = 0 if self._most is None else max(len(self._waiting) - self._most, 0)
        for _ in range(over):
            self._waiting.popitem(last=False)
        return over
