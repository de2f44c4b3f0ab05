"""SQLite's connections whose statements run in the loop: what may wait runs in their thread.

A hand-over to a thread and back costs as much as ten short statements, and while the loop is busy
the thread waits for the interpreter after each of them.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, Final, TypeVar

import aiosqlite
from sqlalchemy import URL

T = TypeVar("T")

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
    """A connection whose statements run in the loop while it is in a transaction.

    The transaction has to be begun IMMEDIATE: then it holds the lock that writers wait for, and
    what it writes stays in memory or in the system's cache. Beginning waits for other processes,
    and the end for the disk; both are the thread's.
    """

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run one call of the driver: here, or in the thread."""
        ends = fn.__name__ in ENDS and getattr(fn, "__self__", None) is self._conn
        if fn.__name__ == "cursor" or (self.in_transaction and not ends):
            return fn(*args, **kwargs)
        result: T = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # its own
        return result


class Glancer(_Shared):
    """A connection that reads in the loop, once its thread has opened it.

    Readers wait for nobody (WAL), nor for the disk at their end.
    """

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run one call of the driver, here."""
        return fn(*args, **kwargs)
