"""Rows by pairs of values: of a key of several columns, many at once, each found by its index.

They are bound as one JSON text. As a list of pairs, each of them costs SQLAlchemy 6 us, and SQLite
goes through the whole table for more than one; what a subquery gives it looks up in an index.
Texts must hold no NUL, where SQLite would end them, as PostgreSQL's cannot.
"""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, cast, literal_column, select, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.store.types import Json


class _Items(FunctionElement[Any]):
    """The items of a JSON array, as rows of `value`."""

    inherit_cache = True


@compiles(_Items, "sqlite")
def _on_sqlite(element: _Items, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Items, "postgresql")
def _on_postgresql(element: _Items, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **how)} AS JSON))"


def among(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """That these columns have one of the combinations of values that are bound to `these`."""
    items = _Items(bindparam("these", type_=Json)).table_valued("value")
    values = (
        cast(items.c.value.op("->>")(literal_column(str(at))), column.type)
        for at, column in enumerate(columns)
    )
    return tuple_(*columns).in_(select(*values))
