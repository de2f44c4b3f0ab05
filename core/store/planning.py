"""Planning a home's events in one transaction: for whom each is, and in which lane it waits.

A home is claimed by locking its row in `planned`, passing over those that others have claimed;
whoever has it inserts the deliveries and moves the row on, so each event is planned once. Then the
endpoints are locked, in sorted order: their deliveries are numbered, and whoever records what
became of others waits, so that none is taken for the first of its lane that is not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from core.domain.breaker import free_at
from core.domain.endpoints import Ordering
from core.domain.events import Event, EventType
from core.domain.ports import Ids
from core.domain.sending import Held
from core.store import bulk, hooks, rows
from core.store.hooks import DELETED
from core.store.ledger import ACCESS
from core.store.outbox import PENDING
from core.store.tables import deliveries, devices, endpoints, events, lines, logs, planned
from core.store.types import Instant, microseconds

EVENTS: Final = 250
"""Events that one transaction plans."""


class Judge(Protocol):
    """Decides for whom an event is, by who gave what to whom."""

    def clients(self, home_ids: Collection[str]) -> Collection[str]:
        """The clients that may get something of these homes."""

    def chosen(
        self, event: Event, rooms: Mapping[str, str | None], held: Sequence[Held]
    ) -> Sequence[Held]:
        """Those of these endpoints that get it; `rooms` are of the devices that are there now."""


@dataclass(slots=True)
class Planned:
    """What one transaction did.

    `places` are those up to which homes are planned now; a home that is not among them was claimed
    by somebody else. `endpoints` have something to send. `access` is the access log's head then;
    nothing was planned where the judge knew less.
    """

    access: int
    places: dict[str, int] = field(default_factory=dict)
    endpoints: set[str] = field(default_factory=set)
    deliveries: int = 0
    events: Sequence[Event] = ()


@dataclass(slots=True)
class _Line:
    sequence: int | None = None
    state: int | None = None
    waits: bool = False


class Planning:
    """One transaction."""

    def __init__(self, judge: Judge, known: int, now: datetime, ids: Ids) -> None:
        """`known` is how far the judge knows the access log."""
        self._judge = judge
        self._known = known
        self._now = now
        self._ids = ids
        self._at = microseconds(now)
        self._rows: list[bulk.Row] = []
        self._common: tuple[Event, bulk.Row] | None = None
        self._lines: dict[tuple[str, str], _Line] = {}
        self._held: dict[str, Held] = {}

    def plan(self, connection: Connection, home_ids: Collection[str]) -> Planned:
        """Do it."""
        done = Planned(connection.execute(_ACCESS).scalar_one())
        if done.access > self._known:
            return done
        claimed = connection.execute(_CLAIM, {"these": sorted(home_ids)}).all()
        done.places = {row.home_id: row.place for row in claimed}
        if not done.places:
            return done
        done.events = found = self._events(connection, list(done.places))
        self._lock(connection, done.places)
        if found and self._held:
            chosen = self._chosen(connection, found)
            self._know(connection, chosen)
            for event, held in chosen:
                self._add(event, held.endpoint.id)
        done.places.update({event.home.id: event.place for event in found})
        self._write(connection, done)
        return done

    def _events(self, connection: Connection, home_ids: list[str]) -> list[Event]:
        return [rows.event_of(row) for row in connection.execute(_NEXT, {"these": home_ids})]

    def _lock(self, connection: Connection, home_ids: Collection[str]) -> None:
        clients = sorted(self._judge.clients(home_ids))
        for row in connection.execute(_ENDPOINTS, {"these": clients}) if clients else ():
            held = hooks.held_of(row)
            self._held[held.endpoint.id] = held

    def _chosen(
        self, connection: Connection, found: Sequence[Event]
    ) -> Sequence[tuple[Event, Held]]:
        ids = {event.device.id for event in found if event.device is not None}
        here = connection.execute(_ROOMS, {"these": sorted(ids)})
        rooms: dict[str, dict[str, str | None]] = {}
        for row in here:
            rooms.setdefault(row.home_id, {})[row.id] = row.room_id
        every = list(self._held.values())
        return [
            (event, held)
            for event in found
            for held in self._judge.chosen(event, rooms.get(event.home.id, {}), every)
        ]

    def _know(self, connection: Connection, chosen: Sequence[tuple[Event, Held]]) -> None:
        """What was planned before in the lines that get something."""
        keys = sorted({(held.endpoint.id, _of(event)) for event, held in chosen})
        self._lines = {key: _Line() for key in keys}
        for row in connection.execute(_LINES, {"these": keys}) if keys else ():
            key = row.endpoint_id, row.line
            self._lines[key] = _Line(row.sequence, row.state, row.waits)

    def _add(self, event: Event, endpoint_id: str) -> None:
        held = self._held[endpoint_id]
        held = self._held[endpoint_id] = replace(held, planned=held.planned + 1)
        line = self._lines[endpoint_id, _of(event)]
        delivery_id = self._ids.new("delivery")
        alone = held.endpoint.ordering is Ordering.UNORDERED
        self._rows.append(
            (
                delivery_id,
                held.endpoint.client_id,
                endpoint_id,
                held.planned,
                line.sequence,
                delivery_id if alone else _of(event),
                alone or not line.waits,
                *self._of_event(event),
            )
        )
        line.sequence = event.sequence
        line.waits = line.waits or not alone
        if event.type is EventType.DEVICE_STATUS_CHANGED:
            line.state = event.sequence

    def _of_event(self, event: Event) -> bulk.Row:
        """What all deliveries of an event have in common, once they are planned."""
        known = self._common
        if known is None or known[0] is not event:
            device_id, at = event.device and event.device.id, microseconds(event.occurred_at)
            which = event.id, event.type.value, event.home.id, device_id, event.place
            when = event.sequence, at, at, self._at
            known = self._common = event, (*which, *when, *_UNTRIED)
        return known[1]

    def _write(self, connection: Connection, done: Planned) -> None:
        if self._rows:
            _INSERT.run(connection, self._rows)
            touched = sorted({one[2] for one in self._rows})
            _LINE.run(connection, [(*key, one.sequence, one.state) for key, one in self._told])
            connection.execute(_WAKE, [self._woken(one) for one in touched])
            done.endpoints.update(touched)
            done.deliveries = len(self._rows)
        if done.events:
            moved = {event.home.id: done.places[event.home.id] for event in done.events}
            places = [{"the_home": home, "the_place": place} for home, place in moved.items()]
            connection.execute(_MOVE, places)

    @property
    def _told(self) -> list[tuple[tuple[str, str], _Line]]:
        """The lines that something was planned in, in the order in which all lock them."""
        return sorted(self._lines.items(), key=itemgetter(0))

    def _woken(self, endpoint_id: str) -> dict[str, Any]:
        """Its row's values: something is to be sent, though not before its breaker lets it."""
        held = self._held[endpoint_id]
        at = free_at(held.breaker, self._now)
        return {"the_endpoint": endpoint_id, "the_planned": held.planned, "the_time": at}


