"""Many rows in one go: to PostgreSQL as arrays of one statement, to SQLite one by one.

Rows are given as the drivers take them, moments as microseconds and JSON as text: what SQLAlchemy
does for each value of each row is most of what a row costs otherwise.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

TEXT: Final = "text"
NUMBER: Final = "bigint"
TRUTH: Final = "boolean"

Row = Sequence[Any]


class Bulk:
    """One statement about rows whose columns have these names and types, in this order."""

    def __init__(self, columns: Mapping[str, str], sqlite: str, postgresql: str) -> None:
        """`sqlite` is run for each row; `{given}` in `postgresql` is the rows, named `given`."""
        arrays = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(columns.values(), start=1))
        given = f"unnest({arrays}) AS given({', '.join(columns)})"
        self._sqlite = sqlite
        self._postgresql = postgresql.replace("{given}", given)

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it, if there are any rows."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(self._sqlite, list(map(tuple, rows)))
        else:
            arrays = tuple(list(column) for column in zip(*rows, strict=True))
            connection.exec_driver_sql(self._postgresql, arrays)


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
