"""What one transaction writes, held back until it can be written together: see `bulk.together`.

Rows come as SQLAlchemy would take them, values by column, and are made into what drivers take.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Executable,
    SmallInteger,
    String,
    Table,
)

from core.domain.errors import Conflict
from core.store import bulk
from core.store.bulk import Bulk, Row
from core.store.types import Instant, Json, microseconds

Values: TypeAlias = dict[str, Any]
KEY: Final = "the_id"
"""The name, in what is changed, of the id of the row."""
KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    bulk.TRUTH: (Boolean,),
    bulk.NUMBER: (BigInteger, SmallInteger, Instant),
    bulk.TEXT: (String, Json),
}


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

    def update(self, table: Table, rows: Mapping[str, tuple[Values, Collection[str]]]) -> None:
        """Change these rows, by id: what they are now, and the names of what is another.

        SQLite looks through other tables for whatever refers to a key that is set, and moves a row
        in each index of a column that is set, even to the value that it has: so there no others
        are. On PostgreSQL all rows are set in the columns in which any has changed, so that there
        are few statements, which it knows.
        """
        if not rows:
            return
        groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        if self._connection.dialect.name == "sqlite":
            for key, (_, changed) in rows.items():
                groups[tuple(changed)].append(key)
        else:
            any_of = set().union(*(changed for _, changed in rows.values()))
            groups[tuple(name for name in _names(table) if name in any_of)] = list(rows)
        for names, keys in groups.items():
            if names:
                now = [{name: rows[key][0][name] for name in names} for key in keys]
                values = [{**one, KEY: key} for one, key in zip(now, keys, strict=True)]
                self.add(_updating(table, (*names, KEY)), _driven(table, (*names, KEY), values))

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
def _names(table: Table) -> Sequence[str]:
    return tuple(one.name for one in table.columns)


@cache
def _inserting(table: Table, names: Sequence[str]) -> Bulk:
    return bulk.inserting(table.name, {name: _kind(table.c[name]) for name in names})


@cache
def _updating(table: Table, names: Sequence[str]) -> Bulk:
    kinds = {name: _kind(table.c[name]) for name in names if name != KEY}
    return bulk.updating(table.name, {**kinds, "id": bulk.TEXT})


def _kind(column: Column[Any]) -> str:
    for kind, types in KINDS.items():
        if isinstance(column.type, types):
            return kind
    sentence = f"{column} is of a type that is not written here: {column.type!r}."
    raise TypeError(sentence)


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
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        sentence = "There is a text in it that is no Unicode, and so cannot be stored."
        raise Conflict(sentence) from error