def _of(event: Event) -> str:
    return event.device.id if event.device else event.home.id


def _among(column: Any) -> ColumnElement[bool]:
    return column.in_(bindparam("these", expanding=True))  # type: ignore[no-any-return]  # a column's


_ACCESS: Final = select(logs.c.place).where(logs.c.id == ACCESS)
_CLAIM: Final = (
    select(planned)
    .where(_among(planned.c.home_id))
    .order_by(planned.c.home_id)
    .with_for_update(skip_locked=True)
)
_NEXT: Final[Select[Any]] = (
    rows.event_rows.join(planned, planned.c.home_id == events.c.home_id)
    .where(_among(planned.c.home_id), events.c.place > planned.c.place)
    .order_by(events.c.home_id, events.c.place)
    .limit(EVENTS)
)
_ENDPOINTS: Final = (
    select(endpoints)
    .where(_among(endpoints.c.client_id), endpoints.c.status != DELETED)
    .order_by(endpoints.c.id)
    .with_for_update()
)
_ROOMS: Final = select(devices.c.id, devices.c.home_id, devices.c.room_id).where(
    _among(devices.c.id), devices.c.removed.is_(False)
)
_LINES: Final[Select[Any]] = select(
    lines,
    exists()
    .where(
        deliveries.c.endpoint_id == lines.c.endpoint_id,
        deliveries.c.lane == lines.c.line,
        deliveries.c.status == PENDING,
    )
    .label("waits"),
).where(_among(tuple_(lines.c.endpoint_id, lines.c.line)))
_UNTRIED: Final[bulk.Row] = ("PENDING", 0, 0, "", False, False, "[]")
_INSERT: Final = bulk.inserting(
    "deliveries",
    {
        "id": bulk.TEXT,
        "client_id": bulk.TEXT,
        "endpoint_id": bulk.TEXT,
        "number": bulk.NUMBER,
        "previous": bulk.NUMBER,
        "lane": bulk.TEXT,
        "ready": bulk.TRUTH,
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
_LINE: Final = bulk.inserting(
    "lines",
    {
        "endpoint_id": bulk.TEXT,
        "line": bulk.TEXT,
        "sequence": bulk.NUMBER,
        "state": bulk.NUMBER,
    },
    "ON CONFLICT (endpoint_id, line) DO UPDATE"
    " SET sequence = excluded.sequence, state = excluded.state",
)
_the_time: Final = bindparam("the_time", type_=Instant)
_WAKE: Final = (
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
_MOVE: Final = (
    update(planned)
    .where(planned.c.home_id == bindparam("the_home"))
    .values(place=bindparam("the_place"))
)
