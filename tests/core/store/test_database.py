"""The door to SQL: who may write, what a reader sees, and what a lost database looks like."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, insert, make_url, select, update
from sqlalchemy.exc import DBAPIError

from app.compose import House
from core.domain.errors import Unavailable
from core.store import database as door, tables
from core.store.database import Database
from core.store.ledger import ACCESS
from tests.conftest import Postgres, Run
from tests.core.services.estate import Estate, gaps, settle
from tests.core.store.work import rename

MARK = insert(tables.dirty).values(log_id="home_1", place=1)
MARKS = select(func.count()).select_from(tables.dirty)


async def marks(database: Database) -> int:
    """How many dirty rows are committed."""
    ((found,),) = await database.rows(MARKS)
    return int(found)


async def test_a_reader_cannot_write(database: Database) -> None:
    """What is opened for reading refuses to change anything."""
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as connection:
            await connection.execute(MARK)
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.glance() as connection:
            await connection.execute(MARK)
    for urgent in (False, True):
        with pytest.raises((DBAPIError, Unavailable)):
            await database.rows(MARK, urgent=urgent)
    assert await marks(database) == 0


async def test_a_reader_sees_one_moment(database: Database) -> None:
    """What is committed while somebody reads is not seen before they read anew."""
    for known, reading in enumerate((database.read, database.glance)):
        async with reading() as connection:
            before = (await connection.execute(MARKS)).scalar_one()
            async with database.write() as other:
                await other.execute(MARK.values(log_id=f"home_{known}"))
            assert (await connection.execute(MARKS)).scalar_one() == before == known
        assert await marks(database) == known + 1


async def test_a_write_that_raises_is_undone(database: Database) -> None:
    """A block that does not end well leaves nothing."""
    with pytest.raises(LookupError):
        await write_and_fail(database)
    assert await marks(database) == 0


async def write_and_fail(database: Database) -> None:
    """Write, and raise before the commit."""
    async with database.write() as connection:
        await connection.execute(MARK)
        raise LookupError


async def test_a_write_that_is_cancelled_is_undone(database: Database) -> None:
    """A writer that is cancelled in its block leaves nothing, and the next one can write."""
    inside = asyncio.Event()

    async def write() -> None:
        async with database.write() as connection:
            await connection.execute(MARK)
            inside.set()
            await asyncio.sleep(9)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await marks(database) == 0
    async with database.write() as connection:
        await connection.execute(MARK)
    assert await marks(database) == 1


async def test_readers_that_are_cancelled_leave_their_connections(database: Database) -> None:
    """Wherever a read is when its reader goes away, the next readers can read."""

    async def glanced(database: Database) -> int:
        async with database.glance() as connection:
            return int((await connection.execute(MARKS)).scalar_one())

    for look in (marks, glanced):
        for turns in range(40):
            task = asyncio.create_task(look(database))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(3):
            assert await asyncio.gather(*(look(database) for _ in range(8))) == [0] * 8


async def test_concurrent_changes_are_not_lost(database: Database) -> None:
    """Of fifty that each read and then write, none overwrites another."""

    async def step() -> None:
        async with database.write() as connection:
            logs = tables.logs
            head = select(logs.c.place).where(logs.c.id == ACCESS).with_for_update()
            place = (await connection.execute(head)).scalar_one()
            ours = update(logs).where(logs.c.id == ACCESS)
            await connection.execute(ours.values(place=place + 1))

    await asyncio.gather(*(step() for _ in range(50)))
    query = select(tables.logs.c.place).where(tables.logs.c.id == ACCESS)
    assert [row.place for row in await database.rows(query)] == [50]


@pytest.fixture
async def served(postgres: Postgres, run_house: Run) -> AsyncIterator[Estate]:
    """An estate on PostgreSQL."""
    async with run_house(postgres.fresh()) as house:
        yield await settle(house)


def kill(postgres: Postgres, house: House, which: str = "true") -> None:
    """End the server's processes that serve this house's database."""
    name = make_url(house.settings.database_url).database
    served = f"pg_stat_activity WHERE datname = '{name}' AND {which}"
    postgres.psql(f"SELECT pg_terminate_backend(pid) FROM {served}")  # noqa: S608 - our own words


@pytest.mark.parametrize(("unseen", "heard"), [(60, 0.2), (-1, 0)], ids=["told", "asked"])
async def test_ended_connections_are_dialled_anew(
    postgres: Postgres, served: Estate, monkeypatch: pytest.MonkeyPatch, unseen: int, heard: float
) -> None:
    """Connections that the server has ended while they were idle cost nobody an error.

    Seconds are for this process to hear of it; one that does not is asked whether it is there.
    """
    monkeypatch.setattr(door, "UNSEEN_SECONDS", unseen)
    kill(postgres, served.house)
    await asyncio.sleep(heard)
    assert await served.house.committer.submit(rename(served.home, "New")) == "New"
    assert (await served.events())[-1].home.name == "New"
    kill(postgres, served.house)
    await asyncio.sleep(heard)
    logs = served.house.logs
    read = await asyncio.gather(*(logs.read(served.home.id, 0, 9) for _ in range(4)))
    assert [len(entries) > 0 for entries in read] == [True] * 4


async def test_a_connection_lost_amid_work_is_unavailable(
    postgres: Postgres, served: Estate
) -> None:
    """Work whose connection is lost is refused, leaves nothing, and the next work goes on."""
    house, before = served.house, await served.events()
    async with house.database.write() as connection:
        await connection.execute(select(tables.homes).with_for_update())
        waits = asyncio.create_task(house.committer.submit(rename(served.home, "lost")))
        await asyncio.sleep(0.1)
        kill(postgres, house, "wait_event_type = 'Lock'")
        with pytest.raises(Unavailable):
            await waits
    assert await served.events() == before
    assert await house.committer.submit(rename(served.home, "found")) == "found"
    assert gaps(await served.events()) == []


async def test_a_lock_that_is_never_let_go_is_unavailable(
    postgres: Postgres, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that waits for too long is refused, and its connection is good for the next."""
    monkeypatch.setattr(door, "STATEMENT_SECONDS", 0.2)
    async with run_house(postgres.fresh()) as house:
        estate = await settle(house)
        async with house.database.write() as connection:
            await connection.execute(select(tables.homes).with_for_update())
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await house.committer.submit(rename(estate.home, "too long"))
        assert await house.committer.submit(rename(estate.home, "free")) == "free"
        assert gaps(await estate.events()) == []
        assert house.dead == []


