"""Processes that hear each other over a server, and tests that wait for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from core.broadcast import Hints, Inbox, open_broadcast

PATIENCE = 15.0
"""Seconds for what takes less than one on a quiet machine."""
PROMPT = 2.0
"""Seconds within which nobody is kept waiting, on a busy machine; a hang is longer."""


@asynccontextmanager
async def process(url: str, *, there: bool = True) -> AsyncIterator[Hints]:
    """A process's broadcast, once it is connected if its server is there."""
    began = time.monotonic()
    hints = open_broadcast(url)
    async with hints:
        assert time.monotonic() - began < PROMPT
        if there:
            await until(lambda: hints.tally.connected)
        yield hints
    assert hints.tally.open == 0


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a server's doing, which tells nobody
            await asyncio.sleep(0.005)


async def joined(hints: Hints, *channels: str) -> Inbox:
    """A new inbox on these channels, joined at once."""
    inbox = hints.inbox()
    await asyncio.gather(*map(inbox.join, channels))
    return inbox


async def heard(inbox: Inbox) -> tuple[str, str]:
    """The next message, within patience."""
    async with asyncio.timeout(PATIENCE):
        event = await inbox.get()
        return event.channel, event.message


async def reached(speaker: Hints, inbox: Inbox, *channels: str) -> None:
    """Return once what is said on each of these channels is heard; it is said again and again."""
    missing, number = set(channels), 0
    async with asyncio.timeout(PATIENCE):
        while missing:
            number += 1
            for channel in missing:
                await speaker.publish(channel, str(number))
            try:
                async with asyncio.timeout(0.05):
                    while missing:
                        missing.discard((await inbox.get()).channel)
            except TimeoutError:
                continue


async def nothing(inbox: Inbox, channel: str) -> None:
    """See that nothing is heard of this channel for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            while True:
                assert (await inbox.get()).channel != channel
