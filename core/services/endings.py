"""Waiting for commands to end, by the feed."""

import asyncio
from collections.abc import Sequence

from core.domain.commands import Command, as_of
from core.domain.events import Entry, Event
from core.domain.ports import Clock


class Endings:
    """Which commands of some homes have ended since the block began."""

    def __init__(self, clock: Clock) -> None:
        """None yet."""
        self._clock = clock
        self._ended: dict[str, Command] = {}
        self._news = asyncio.Event()

    def told(self, entry: Entry) -> None:
        """Take in one event."""
        if isinstance(entry, Event) and entry.command is not None and not entry.command.open:
            self._ended[entry.command.id] = entry.command
            self._news.set()

    async def wait(self, commands: Sequence[Command], seconds: float) -> list[Command]:
        """The commands once all have ended, or after `seconds`, or at their deadline."""
        until = self._clock.monotonic() + seconds
        while True:
            now = self._clock.now()
            current = [as_of(self._ended.get(one.id, one), now) for one in commands]
            still = [one.deadline for one in current if one.open]
            left = until - self._clock.monotonic()
            if not still or left <= 0:
                return current
            deadline = (max(still) - now).total_seconds()
            self._news.clear()
            await self._news_or(min(left, deadline))

    async def _news_or(self, seconds: float) -> None:
        news = asyncio.create_task(self._news.wait())
        sleep = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({news, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            sleep.cancel()
