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

from sqlalchemy import Connection

from core.domain.breaker import free_at
from core.domain.endpoints import Ordering
from core.domain.events import Event, EventType
from core.domain.ports import Ids
from core.domain.sending import Held
from core.store import bulk, hooks, plan_statements as said, rows
from core.store.types import microseconds

ROWS: Final = 5_000
"""Deliveries that it makes, but for the last event's: on SQLite all others wait for it."""


class Judge(Protocol):
    """Decides for whom an event is, by who gave what to whom."""

    def clients(self, home_id: str) -> Collection[str]:
        """The clients to which something of this home is open."""

    def read(self, held: Collection[Held]) -> None:
        """See that the documents of these endpoints are known; raise where they are not."""

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
    full: bool = False
    """Whether there may be more that could have been planned."""


@dataclass(slots=True)
class _Line:
    sequence: int | None = None
    state: int | None = None
    last: int | None = None
    waits: bool | None = False
    """Whether the last one does; None where there is none."""
    told: bool = False


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
        claimed = connection.execute(said.CLAIM, {"these": sorted(home_ids)}).all()
        before = {row.home_id: row.place for row in claimed}
        if not before:
            return Planned(self._known)
        these = {"these": list(before)}
        heads = {row.id: row.place for row in connection.execute(said.HEADS, these)}
        found = [rows.event_of(row) for row in connection.execute(said.NEXT, these)]
        # Last, so that whoever knows an event knows the grants that were given before it.
        done = Planned(connection.execute(said.ACCESS).scalar_one())
        if done.access > self._known:
            return done
        whole = len(found) < said.EVENTS
        self._lock(connection, before)
        chosen = self._chosen(connection, found) if found and self._held else []
        self._know(connection, chosen)
        for event, theirs in chosen:
            if self._rows and len(self._rows) + len(theirs) > ROWS:
                found, whole = found[: found.index(event)], False
                break
            for held in theirs:
                self._add(event, held.endpoint.id)
        done.events, done.full = found, not whole
        done.places = {**before, **{event.home.id: event.place for event in found}}
        if whole:  # what is beyond a place, and is not there, is not kept any more
            told = {event.home.id for event in found}
            done.places.update({key: head for key, head in heads.items() if key not in told})
        self._write(connection, done, before)
        return done

    def _lock(self, connection: Connection, home_ids: Collection[str]) -> None:
        clients = sorted({one for key in home_ids for one in self._judge.clients(key)})
        for row in connection.execute(said.ENDPOINTS, {"these": clients}) if clients else ():
            held = hooks.held_of(row)
            self._held[held.endpoint.id] = held
        self._judge.read(self._held.values())

    def _chosen(
        self, connection: Connection, found: Sequence[Event]
    ) -> Sequence[tuple[Event, Sequence[Held]]]:
        ids = {event.device.id for event in found if event.device is not None}
        rooms: dict[str, dict[str, str | None]] = {}
        for row in connection.execute(said.ROOMS, {"these": sorted(ids)}):
            rooms.setdefault(row.home_id, {})[row.id] = row.room_id
        theirs: dict[str, list[Held]] = {}
        for home_id in {event.home.id for event in found}:
            clients = set(self._judge.clients(home_id))
            theirs[home_id] = [
                one for one in self._held.values() if one.endpoint.client_id in clients
            ]
        judged = (
            (event, self._judge.chosen(event, rooms.get(event.home.id, {}), theirs[event.home.id]))
            for event in found
        )
        return [(event, chosen) for event, chosen in judged if chosen]

    def _know(self, connection: Connection, chosen: Sequence[tuple[Event, Sequence[Held]]]) -> None:
        """What was planned before in the lines that get something."""
        keys = sorted({(one.endpoint.id, _of(event)) for event, held in chosen for one in held})
        self._lines = {key: _Line() for key in keys}
        found = connection.execute(said.LINES, {"these": keys}) if keys else ()
        for endpoint_id, line, *known in found:  # by position, as each name costs 0.3 us
            self._lines[endpoint_id, line] = _Line(*known)

    def _add(self, event: Event, endpoint_id: str) -> None:
        held = self._held[endpoint_id]
        held = self._held[endpoint_id] = replace(held, planned=held.planned + 1)
        line = self._lines[endpoint_id, _of(event)]
        delivery_id = self._ids.new("delivery")
        alone = held.endpoint.ordering is Ordering.UNORDERED
        behind = line.last if line.waits and not alone else None
        self._rows.append(
            (
                delivery_id,
                held.endpoint.client_id,
                endpoint_id,
                held.planned,
                line.sequence,
                delivery_id if alone else _of(event),
                behind is None,
                behind,
                *self._of_event(event),
            )
        )
        line.sequence, line.told = event.sequence, True
        if not alone:
            line.last, line.waits = held.planned, True
        if event.type is EventType.DEVICE_STATUS_CHANGED:
            line.state = event.sequence

    def _of_event(self, event: Event) -> bulk.Row:
        """What all deliveries of an event have in common, once they are planned."""
        known = self._common
        if known is None or known[0] is not event:
            device_id, at = event.device and event.device.id, microseconds(event.occurred_at)
            which = event.id, event.type.value, event.home.id, device_id, event.place
            when = event.sequence, at, at, self._at
            known = self._common = event, (*which, *when, *said.UNTRIED)
        return known[1]

    def _write(self, connection: Connection, done: Planned, before: Mapping[str, int]) -> None:
        if self._rows:
            said.INSERT.run(connection, self._rows)
            touched = sorted({one[2] for one in self._rows})
            told = [(*key, one.sequence, one.state, one.last) for key, one in self._told]
            said.LINE.run(connection, told)
            connection.execute(said.WAKE, [self._woken(one) for one in touched])
            done.endpoints.update(touched)
            done.deliveries = len(self._rows)
        moved = {key: place for key, place in done.places.items() if place != before[key]}
        if moved:
            places = [{"the_home": key, "the_place": place} for key, place in moved.items()]
            connection.execute(said.MOVE, places)

    @property
    def _told(self) -> list[tuple[tuple[str, str], _Line]]:
        """The lines that something was planned in, in the order in which all lock them."""
        told = [one for one in self._lines.items() if one[1].told]
        return sorted(told, key=itemgetter(0))

    def _woken(self, endpoint_id: str) -> dict[str, Any]:
        """Its row's values: something is to be sent, though not before its breaker lets it."""
        held = self._held[endpoint_id]
        at = free_at(held.breaker, self._now)
        return {"the_endpoint": endpoint_id, "the_planned": held.planned, "the_time": at}


def _of(event: Event) -> str:
    return event.device.id if event.device else event.home.id
