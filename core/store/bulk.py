"""Many rows in one go: to PostgreSQL as arrays of one statement, to SQLite one by one.

Rows are given as the drivers take them, moments as microseconds and JSON as text: what SQLAlchemy
does for each value of each row is most of what a row costs otherwise.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection

TEXT: Final = "text"
NUMBER: Final = "bigint"
TRUTH: Final = "boolean"

Row: TypeAlias = Sequence[Any]
Step: TypeAlias = tuple["Bulk", Sequence[Row]]


class Bulk:
    """One statement about rows whose columns have these names and types, in this order."""

    def __init__(self, columns: Mapping[str, str], sqlite: str, postgresql: str) -> None:
        """`sqlite` is run for each row; `{given}` in `postgresql` is the rows, named `given`."""
        self.columns = columns
        self.sqlite = sqlite
        self._postgresql = postgresql

    def postgresql(self, first: int = 1) -> str:
        """The statement there, whose parameters have the numbers from this one on."""
        kinds = enumerate(self.columns.values(), start=first)
        arrays = ", ".join(f"${at}::{kind}[]" for at, kind in kinds)
        given = f"unnest({arrays}) AS given({', '.join(self.columns)})"
        return self._postgresql.replace("{given}", given)

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it, if there are any rows."""
        together(connection, [(self, rows)])


def together(connection: Connection, steps: Sequence[Step]) -> None:
    """Run those that have any rows: one after the other, or on PostgreSQL as one statement.

    There it is one round trip, in no order, and none of them sees what another does: no two may be
    about the same rows. What refers to other rows is checked when all is done.
    """
    steps = [one for one in steps if one[1]]
    if connection.dialect.name == "sqlite":
        for bulk, rows in steps:
            connection.exec_driver_sql(bulk.sqlite, list(map(tuple, rows)))
    elif steps:
        arrays = (list(column) for _, rows in steps for column in zip(*rows, strict=True))
        connection.exec_driver_sql(_joined(tuple(bulk for bulk, _ in steps)), tuple(arrays))


@lru_cache(1_000)
def _joined(bulks: Sequence[Bulk]) -> str:
    parts, first = [], 1
    for bulk in bulks:
        parts.append(bulk.postgresql(first))
        first += len(bulk.columns)
    if len(parts) == 1:
        return parts[0]
    named = ", ".join(f"step_{at} AS ({part})" for at, part in enumerate(parts))
    return f"WITH {named} SELECT 1"


def inserting(table: str, columns: Mapping[str, str], more: str = "") -> Bulk:
    """Rows that are new; `more` is what comes behind the values (ON CONFLICT …)."""
    names = ", ".join(columns)
    into = f"INSERT INTO {table} ({names})"
    return Bulk(
        columns,
        f"{into} VALUES ({', '.join('?' * len(columns))}) {more}",
        f"{into} SELECT {names} FROM {{given}} {more}",
    )


def updating(
    table: str, columns: Mapping[str, str], guard: str = "true", guarded: Collection[str] = ()
) -> Bulk:
    """Rows that are there, by their id, which is the last of the columns.

    Those columns that are `guarded` change only where `guard` holds of the row as it was.
    """
    *names, key = columns

    def changed(name: str, value: str) -> str:
        if name in guarded:
            value = f"CASE WHEN {guard} THEN {value} ELSE {table}.{name} END"
        return f"{name} = {value}"

    ours = ", ".join(changed(name, "?") for name in names)
    theirs = ", ".join(changed(name, f"given.{name}") for name in names)
    return Bulk(
        columns,
        f"UPDATE {table} SET {ours} WHERE {key} = ?",
        f"UPDATE {table} SET {theirs} FROM {{given}} WHERE {table}.{key} = given.{key}",
    )
