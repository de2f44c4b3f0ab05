"""SQLite's connections whose statements run in the loop: what may wait runs in their thread.

A hand-over to a thread and back costs as much as ten short statements, and while the loop is busy
the thread waits for the interpreter after each of them.
"""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import Any, Final, TypeVar
from weakref import WeakSet

import aiosqlite
from sqlalchemy import URL

T = TypeVar("T")

BEGIN: Final = "BEGIN IMMEDIATE"
ENDS: Final = frozenset({"commit", "rollback", "close"})
"""Of the connection. It may be closed amid a commit that nobody waits for any more, and whoever
closes it beside the thread takes away under its feet what it works on."""
CHUNK: Final = 64
"""Rows that aiosqlite fetches at once where it iterates, which SQLAlchemy does not have it do."""


class _Shared(aiosqlite.Connection, ABC):
    """A connection that the loop may use beside its thread, which is its turn where it is idle."""

    def __init__(self, url: URL, ending: WeakSet[Thread] | None = None) -> None:
        """To the file of this URL; nothing is opened before it is awaited.

        Its thread is `ending` once it was told to, after whatever it was given before.
        """
        (path,), options = url.get_dialect()().create_connect_args(url)
        how: dict[str, Any] = {**options, "check_same_thread": False}
        super().__init__(lambda: sqlite3.connect(path, **how), iter_chunk_size=CHUNK)
        self._thread.daemon = True  # it must not keep the process from ending
        self._ending = WeakSet[Thread]() if ending is None else ending
        self._given = self._done = 0  # calls that the thread was given, and that it has ended

    def stop(self) -> asyncio.Future[Any] | None:
        """Have the thread end; whoever leaves a call alone does no more."""
        self._ending.add(self._thread)
        return super().stop()

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run one call of the driver: here, or in the thread."""
        if self._here(fn, args):
            return fn(*args, **kwargs)

        def counted() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1

        self._given += 1
        result: T = await super()._execute(counted)  # type: ignore[no-untyped-call]  # its own
        return result

    @abstractmethod
    def _here(self, fn: Callable[..., Any], args: Sequence[Any]) -> bool:
        """Whether a call waits for nothing, and for nobody."""

    @property
    def _idle(self) -> bool:
        """Whether the thread has nothing to do, not even what nobody waits for any more."""
        return self._given == self._done

    def _ends(self, fn: Callable[..., Any]) -> bool:
        """Whether it ends a transaction, or the connection."""
        return fn.__name__ in ENDS and getattr(fn, "__self__", None) is self._conn


class Writer(_Shared):
    """A connection that writes in the loop, but for what may wait.

    A transaction has to be begun IMMEDIATE: then it holds the lock that writers wait for, and what
    it writes stays in memory or in the system's cache. Where another process has the lock its
    beginning is the thread's, and its end is always, as that waits for the disk.
    """

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """`_Shared._execute`."""
        if args[:1] == (BEGIN,) and self._idle:
            with suppress(sqlite3.OperationalError):  # mostly that another process has the lock
                return self._at_once(fn, *args)
        return await super()._execute(fn, *args, **kwargs)

    def _at_once(self, fn: Callable[..., T], *args: Any) -> T:
        """Run a call that fails where it would wait for the lock."""
        ((patience,),) = self._conn.execute("PRAGMA busy_timeout")
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            return fn(*args)
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={patience}")

    def _here(self, fn: Callable[..., Any], args: Sequence[Any]) -> bool:
        """`_Shared._here`."""
        del args
        if fn.__name__ == "cursor":
            return True
        if self._ends(fn):  # what has ended already is taken back once more
            return fn.__name__ == "rollback" and self._idle and not self.in_transaction
        return self.in_transaction


class Reader(_Shared):
    """A connection that reads in its thread, and does all else in the loop.

    Readers wait for nobody (WAL), nor for the disk where they begin and end.
    """

    def _here(self, fn: Callable[..., Any], args: Sequence[Any]) -> bool:
        """`_Shared._here`."""
        if not self._idle:
            return False
        name = fn.__name__
        return (
            name in {"cursor", "rollback"}
            or args[:1] == ("BEGIN",)
            or (name == "close" and not self._ends(fn))
        )


class Glancer(_Shared):
    """A connection that reads in the loop, once its thread has opened it."""

    def _here(self, fn: Callable[..., Any], args: Sequence[Any]) -> bool:
        """`_Shared._here`."""
        del fn, args
        return True