async def test_a_database_that_is_gone_is_unavailable_until_it_is_back(
    postgres: Postgres, served: Estate
) -> None:
    """Readers and writers are told, no task dies of it, and all goes on afterwards."""
    house = served.house
    name = make_url(house.settings.database_url).database
    postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    kill(postgres, house)
    with pytest.raises(Unavailable):
        await house.committer.submit(rename(served.home, "lost"))
    with pytest.raises(Unavailable):
        await served.events()
    await asyncio.sleep(0.6)  # every poll has met it once
    postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await house.committer.submit(rename(served.home, "back")) == "back"
    assert house.dead == []


async def test_a_locked_file_is_unavailable_until_it_is_free(
    sqlite_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer waits for another program's lock, gives up in time, and then writes again."""
    monkeypatch.setattr(door, "PRAGMAS", ("journal_mode=WAL", "busy_timeout=50"))
    async with run_house(sqlite_url) as house:
        estate = await settle(house)
        other = sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await house.committer.submit(rename(estate.home, "locked out"))
        assert await estate.events() != []  # readers do not wait
        other.execute("ROLLBACK")
        other.close()
        assert await house.committer.submit(rename(estate.home, "free")) == "free"
        assert house.dead == []


async def test_a_server_that_does_not_listen_is_unavailable() -> None:
    """A refused connection is the world's fault."""
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    with pytest.raises(Unavailable):
        await database.rows(MARKS)
    await database.close()


async def test_readers_do_not_wait_for_the_writer(estate: Estate) -> None:
    """While a transaction is open, what was committed before can be read at once."""
    house = estate.house
    before = await house.logs.heads([estate.home.id])
    async with house.database.write() as connection:
        await connection.execute(update(tables.homes).values(place=99))
        assert await asyncio.wait_for(house.logs.heads([estate.home.id]), 1) == before
