"""The connections of SQLite that run in the loop: where their calls do."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import make_url, text

from core.store.database import Database
from core.store.sqlite import Glancer, Reader, Writer


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A file with one empty table."""
    file = tmp_path / "file.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    return file


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    """A connection that notes in which thread SQLite is, by a function of it."""
    connection = Writer(make_url(f"sqlite+aiosqlite:///{path}?timeout=9"))
    async with connection:
        connection.isolation_level = None
        await connection.create_function("here", 0, threading.get_ident)
        yield connection


class Told(SimpleQueue[Any]):
    """What a thread is given, with a list of it."""

    def __init__(self, inner: SimpleQueue[Any], calls: list[Any]) -> None:
        """Passed on to this queue."""
        self._inner = inner
        self._calls = calls

    def put_nowait(self, item: Any) -> None:
        """Note it, and pass it on."""
        self._calls.append(item)
        self._inner.put_nowait(item)


async def thread(connection: aiosqlite.Connection) -> int:
    """In which thread a statement runs."""
    cursor = await connection.execute("SELECT here()")
    found = await cursor.fetchone()
    assert found is not None
    return int(found[0])


async def test_only_statements_of_a_transaction_run_in_the_loop(writer: Writer) -> None:
    """Before it and after it, a call may wait."""
    ours = threading.get_ident()
    assert await thread(writer) != ours
    await writer.execute("BEGIN IMMEDIATE")
    assert await thread(writer) == ours
    await writer.commit()
    assert await thread(writer) != ours
    await writer.execute("BEGIN IMMEDIATE")
    await writer.rollback()
    assert await thread(writer) != ours


async def test_who_reads_has_its_thread_for_what_is_read_alone(path: Path) -> None:
    """Neither beginning nor ending waits for anybody."""
    calls: list[Any] = []
    async with Reader(make_url(f"sqlite+aiosqlite:///{path}")) as reader:
        await reader.create_function("here", 0, threading.get_ident)
        reader._tx = Told(reader._tx, calls)  # noqa: SLF001 - to be seen
        await reader.execute("BEGIN")
        assert await thread(reader) != threading.get_ident()
        cursor = await reader.execute("SELECT * FROM notes")
        await cursor.fetchall()
        await cursor.close()
        await reader.rollback()
        assert not reader.in_transaction
        assert len(calls) == 4  # two times what is asked and what is fetched


async def test_what_nobody_waits_for_is_ended_behind_the_thread(path: Path) -> None:
    """A reader that was cancelled may still be at it when its transaction is taken back."""
    goes_on = threading.Event()
    async with Reader(make_url(f"sqlite+aiosqlite:///{path}")) as reader:
        await reader.create_function("slow", 0, lambda: goes_on.wait(5))
        await reader.execute("BEGIN")
        reads = asyncio.create_task(reader.execute("SELECT slow()"))
        await asyncio.sleep(0.01)
        reads.cancel()
        ends = asyncio.create_task(reader.rollback())
        await asyncio.sleep(0.01)
        assert not ends.done()
        goes_on.set()
        await ends
        assert not reader.in_transaction


async def test_who_glances_reads_in_the_loop(path: Path) -> None:
    """In a transaction or not, to its end; and it can be closed."""
    ours = threading.get_ident()
    async with Glancer(make_url(f"sqlite+aiosqlite:///{path}")) as glancer:
        await glancer.create_function("here", 0, threading.get_ident)
        assert await thread(glancer) == ours
        await glancer.execute("BEGIN")
        assert await thread(glancer) == ours
        await glancer.rollback()
        assert await thread(glancer) == ours


async def test_the_loop_goes_on_while_the_lock_is_waited_for(writer: Writer, path: Path) -> None:
    """Another process may hold the lock for long."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begins = asyncio.create_task(writer.execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0.05)
    assert not begins.done()
    other.execute("ROLLBACK")
    other.close()
    await asyncio.wait_for(begins, 5)
    assert writer.in_transaction
    await writer.rollback()


async def test_who_begins_waits_in_the_thread_alone(writer: Writer, path: Path) -> None:
    """At once, and in the loop, where the lock is free; patience is what it was, either way."""
    calls: list[Any] = []
    writer._tx = Told(writer._tx, calls)  # noqa: SLF001 - to be seen
    await writer.execute("BEGIN IMMEDIATE")
    await writer.rollback()
    assert len(calls) == 1  # the end of it
    await writer.rollback()
    assert len(calls) == 1  # as nothing was begun
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begins = asyncio.create_task(writer.execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0.05)
    assert (len(calls), begins.done()) == (2, False)
    other.execute("ROLLBACK")
    other.close()
    await begins
    cursor = await writer.execute("PRAGMA busy_timeout")
    assert await cursor.fetchone() == (9_000,)


async def test_nobody_gives_up_what_is_still_to_begin(writer: Writer, path: Path) -> None:
    """Who stopped waiting for the lock takes it back behind the thread, which has it then."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begins = asyncio.create_task(writer.execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0.01)
    begins.cancel()
    taken_back = asyncio.create_task(writer.rollback())
    await asyncio.sleep(0.01)
    other.execute("ROLLBACK")
    await taken_back
    assert not writer.in_transaction
    other.execute("BEGIN IMMEDIATE")
    other.close()


async def test_the_options_of_the_url_count(writer: Writer) -> None:
    """The writer is dialled as the readers are, by SQLAlchemy's own reading of the URL."""
    cursor = await writer.execute("PRAGMA busy_timeout")
    assert await cursor.fetchone() == (9_000,)


async def test_it_is_closed_behind_what_its_thread_is_at(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gave up waiting for a commit may close the connection before that has ended."""
    happened, commits = list[str](), threading.Event()

    class Slow(sqlite3.Connection):
        def commit(self) -> None:
            commits.wait(5)
            super().commit()
            happened.append("committed")

        def close(self) -> None:
            super().close()
            happened.append(f"closed by {threading.get_ident()}")

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Slow))
    writer = await Writer(make_url(f"sqlite+aiosqlite:///{path}"))
    writer.isolation_level = None
    await writer.execute("BEGIN IMMEDIATE")
    await writer.execute("INSERT INTO notes VALUES ('x')")
    committing = asyncio.create_task(writer.commit())
    await asyncio.sleep(0.01)
    committing.cancel()
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0.01)
    assert happened == []
    commits.set()
    await closing
    assert happened == ["committed", f"closed by {writer._thread.ident}"]  # noqa: SLF001 - whose it is


async def test_what_is_urgent_is_read_in_the_loop(path: Path) -> None:
    """A thread's answer would have to wait until the loop comes to it, once for each step."""
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.read(urgent=True) as connection:
        raw = await connection.get_raw_connection()
        assert isinstance(raw.driver_connection, Glancer)
    await database.close()


async def test_closing_waits_for_a_call_that_nobody_waits_for(path: Path) -> None:
    """Its thread tells the loop of it, which may be closed right after."""
    before = set(threading.enumerate())
    database = Database(f"sqlite+aiosqlite:///{path}")
    long = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) "
        "SELECT count(*) FROM n"
    )
    await database.rows(text("SELECT 1"))  # then a connection is there
    reading = asyncio.create_task(database.rows(long))
    for _ in range(2):  # whoever is cancelled waits for the call, unless it is cancelled once more
        await asyncio.sleep(0.02)
        reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    ours = [one for one in set(threading.enumerate()) - before if "connection" in one.name]
    assert ours
    await database.close()
    assert not any(one.is_alive() for one in ours)
