"""Isolation: what one receiver does costs the others nothing, and the worker no memory.

How much later the good ones get theirs beside bad ones is `make bench`'s business
(`webhook_isolation`); here they are done while the bad ones still keep the worker waiting.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from app.working import working
from bench.machine import rss_mb
from core.domain.endpoints import Ordering
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, lamp, settle
from tests.webhooks.partner import Partner, partner, registered, told
from tests.webhooks.receivers import Serve, receiver, request
from tests.webhooks.test_hostile import drip_head, hang, reset

GOOD: Final = 9
EVENTS: Final = 30
GIGABYTE: Final = 1 << 30
FLOODS: Final = 60
MOST_GROWTH_MB: Final = 32
MOST_READ: Final = 4_000_000
"""Bytes of one answer that get out before the connection is cut: both sides' buffers, and some."""
PATIENT: Final = {
    "webhook_schedule": "0.2,0.2,0.2,0.2",
    "webhook_allow": "127.0.0.0/8",
    "webhook_timeout_seconds": "60",
}
"""A request may take a minute, which nobody here waits for."""


class Flood:
    """A receiver that answers with a gigabyte, and counts what of it got out."""

    def __init__(self) -> None:
        self.asked = 0
        self.most = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write until nobody reads on."""
        await request(reader)
        self.asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIGABYTE)
        for written in range(0, GIGABYTE, 1 << 16):
            self.most = max(self.most, written)
            writer.write(b"x" * (1 << 16))
            await writer.drain()


async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Fail, every time."""
    while True:
        await request(reader)
        writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno")


BAD: Final[Mapping[str, Serve]] = {
    "hang": hang,
    "drip": drip_head,
    "reset": reset,
    "500": broken,
}


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home of two lamps, shared with a partner."""
    async with run_house(database_url, **PATIENT) as house:
        yield await settle(house, [lamp("lamp"), lamp("other")])


async def test_bad_receivers_delay_nobody(estate: Estate) -> None:
    """One that hangs, one that drips, one that resets, one that fails, one with a gigabyte.

    Nine others have everything, once and recorded, while the first two have answered nothing yet.
    """
    async with working(estate.house), AsyncExitStack() as stack:
        good = [await stack.enter_async_context(partner(estate)) for _ in range(GOOD)]
        bad = {name: await _bad(stack, estate, serve) for name, serve in BAD.items()}
        flood = await _bad(stack, estate, Flood())
        events = [event.id for event in await told(estate, EVENTS)]
        await eventually(lambda: _delivered(good))
        assert [one.events() for one in good] == [events] * GOOD
        assert [len(one.got) for one in good] == [EVENTS] * GOOD
        for one in (*bad.values(), flood):
            await eventually(lambda server=one.server: server.connections > 0)
        slow = [*await bad["hang"].deliveries(), *await bad["drip"].deliveries()]
        assert {(one.status.value, one.made) for one in slow} == {("PENDING", 0)}
        # The receivers end first, so that the worker has nothing to wait for.
    assert estate.house.dead == []


async def test_a_gigabyte_is_not_kept(estate: Estate) -> None:
    """Answers without an end are taken for what their status says, and cost no memory."""
    flood = Flood()
    async with working(estate.house), AsyncExitStack() as stack:
        bad = await _bad(stack, estate, flood, ordering=Ordering.UNORDERED)
        await told(estate, FLOODS // 2)
        await eventually(lambda: bad.statuses_are({"DELIVERED": FLOODS // 2}))
        before = rss_mb(os.getpid())
        await told(estate, FLOODS // 2, start=FLOODS)
        await eventually(lambda: bad.statuses_are({"DELIVERED": FLOODS}))
        after = rss_mb(os.getpid())
        assert before is not None
        assert after is not None
        assert after - before < MOST_GROWTH_MB
        assert flood.asked == FLOODS
        assert 0 < flood.most < MOST_READ


async def _bad(stack: AsyncExitStack, estate: Estate, serve: Serve, **defined: Any) -> Partner:
    """An endpoint of the estate's client, at a receiver of this kind."""
    server = await stack.enter_async_context(receiver(serve))
    return Partner(estate.house, await registered(estate, server.url, **defined), server)


async def _delivered(good: Sequence[Partner]) -> bool:
    return all([await one.statuses_are({"DELIVERED": EVENTS}) for one in good])
