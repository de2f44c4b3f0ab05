"""Engines: one writer and separate readers on SQLite, one pool on PostgreSQL.

SQLite loses updates under its default transactions, so every write begins IMMEDIATE on the one
writing connection, and readers are read-only.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

import aiosqlite
from sqlalchemy import URL, Executable, Row, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    TimeoutError as PoolTimeout,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from core.domain.errors import Unavailable
from core.store.sqlite import BEGIN, Glancer, Reader, Writer

PRAGMAS = ("journal_mode=WAL", "busy_timeout=5000", "synchronous=NORMAL", "foreign_keys=ON")
WRITING = ("cache_size=-65536", "wal_autocheckpoint=10000")
"""Of the connection that writes. What many deliveries are planned in touches more pages than SQLite
holds by default, and more than it lets a log have before it copies all of that at each commit."""
READERS = 4
WATCHERS = 2
GLANCING = ("query_only=ON", "busy_timeout=50")
"""Of the connection that reads in the loop: another process is waited for only where it opens or
closes the file, and then not for long."""
POOL = 10
DIAL_SECONDS = 5
STATEMENT_SECONDS = 10
UNSEEN_SECONDS = 1.0
"""After so long a connection to PostgreSQL is asked whether it is there before it is used: one that
the server has ended tells so by itself, one whose server or network is gone may not. What ended in
that very moment costs its user an error, as what ends amid its work does."""
ANSWER_SECONDS = 2.0
"""That one which is asked has for its answer, before it is taken for gone."""
HANGING_SECONDS = 3
"""So long may a process do nothing within a transaction that writes: less than a lease holds, so
that one that hangs has let go of its locks before others take over what it ran."""


class Database:
    """The one door to SQL. `write` is serial on SQLite; `read` sees whole commits."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Make the engines; nothing is dialled before the first use.

        Who is `patient` waits for a statement on PostgreSQL for as long as it takes, as one that
        goes through a large table does.
        """
        seconds = None if patient else STATEMENT_SECONDS
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self._ending = WeakSet[Thread]()
        """SQLite's threads that were told to end."""
        if self.sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = _sqlite(parsed, partial(Writer, ending=self._ending), 1)
            self._reader = _sqlite(parsed, partial(Reader, ending=self._ending), READERS)
            self._watcher = _sqlite(parsed, partial(Glancer, ending=self._ending), WATCHERS)
            self._glancer = _sqlite(parsed, partial(Glancer, ending=self._ending), 1)
            _prepare(self._writer, BEGIN, *WRITING)
            _prepare(self._reader, "BEGIN", "query_only=ON")
            _prepare(self._watcher, "BEGIN", *GLANCING)
            _prepare(self._glancer, "BEGIN", *GLANCING)
            self._alone = (self._reader, self._watcher)
        else:
            hanging = {"idle_in_transaction_session_timeout": f"{HANGING_SECONDS * 1000:.0f}"}
            self._writer = _postgres(url, POOL, POOL, seconds, hanging)
            reading = {"default_transaction_read_only": "on"}
            self._reader = _consistent(_postgres(url, POOL, POOL, seconds, reading))
            self._watcher = _consistent(_postgres(url, WATCHERS, 0, seconds, reading))
            self._glancer = self._reader
            self._alone = (_without_begin(self._reader), _without_begin(self._watcher))

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        On SQLite nobody else can write meanwhile, and the statements run in the loop itself (see
        `Writer`): once the process serves, a block touches some hundred rows, not all there are.

        Raises:
            Unavailable: the database does not answer.
        """
        with _translated():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """One consistent view of the database; nothing can be written through it.

        What is `urgent` has connections of its own: a process that learns late what was taken back
        has to stop serving, so it must never wait behind what partners ask. On SQLite it is read in
        the loop itself, as in `glance`: a thread's answer waits for the loop once more, and while
        thousands connect, that takes seconds.

        Raises:
            Unavailable: the database does not answer.
        """
        with _translated():
            async with (self._watcher if urgent else self._reader).connect() as connection:
                yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """As `read`, for some hundred rows at most that indexes lead to.

        On SQLite it reads in the loop itself (see `Glancer`), on the one connection for that: a
        block waits for nothing but its statements.

        Raises:
            Unavailable: the database does not answer.
        """
        with _translated():
            async with self._glancer.connect() as connection:
                yield connection

    async def rows(
        self,
        statement: Executable,
        values: Mapping[str, object] | None = None,
        *,
        urgent: bool = False,
    ) -> Sequence[Row[Any]]:
        """All rows of one reading statement, with these values, which is consistent in itself.

        Raises:
            Unavailable: the database does not answer.
        """
        with _translated():
            try:
                return await self._rows(statement, values, urgent=urgent)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await self._rows(statement, values, urgent=urgent)  # on a fresh connection

    async def _rows(
        self, statement: Executable, values: Mapping[str, object] | None, *, urgent: bool
    ) -> Sequence[Row[Any]]:
        async with self._alone[urgent].connect() as connection:
            return (await connection.execute(statement, values)).all()

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        await self._reader.dispose()
        await self._watcher.dispose()
        await self._glancer.dispose()
        # A call that nobody waits for any more may still run, and its thread tells the loop.
        for thread in tuple(self._ending):
            await asyncio.to_thread(thread.join)


class _translated:  # noqa: N801 - used as a with-statement's verb
    """Turns "the database does not answer" into our word; broken constraints stay as they are."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if _lost(error):
            sentence = "The database does not answer; try again in a moment."
            raise Unavailable(sentence) from error


def _sqlite(url: URL, kind: Callable[[URL], aiosqlite.Connection], size: int) -> AsyncEngine:
    return create_async_engine(
        url, pool_size=size, max_overflow=0, pool_timeout=30, async_creator=lambda: kind(url)
    )


def _postgres(
    url: str, size: int, more: int, seconds: float | None, options: Mapping[str, str]
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=more,
        pool_timeout=10,
        connect_args={
            "timeout": DIAL_SECONDS,
            "command_timeout": seconds,
            "server_settings": dict(options),
        },
    )
    _look_after(engine)
    return engine


def _look_after(engine: AsyncEngine) -> None:
    """Have no connection used that is closed, and those left for a while asked if they are there.

    Those of a pool that pings are asked each time, which is three round trips of their own.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def on_checkin(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        del connection
        entry.info["left_at"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def on_checkout(connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: object) -> None:
        del proxy
        if connection.driver_connection.is_closed():
            raise DisconnectionError  # then another one is tried
        now = time.monotonic()
        if now - entry.info.get("left_at", now) > UNSEEN_SECONDS:
            try:
                connection.run_async(_asked)
            except Exception as error:  # whatever asyncpg makes of a broken line
                raise InvalidatePoolError from error  # nor are those that are as old tried


async def _asked(connection: Any) -> None:
    """Ask asyncpg's own connection."""
    await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)


def _consistent(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _without_begin(engine: AsyncEngine) -> AsyncEngine:
    """The same connections, for one statement each, which then takes two round trips less."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _lost(error: BaseException | None) -> bool:
    if isinstance(error, DBAPIError):
        # asyncpg's deadlocks and ended connections arrive as the bare base class; but so does what
        # PostgreSQL cannot store (SQLSTATE class 22), which is the fault of the one who sent it.
        named = isinstance(error, OperationalError | InterfaceError)
        bare = type(error) is DBAPIError and not _state(error).startswith("22")
        return named or error.connection_invalidated or bare
    return isinstance(error, OSError | PoolTimeout)


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _prepare(engine: AsyncEngine, begin: str, *more: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        del entry
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *more):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
