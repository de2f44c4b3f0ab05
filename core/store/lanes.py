"""Lanes in the store: whoever has an endpoint's lock ends deliveries, and lets the next ones go.

Each delivery that waits has the number of the one before it in its lane, or is the first of it and
ready. So what follows one is found by an index to which new deliveries add close to each other,
however many lanes there are.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    literal,
    or_,
    select,
    update,
)

from core.domain.breaker import free_at
from core.domain.deliveries import DeliveryStatus
from core.domain.sending import Held
from core.store import bulk, hooks
from core.store.hooks import DELETED
from core.store.outbox import PENDING, READY
from core.store.rows import Fetched
from core.store.tables import deliveries, endpoints
from core.store.types import Instant


@dataclass(frozen=True, slots=True)
class End:
    """A delivery that ends without an attempt."""

    endpoint_id: str
    delivery_id: str
    status: DeliveryStatus
    reason: str


def lock(connection: Connection, endpoint_ids: Collection[str]) -> Mapping[str, Held]:
    """Lock these endpoints, in sorted order; those that are not deleted, as they are."""
    found = connection.execute(LOCK, {"these": sorted(endpoint_ids)})
    return {row.id: hooks.held_of(row) for row in found if row.status != DELETED}


def free(connection: Connection, firsts: Iterable[tuple[str, int]]) -> None:
    """Have what is behind these, which were the firsts of their lanes, be sent next.

    They are given by endpoint and number, and so are those that something is behind.
    """
    _FOLLOW.run(connection, [(None, True, *one) for one in firsts])


def leave(connection: Connection, rows: Iterable[Fetched]) -> Collection[str]:
    """Close the gaps that these leave in their lanes; the endpoints at which one is first now.

    They are rows as they were while they waited, and have ended or have another lane by now.
    """
    ahead: dict[tuple[str, int], int | None] = {}
    lasts: list[bulk.Row] = []
    for row in sorted(rows, key=attrgetter("number")):  # so that what was before it is known
        one = ahead.get((row.endpoint_id, row.behind), row.behind)
        ahead[row.endpoint_id, row.number] = one
        if one is not None:
            lasts.append((one, row.endpoint_id, row.lane, row.number))
    _FOLLOW.run(connection, [(one, one is None, *key) for key, one in ahead.items()])
    _LAST.run(connection, lasts)
    return sorted({key[0] for key, one in ahead.items() if one is None})


def chain() -> CTE:
    """Those deliveries whose ids are `these`, and up to `most` behind each, by their numbers."""
    first = select(deliveries.c.endpoint_id, deliveries.c.number, literal(0).label("depth"))
    found = first.where(deliveries.c.id.in_(bindparam("these", expanding=True)))
    chained = found.cte("chain", recursive=True)
    # A value and not a join, which a database could do by going through all that waits.
    follows = select(deliveries.c.number).where(
        deliveries.c.endpoint_id == chained.c.endpoint_id, deliveries.c.behind == chained.c.number
    )
    step = select(
        chained.c.endpoint_id, follows.correlate(chained).scalar_subquery(), chained.c.depth + 1
    )
    bound = chained.c.depth < bindparam("most"), chained.c.number.is_not(None)
    return chained.union_all(step.where(*bound))


def linked(chained: CTE) -> ColumnElement[bool]:
    """That a row of `deliveries` is one of a chain."""
    return and_(
        deliveries.c.endpoint_id == chained.c.endpoint_id, deliveries.c.number == chained.c.number
    )


def wake(connection: Connection, held: Held, at: datetime, **more: Any) -> None:
    """Have an endpoint sent to at that time, unless it is before; with more values of its row."""
    at = free_at(held.breaker, at)
    sooner = or_(endpoints.c.next_at.is_(None), endpoints.c.next_at > at)
    next_at = case((sooner, bindparam(None, at, Instant)), else_=endpoints.c.next_at)
    this = update(endpoints).where(endpoints.c.id == held.endpoint.id)
    connection.execute(this.values(next_at=next_at, **more))


def end(connection: Connection, ends: Collection[End], now: datetime) -> int:
    """End these, but for those that no longer wait, and let what is behind them go; how many."""
    held = lock(connection, {one.endpoint_id for one in ends})
    why = {one.delivery_id: one for one in ends if one.endpoint_id in held}
    found = connection.execute(_STILL, {"these": sorted(why)}).all() if why else []
    by_reason: defaultdict[tuple[DeliveryStatus, str], list[Fetched]] = defaultdict(list)
    for row in found:
        by_reason[why[row.id].status, why[row.id].reason].append(row)
    for (status, reason), some in by_reason.items():
        these = {"these": [row.id for row in some]}
        values = {"status": status.value, "reason": reason, "ended_at": now}
        connection.execute(_END.values(values), these)
    for endpoint_id in leave(connection, [row for row in found if row.lane != row.id]):
        wake(connection, held[endpoint_id], now)
    return len(found)


LOCK: Final = (
    select(endpoints)
    .where(endpoints.c.id.in_(bindparam("these", expanding=True)))
    .order_by(endpoints.c.id)
    .with_for_update()
)
"""These endpoints, locked in sorted order: whoever touches their deliveries has it."""
ALL_DUE: Final = (
    update(deliveries)
    .where(
        deliveries.c.endpoint_id == bindparam("this"),
        READY,
        deliveries.c.next_at > bindparam("now", type_=Instant),
    )
    .values(next_at=bindparam("now", type_=Instant))
)
"""All that waits for an endpoint is to be sent now: its receiver is back, or was repaired."""
_STILL: Final[Select[Any]] = select(
    deliveries.c.id,
    deliveries.c.endpoint_id,
    deliveries.c.number,
    deliveries.c.lane,
    deliveries.c.behind,
).where(deliveries.c.id.in_(bindparam("these", expanding=True)), deliveries.c.status == PENDING)
_END: Final[Update] = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("these", expanding=True)))
    .values(ready=False, behind=None)
)
_FOLLOW: Final = bulk.Bulk(
    {"ahead": bulk.NUMBER, "first": bulk.TRUTH, "endpoint_id": bulk.TEXT, "number": bulk.NUMBER},
    "UPDATE deliveries SET behind = ?, ready = ? WHERE endpoint_id = ? AND behind = ?",
    # Values and not a join: where statistics are of a time when nothing waited, PostgreSQL would
    # go through all that does.
    "WITH follows AS MATERIALIZED (SELECT given.ahead, given.first, ("
    "SELECT next.id FROM deliveries AS next"
    " WHERE next.endpoint_id = given.endpoint_id AND next.behind = given.number"
    ") AS id FROM {given}) "
    "UPDATE deliveries SET behind = follows.ahead, ready = follows.first FROM follows"
    " WHERE deliveries.id = follows.id",
)
_LAST: Final = bulk.Bulk(
    {"ahead": bulk.NUMBER, "endpoint_id": bulk.TEXT, "lane": bulk.TEXT, "number": bulk.NUMBER},
    "UPDATE lines SET last = ? WHERE endpoint_id = ? AND line = ? AND last = ?",
    "UPDATE lines SET last = given.ahead FROM {given} WHERE lines.endpoint_id = given.endpoint_id"
    " AND lines.line = given.lane AND lines.last = given.number",
)
