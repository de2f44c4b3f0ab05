"""Scalars: how values outside GraphQL's own are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from schema.scopes import ScopeName

Json = NewType("Json", object)
"""Any JSON value, as the scalar that the graph publishes."""


@lru_cache(4_096)  # a page of devices shows the same moments until one of them changes
def _written(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    # As isoformat(timespec="milliseconds") writes it, in half of the time.
    whole = orjson.dumps(value, option=orjson.OPT_OMIT_MICROSECONDS)[1:20].decode()
    return f"{whole}.{value.microsecond // 1_000:03}Z"


def _read(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        sentence = f"{value!r} is no point in time: add its offset, such as Z."
        raise ValueError(sentence)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        sentence = f"{value!r} is out of range: in UTC it is in none of the years 1 to 9999."
        raise ValueError(sentence) from None


def _same(value: Any) -> Any:
    return value


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "A point in time by RFC 3339, in UTC and to the millisecond: "
            "`2026-01-31T13:05:59.250Z`."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_written,
        parse_value=_read,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, a list, a text, a number, a boolean or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_same,
        parse_value=_same,
    ),
    ScopeName: strawberry.scalar(
        name="Scope",
        description=(
            "What an access token may open: `devices:read`, `devices:control`, "
            "`events:subscribe`, `sandbox:control`, `webhooks:manage` or `usage:read`. More may "
            "come."
        ),
        serialize=str,
        parse_value=str,
    ),
}
