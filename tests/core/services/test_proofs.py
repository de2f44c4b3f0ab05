"""A proof is good once, whichever process it is shown to, however many show it at once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from app.compose import House
from core.domain.errors import Unavailable
from core.services.proofs import BATCH, REMEMBERED, WAITING, Proofs
from core.store.database import Database
from core.store.flows import proofs
from core.store.proofs import ShownProofs
from tests.conftest import Run
from tests.core.services.estate import LeapClock

MANY = 50
MINUTE = timedelta(minutes=1)


async def use(house: House, digest: str) -> bool:
    """Show a proof to a house."""
    return await house.services.proofs.use(digest, house.clock.now() + MINUTE)


async def rows(house: House) -> int:
    """How many are stored."""
    (row,) = await house.database.rows(select(func.count()).select_from(proofs))
    return int(row[0])


async def test_one_of_many_uses_wins_in_two_processes(database_url: str, run_house: Run) -> None:
    """RFC 9449 §11.1: fifty at once, to two houses on one database; then nobody any more."""
    async with run_house(database_url) as here, run_house(database_url) as there:
        for name in ("one", "other"):
            uses = [use(house, name) for house in (here, there) for _ in range(MANY // 2)]
            assert sorted(await asyncio.gather(*uses)) == [False] * (MANY - 1) + [True]
            assert not await use(here, name)
            assert not await use(there, name)
        assert await rows(here) == 2


async def test_many_proofs_share_a_statement(database_url: str, run_house: Run) -> None:
    """What waits goes together, in both houses, and each gets its own answer."""
    names = [f"proof {number}" for number in range(3 * BATCH)]
    async with run_house(database_url) as here, run_house(database_url) as there:
        found = await asyncio.gather(
            *(use(here, name) for name in names), *(use(there, name) for name in reversed(names))
        )
        halves = zip(found[: len(names)], reversed(found[len(names) :]), strict=True)
        assert all(one is not other for one, other in halves)
        assert await rows(here) == len(names)


async def test_a_restart_forgets_nothing(database_url: str, run_house: Run) -> None:
    """What one process has seen, the next one knows."""
    async with run_house(database_url) as house:
        assert await use(house, "one")
    async with run_house(database_url) as house:
        assert not await use(house, "one")


async def test_what_is_over_is_forgotten(database_url: str, run_house: Run) -> None:
    """Rows go once no process would take the proof any more, a bounded number at a time."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        old = [{"digest": f"old {number}", "expires_at": clock.now()} for number in range(1_500)]
        async with house.database.write() as connection:
            await connection.execute(insert(proofs), old)
        await use(house, "one")
        assert await rows(house) == 501
        await use(house, "two")
        assert await rows(house) == 2
        clock.leap(61)
        await use(house, "three")
        assert await rows(house) == 1


async def test_where_the_database_does_not_answer_nothing_is_let_through(
    tmp_path: Path,
) -> None:
    """Fails closed; and what failed is used up, since nobody knows whether it was noted."""
    clock, database = LeapClock(), Database(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")
    service = Proofs(ShownProofs(database), clock)
    running = asyncio.create_task(service.run())
    try:
        with pytest.raises(Unavailable, match="make a new one"):  # there are no tables
            await service.use("one", clock.now() + MINUTE)
        assert not await service.use("one", clock.now() + MINUTE)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()
    with pytest.raises(Unavailable):
        await service.use("two", clock.now() + MINUTE)


async def test_waiting_has_bounds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many wait for so long, and no more; whoever gives up leaves nothing behind."""
    monkeypatch.setattr("core.services.proofs.WAIT_SECONDS", 0.05)
    service = Proofs(ShownProofs(house.database), house.clock)  # which does not run
    until = house.clock.now() + MINUTE
    uses = [asyncio.ensure_future(service.use(str(one), until)) for one in range(WAITING + 1)]
    found = await asyncio.gather(*uses, return_exceptions=True)
    assert {type(one) for one in found} == {Unavailable}
    running = asyncio.create_task(service.run())
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await rows(house) == 0


async def test_memory_has_bounds(house: House) -> None:
    """The oldest go; the database knows them still."""
    service = house.services.proofs
    assert await use(house, "first")
    for number in range(REMEMBERED):
        service._remember(str(number))  # noqa: SLF001 - 50,000 uses would take a while
    assert len(service._seen) == REMEMBERED  # noqa: SLF001 - likewise
    assert not await use(house, "first")
