"""What one transaction writes, held back until it can be written together: see `bulk.together`.

Rows come as SQLAlchemy would take them, values by column, and are made into what drivers take.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Connection, Executable, SmallInteger, Table

from core.store import bulk
from core.store.bulk import Bulk, Row
from core.store.types import Instant, Json, microseconds

Values: TypeAlias = dict[str, Any]
KEY: Final = "the_id"
"""The name in what is changed of the id of the row."""


class Steps:
    """Rows that are to be written through a connection, each of them in one step alone."""

    def __init__(self, connection: Connection) -> None:
        """Write through this connection."""
        self._connection = connection
        self._held: list[bulk.Step] = []

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        """Write these new rows, which all have the same columns, if there are any."""
        if not rows:
            return
        names = tuple(rows[0])
        self.add(_inserting(table, names), _driven(table, names, rows))

    def update(self, table: Table, changes: Sequence[Values]) -> None:
        """Change these rows in the same columns; the last value of each is its id, as `KEY`."""
        names = tuple(changes[0])
        self.add(_updating(table, names), _driven(table, names, changes))

    def add(self, statement: Bulk, rows: Sequence[Row]) -> None:
        """Run this for these rows."""
        self._held.append((statement, rows))

    def now(self, statement: Executable) -> None:
        """Run this at once, after what is held."""
        self.run()
        self._connection.execute(statement)

    def run(self) -> None:
        """Write what is held."""
        held, self._held = self._held, []
        bulk.together(self._connection, held)


@cache
def _inserting(table: Table, names: Sequence[str]) -> Bulk:
    return bulk.inserting(table.name, {name: _kind(table.c[name]) for name in names})


@cache
def _updating(table: Table, names: Sequence[str]) -> Bulk:
    kinds = {name: _kind(table.c[name]) for name in names if name != KEY}
    return bulk.updating(table.name, {**kinds, "id": bulk.TEXT})


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, Boolean):
        return bulk.TRUTH
    whole = isinstance(column.type, BigInteger | SmallInteger | Instant)
    return bulk.NUMBER if whole else bulk.TEXT


def _driven(table: Table, names: Sequence[str], rows: Sequence[Values]) -> list[Row]:
    makers = _makers(table, names)
    return [
        [
            value if make is None or value is None else make(value)
            for make, value in zip(makers, row.values(), strict=True)
        ]
        for row in rows
    ]


@cache
def _makers(table: Table, names: Sequence[str]) -> Sequence[Callable[[Any], Any] | None]:
    """By column, what makes of a value what drivers take, where that is another."""
    return tuple(None if name == KEY else _maker(table.c[name]) for name in names)


def _maker(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, Instant):
        return microseconds
    return _json if isinstance(column.type, Json) else None


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
