"""The statements by which events are planned; `core.store.planning` says when."""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)

from core.store import bulk, rows
from core.store.hooks import DELETED
from core.store.ledger import ACCESS as ACCESS_LOG
from core.store.outbox import PENDING
from core.store.pairs import among
from core.store.tables import deliveries, devices, endpoints, events, homes, lines, logs, planned
from core.store.types import Instant

EVENTS: Final = 250
"""Events that one transaction plans."""


def _among(column: Any) -> ColumnElement[bool]:
    return column.in_(bindparam("these", expanding=True))  # type: ignore[no-any-return]  # a column's


ACCESS: Final = select(logs.c.place).where(logs.c.id == ACCESS_LOG)
HEADS: Final = select(homes.c.id, homes.c.place).where(_among(homes.c.id))
CLAIM: Final = (
    select(planned)
    .where(_among(planned.c.home_id))
    .order_by(planned.c.home_id)
    .with_for_update(skip_locked=True)
)
NEXT: Final[Select[Any]] = (
    rows.event_rows.join(planned, planned.c.home_id == events.c.home_id)
    .where(_among(planned.c.home_id), events.c.place > planned.c.place)
    .order_by(events.c.home_id, events.c.place)
    .limit(EVENTS)
)
ENDPOINTS: Final = (
    select(endpoints)
    .where(_among(endpoints.c.client_id), endpoints.c.status != DELETED)
    .order_by(endpoints.c.id)
    .with_for_update()
)
ROOMS: Final = select(devices.c.id, devices.c.home_id, devices.c.room_id).where(
    _among(devices.c.id), devices.c.removed.is_(False)
)
LINES: Final[Select[Any]] = select(
    lines.c.endpoint_id,
    lines.c.line,
    lines.c.sequence,
    lines.c.state,
    lines.c.last,
    # A value, and its status none of the conditions: as EXISTS, PostgreSQL may go through all that
    # waits. In another lane it was sent again by hand since.
    select(and_(deliveries.c.lane == lines.c.line, deliveries.c.status == PENDING))
    .where(deliveries.c.endpoint_id == lines.c.endpoint_id, deliveries.c.number == lines.c.last)
    .scalar_subquery()
    .label("waits"),
).where(among(lines.c.endpoint_id, lines.c.line))
UNTRIED: Final[bulk.Row] = ("PENDING", 0, 0, "", False, False, "[]")
INSERT: Final = bulk.inserting(
    "deliveries",
    {
        "id": bulk.TEXT,
        "client_id": bulk.TEXT,
        "endpoint_id": bulk.TEXT,
        "number": bulk.NUMBER,
        "previous": bulk.NUMBER,
        "lane": bulk.TEXT,
        "ready": bulk.TRUTH,
        "behind": bulk.NUMBER,
        "event_id": bulk.TEXT,
        "event_type": bulk.TEXT,
        "home_id": bulk.TEXT,
        "device_id": bulk.TEXT,
        "place": bulk.NUMBER,
        "sequence": bulk.NUMBER,
        "occurred_at": bulk.NUMBER,
        "since": bulk.NUMBER,
        "next_at": bulk.NUMBER,
        "status": bulk.TEXT,
        "made": bulk.NUMBER,
        "refusals": bulk.NUMBER,
        "replay_id": bulk.TEXT,
        "by_hand": bulk.TRUTH,
        "claimed": bulk.TRUTH,
        "attempts": bulk.TEXT,
    },
)
LINE: Final = bulk.inserting(
    "lines",
    {
        "endpoint_id": bulk.TEXT,
        "line": bulk.TEXT,
        "sequence": bulk.NUMBER,
        "state": bulk.NUMBER,
        "last": bulk.NUMBER,
    },
    "ON CONFLICT (endpoint_id, line) DO UPDATE"
    " SET sequence = excluded.sequence, state = excluded.state, last = excluded.last",
)
_the_time: Final = bindparam("the_time", type_=Instant)
WAKE: Final = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("the_endpoint"))
    .values(
        planned=bindparam("the_planned"),
        next_at=case(
            (or_(endpoints.c.next_at.is_(None), endpoints.c.next_at > _the_time), _the_time),
            else_=endpoints.c.next_at,
        ),
    )
)
MOVE: Final = (
    update(planned)
    .where(planned.c.home_id == bindparam("the_home"))
    .values(place=bindparam("the_place"))
)
