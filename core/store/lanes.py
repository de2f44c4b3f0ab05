"""Lanes in the store: whoever has an endpoint's lock ends deliveries, and lets the next ones go."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Select,
    Update,
    bindparam,
    case,
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


def promote(connection: Connection, lanes: Iterable[tuple[str, str]]) -> None:
    """Have the first that waits in each of these lanes, of endpoint and lane, be sent next."""
    _PROMOTE.run(connection, list(dict.fromkeys(lanes)))


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
        values = {"status": status.value, "reason": reason, "ended_at": now, "ready": False}
        connection.execute(_END.values(values), these)
    firsts = [row for row in found if row.ready and row.lane != row.id]
    promote(connection, [(row.endpoint_id, row.lane) for row in firsts])
    for endpoint_id in sorted({row.endpoint_id for row in firsts}):
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
    deliveries.c.id, deliveries.c.endpoint_id, deliveries.c.lane, deliveries.c.ready
).where(deliveries.c.id.in_(bindparam("these", expanding=True)), deliveries.c.status == PENDING)
_END: Final[Update] = update(deliveries).where(
    deliveries.c.id.in_(bindparam("these", expanding=True))
)
_FIRST: Final = """
    SELECT first.id FROM deliveries AS first
    WHERE first.endpoint_id = {endpoint} AND first.lane = {lane} AND first.status = 'PENDING'
    ORDER BY first.place LIMIT 1
"""
_PROMOTE: Final = bulk.Bulk(
    {"endpoint_id": bulk.TEXT, "lane": bulk.TEXT},
    f"UPDATE deliveries SET ready = true WHERE id = ({_FIRST.format(endpoint='?', lane='?')})",
    "WITH firsts AS MATERIALIZED (SELECT ("  # else it could be looked for once for each delivery
    + _FIRST.format(endpoint="given.endpoint_id", lane="given.lane")
    + ") AS id FROM {given}) "
    "UPDATE deliveries SET ready = true FROM firsts WHERE deliveries.id = firsts.id",
)
