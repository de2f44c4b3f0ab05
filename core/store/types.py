"""Column types and functions that mean the same on SQLite and on PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Dialect, Double, String, Text, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Bytewise = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by its bytes on both, so that keyset pages agree."""


def microseconds(moment: datetime) -> int:
    """A moment as `Instant` keeps it."""
    return (moment - EPOCH) // MICROSECOND


@lru_cache(4_096)  # rows that are read together are mostly of the same few moments
def moment(value: int) -> datetime:
    """What `microseconds` made."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, kept as microseconds since 1970: exact, and sorted the same everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From microseconds."""
        del dialect
        return None if value is None else moment(value)


class Texts(TypeDecorator[Sequence[str]]):
    """A list of texts, to be bound alone: an array on PostgreSQL, JSON on SQLite.

    There they must hold no NUL, where they would end.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """As what it is bound."""
        kind: TypeEngine[Any] = ARRAY(Text) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """To what drivers take."""
        return value if dialect.name == "postgresql" else orjson.dumps(value).decode()


class Json(TypeDecorator[Any]):
    """A JSON value as text; searched inside is a list of names at most (`lists.chosen`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To JSON text."""
        del dialect
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From JSON text."""
        del dialect
        return None if value is None else orjson.loads(value)


class database_time(FunctionElement[float]):  # noqa: N801 - reads as an SQL function
    """Seconds since 1970 by the database's own clock, so that hosts need not agree."""

    type = Double()
    inherit_cache = True


@compiles(database_time, "sqlite")
def _sqlite_time(element: database_time, compiler: SQLCompiler, **_: Any) -> str:
    del element, compiler
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_time, "postgresql")
def _postgres_time(element: database_time, compiler: SQLCompiler, **_: Any) -> str:
    del element, compiler
    return "extract(epoch from clock_timestamp())::double precision"
