"""Who is there to send, on both databases."""

import asyncio

from sqlalchemy import select, update

from core.domain.sending import Colleague
from core.store.database import Database
from core.store.outbox import workers as table
from core.store.types import database_time
from core.store.workers import THERE_SECONDS, Workers

A, B = Colleague("a", 3, 197), Colleague("b", 0, 200)


async def expire(database: Database, life: str, seconds: float) -> None:
    """Let the time of one end in so many seconds."""
    change = update(table).where(table.c.id == life)
    async with database.write() as connection:
        await connection.execute(change.values(until=database_time() + seconds))


async def lives(database: Database) -> list[str]:
    """Those that have rows."""
    return sorted(row.id for row in await database.rows(select(table.c.id)))


async def test_each_hears_of_the_others(database: Database) -> None:
    """What they told last, and nothing of itself."""
    rows = Workers(database)
    assert await rows.here(A) == []
    assert await rows.here(B) == [A]
    assert await rows.here(A._replace(behind=5, room=195)) == [B]
    assert await rows.here(B) == [Colleague("a", 5, 195)]
    await rows.gone("b")
    assert await rows.here(A) == []


async def test_whose_time_is_over_is_not_there(database: Database) -> None:
    """By the database's clock, which may have been set back since; unless it comes again."""
    rows = Workers(database)
    await rows.here(A)
    for seconds in (-0.5, 3 * THERE_SECONDS):
        await expire(database, "a", seconds)
        assert await rows.here(B) == []
        assert await lives(database) == ["b"]
        assert await rows.here(A) == [B]


async def test_all_tell_at_once(database: Database) -> None:
    """They wait for each other no longer than for a row, and take the dead along."""
    rows = Workers(database)
    for number in range(8):
        await rows.here(Colleague(f"dead {number}", 0, 0))
        await expire(database, f"dead {number}", -0.5)
    some = [Colleague(f"{number}", number, 0) for number in range(8)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(rows.here(one) for one in some))
    assert await rows.here(A) == some
    assert await lives(database) == sorted([*(one.id for one in some), "a"])
