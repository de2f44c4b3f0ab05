"""Who is there to send, on both databases."""

import asyncio

from sqlalchemy import select, update

from core.store.database import Database
from core.store.outbox import workers as table
from core.store.sends import LEASE_SECONDS
from core.store.types import database_time
from core.store.workers import Workers


async def expire(database: Database, life: str, seconds: float) -> None:
    """Let the time of one end in so many seconds."""
    change = update(table).where(table.c.id == life)
    async with database.write() as connection:
        await connection.execute(change.values(until=database_time() + seconds))


async def test_each_hears_of_the_others(database: Database) -> None:
    """What they told last, and nothing of itself."""
    rows = Workers(database)
    assert await rows.here("a", 3) == []
    assert await rows.here("b", 0) == [3]
    assert await rows.here("b", 5) == [3]
    assert await rows.here("a", 4) == [5]
    await rows.gone("b")
    assert await rows.here("a", 4) == []


async def test_whose_time_is_over_is_not_there(database: Database) -> None:
    """By the database's clock, which may have been set back since; unless it comes again."""
    rows = Workers(database)
    await rows.here("a", 4)
    for seconds in (-0.5, 3 * LEASE_SECONDS):
        await expire(database, "a", seconds)
        assert await rows.here("b", 5) == []
        assert await rows.here("a", 4) == [5]


async def test_who_ends_takes_the_dead_along(database: Database) -> None:
    """Or each that was killed would leave its row for ever."""
    rows = Workers(database)
    for life in ("a", "b", "c", "d"):
        await rows.here(life, 0)
    await expire(database, "a", -0.5)
    await asyncio.gather(rows.gone("c"), rows.gone("d"))
    assert [row.id for row in await database.rows(select(table.c.id))] == ["b"]
