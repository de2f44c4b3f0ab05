"""SQLite's connections whose statements run in the loop: what may wait runs in their thread.

A hand-over to a thread and back costs as much as ten short statements, and while the loop is busy
the thread waits for the interpreter after each of them.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import aiosqlite
from sqlalchemy import URL

T = TypeVar("T")

BEGIN: Final = "BEGIN IMMEDIATE"
ENDS: Final = frozenset({"commit", "rollback", "close"})
"""Of the connection. It may be closed amid a commit that nobody waits for any more, and whoever
closes it beside the thread takes away under its feet what it works on."""
CHUNK: Final = 64
"""Rows that aiosqlite fetches at once where it iterates, which SQLAlchemy does not have it do."""


class _Shared(aiosqlite.Connection):
    """A connection that the loop may use beside its thread."""

    def __init__(self, url: URL) -> None:
        """To the file of this URL; nothing is opened before it is awaited."""
        (path,), options = url.get_dialect()().create_connect_args(url)
        how: dict[str, Any] = {**options, "check_same_thread": False}
        super().__init__(lambda: sqlite3.connect(path, **how), iter_chunk_size=CHUNK)
        self._thread.daemon = True  # it must not keep the process from ending


class Writer(_Shared):
    """A connection that writes in the loop, but for what may wait.

    A transaction has to be begun IMMEDIATE: then it holds the lock that writers wait for, and what
    it writes stays in memory or in the system's cache. Where another process has the lock its
    beginning is the thread's, and its end is always, as that waits for the disk.
    """

    def __init__(self, url: URL) -> None:
        """`_Shared.__init__`."""
        super().__init__(url)
        self._given = self._done = 0  # calls that the thread was given, and that it has ended

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run one call of the driver: here, or in the thread."""
        if self._here(fn):
            return fn(*args, **kwargs)
        if args[:1] == (BEGIN,) and self._idle:
            with suppress(sqlite3.OperationalError):  # mostly that another process has the lock
                return self._at_once(fn, *args)

        def counted() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1

        self._given += 1
        result: T = await super()._execute(counted)  # type: ignore[no-untyped-call]  # its own
        return result

    def _at_once(self, fn: Callable[..., T], *args: Any) -> T:
        """Run a call that fails where it would wait for the lock."""
        ((patience,),) = self._conn.execute("PRAGMA busy_timeout")
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            return fn(*args)
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={patience}")

    def _here(self, fn: Callable[..., Any]) -> bool:
        """Whether a call waits for nothing."""
        if fn.__name__ == "cursor":
            return True
        if fn.__name__ in ENDS and getattr(fn, "__self__", None) is self._conn:
            return fn.__name__ == "rollback" and self._idle and not self.in_transaction
        return self.in_transaction

    @property
    def _idle(self) -> bool:
        """Whether the thread has nothing to do, not even what nobody waits for any more."""
        return self._given == self._done


class Glancer(_Shared):
    """A connection that reads in the loop, once its thread has opened it.

    Readers wait for nobody (WAL), nor for the disk at their end.
    """

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run one call of the driver, here."""
        return fn(*args, **kwargs)
