"""The recorder: how long what is handed in waits for more."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast

import pytest

from app.working import working
from core.domain.sending import Account, Recorded, Settled
from core.domain.time import SystemClock
from core.services.outbox import Outbox
from tests.core.services.estate import Estate, eventually
from tests.core.services.repair import plan, wrong_lanes
from tests.webhooks.partner import partner, told
from webhooks import recorder as module
from webhooks.recorder import MANY, Recorder

ENDPOINTS = 4


class Books:
    """An outbox that takes everything at once, and notes how much at a time."""

    def __init__(self) -> None:
        """Nothing is written."""
        self.sizes: list[int] = []

    async def record(self, accounts: Mapping[str, Account]) -> Mapping[str, Recorded]:
        """Take it."""
        self.sizes.append(sum(len(one.settled) for one in accounts.values()))
        return dict.fromkeys(accounts, Recorded(taken=True))


class Keeper:
    """A bookkeeper of an endpoint that nothing is known of."""

    def account(self) -> Account:
        """An empty one."""
        return Account(token=0, version=0)

    def recorded(self, recorded: Recorded) -> None:
        """It was taken."""
        assert recorded.taken


KEEPERS = [Keeper() for _ in range(ENDPOINTS)]


@pytest.fixture
def books() -> Books:
    """Where it is written."""
    return Books()


@pytest.fixture
async def recorder(books: Books, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Recorder]:
    """One that is at work, and would gather for ever while more comes."""
    monkeypatch.setattr(module, "PACE_SECONDS", 60.0)
    monkeypatch.setattr(module, "SLICE_SECONDS", 0.05)  # more than a busy machine sleeps through
    made = Recorder(cast("Outbox", books), SystemClock())
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def hand_in(recorder: Recorder, count: int) -> list[asyncio.Future[None]]:
    """So many deliveries, of all endpoints in turns."""
    done = cast("Settled", None)
    return [
        recorder.take(f"endpoint_{n % ENDPOINTS}", cast("Any", KEEPERS[n % ENDPOINTS]), done)
        for n in range(count)
    ]


async def all_recorded(futures: list[asyncio.Future[None]]) -> None:
    """See that they are, soon."""
    async with asyncio.timeout(10):
        await asyncio.gather(*futures)


async def test_few_wait_for_nobody(recorder: Recorder, books: Books) -> None:
    """One that is handed in after another was recorded is recorded at once."""
    for _ in range(20):
        await all_recorded(hand_in(recorder, 1))
    assert books.sizes == [1] * 20


async def test_many_wait_while_more_come(recorder: Recorder, books: Books) -> None:
    """What comes within short is recorded together."""
    futures = hand_in(recorder, MANY)
    await all_recorded(futures)
    for _ in range(5):
        futures += hand_in(recorder, 10)
        await asyncio.sleep(0.001)
    await all_recorded(futures)
    assert sum(books.sizes) == MANY + 50
    assert len(books.sizes) < 5


async def test_nobody_waits_for_who_waits(recorder: Recorder, books: Books) -> None:
    """Where all that is under way has been handed in, no more can come before it is recorded."""
    for _ in range(3):
        await all_recorded(hand_in(recorder, MANY))
    assert books.sizes == [MANY] * 3


async def test_no_more_than_a_while(
    recorder: Recorder, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much goes on coming."""
    monkeypatch.setattr(module, "PACE_SECONDS", 0.05)
    futures = hand_in(recorder, MANY)
    async with asyncio.timeout(10):
        while len(books.sizes) < 3:
            futures += hand_in(recorder, 1)
            await asyncio.sleep(0.001)
    await all_recorded(futures)


async def test_nothing_is_recorded_behind_what_was_not(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a record fails for a reason that nobody foresaw: else a lane would have two firsts."""
    house, failed, record = estate.house, False, Outbox.record

    async def fails(outbox: Outbox, accounts: Mapping[str, Account]) -> Mapping[str, Recorded]:
        nonlocal failed
        if not failed:
            failed = True
            await asyncio.sleep(0.1)  # meanwhile more goes out and is handed in
            sentence = "nobody foresaw this"
            raise RuntimeError(sentence)
        return await record(outbox, accounts)

    async with partner(estate) as ours:
        await told(estate, 30)
        await plan(house, {ours.id: 30})
        monkeypatch.setattr(Outbox, "record", fails)
        async with working(house):

            async def over() -> bool:
                assert await wrong_lanes(house) == []
                return "PENDING" not in await ours.statuses()

            await eventually(over, 30)
        numbers = {one.event_id: one.number for one in await ours.deliveries()}
    order = [numbers[one.event] for one in ours.got]
    again = order.index(1, 1)
    assert order[:again] == [*range(1, again + 1)]
    assert order[again:] == [*range(1, 31)]
