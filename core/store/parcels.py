"""What is to be sent next: deliveries by lane, and the events that they are of."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from core.domain.events import Event
from core.domain.sending import Parcel, Queue
from core.store import hooks, rows
from core.store.database import Database
from core.store.outbox import PENDING, READY
from core.store.tables import deliveries, events, lines
from core.store.types import Instant

FOLLOWERS: Final = 20
"""Deliveries of one lane that are taken up behind its first, in order."""
HOMES: Final = 100
"""Whose events one statement asks for, home by home: by pairs of home and place, SQLite would go
through all events."""


class Parcels:
    """What waits in this database."""

    def __init__(self, database: Database) -> None:
        """Read from here."""
        self._database = database
        self._behind = _behind_in_ranges() if database.sqlite else _behind_in_joins()

    async def due(self, endpoint_id: str, now: datetime, most: int) -> Sequence[Parcel]:
        """The first deliveries of lanes that are due, the longest waiting first.

        Raises:
            Unavailable: the database does not answer.
        """
        values = {"this": endpoint_id, "now": now, "most": most}
        async with self._database.glance() as connection:
            return [_parcel(row) for row in await connection.execute(_HEADS, values)]

    async def behind(
        self, firsts: Collection[Parcel], now: datetime
    ) -> Mapping[str, Sequence[Parcel]]:
        """What comes next behind each of these in its lane, in order, by the lane.

        What a replay has spaced waits for its time, and what is behind it waits too.
        """
        found: dict[str, list[Parcel]] = {first.lane: [] for first in firsts}
        early: set[str] = set()
        values = {"these": [first.delivery.id for first in firsts]}
        async with self._database.glance() as connection:
            for row in await connection.execute(self._behind, values):
                parcel = _parcel(row)
                if parcel.delivery.next_at > now:
                    early.add(parcel.lane)
                if parcel.lane not in early:
                    found[parcel.lane].append(parcel)
        return found

    async def queue(self, now: datetime) -> Queue:
        """How much waits, to be sent by anybody."""
        pending = select(func.count()).where(deliveries.c.status == PENDING)
        oldest = select(func.min(deliveries.c.since)).where(READY)
        async with self._database.read() as connection:
            count = (await connection.execute(pending)).scalar_one()
            since = (await connection.execute(oldest)).scalar()
        return Queue(count, max(0.0, (now - since).total_seconds()) if since else 0.0)

    async def events(self, places: Collection[tuple[str, int]]) -> Sequence[Event]:
        """Those of these events, by home and place, that the logs still hold."""
        by_home: defaultdict[str, list[int]] = defaultdict(list)
        for home_id, place in sorted(places):
            by_home[home_id].append(place)
        ways = [
            and_(events.c.home_id == home_id, events.c.place.in_(those))
            for home_id, those in by_home.items()
        ]
        found: list[Event] = []
        async with self._database.glance() as connection:
            for start in range(0, len(ways), HOMES):
                query = rows.event_rows.where(or_(*ways[start : start + HOMES]))
                found += [rows.event_of(row) for row in await connection.execute(query)]
        return found


def _parcel(row: rows.Fetched) -> Parcel:
    """A row of `_PARCEL`; by position, as each name costs 0.3 us."""
    values: Sequence[Any] = row[-4:]
    lane, sample, attempts, state = values
    tried = tuple(map(hooks.attempt_in, attempts)) if attempts else ()
    event = hooks.sample_in(sample) if sample else None
    return Parcel(hooks.delivery_of(row), lane, tried, state, event, test=event is not None)


_PARCEL: Final = (deliveries, lines.c.state)
_first: Final = deliveries.alias("first")
_next: Final = deliveries.alias("next")


def _behind_in(table: Any) -> Sequence[ColumnElement[bool]]:
    """Of a row of this table: that it waits behind a first one, in its lane."""
    return (
        table.c.endpoint_id == _first.c.endpoint_id,
        table.c.lane == _first.c.lane,
        table.c.status == PENDING,
        table.c.place > _first.c.place,
    )


def _followers(column: Any) -> Select[Any]:
    found = select(column).where(*_behind_in(_next)).order_by(_next.c.place)
    return found.correlate(_first)


def _behind_in_joins() -> Select[Any]:
    """As PostgreSQL looks only at the rows that it is about: a subquery for each first."""
    followers = _followers(_next.c.id).limit(FOLLOWERS).lateral("followers")
    found = (
        select(*_PARCEL)
        .select_from(_first)
        .join(followers, true())
        .join(deliveries, deliveries.c.id == followers.c.id)
        .outerjoin(lines, _LINE)
    )
    return found.where(_FIRSTS).order_by(deliveries.c.lane, deliveries.c.place)


def _behind_in_ranges() -> Select[Any]:
    """The same as SQLite does it, which knows no LATERAL: up to the place of the last of them."""
    last = _followers(_next.c.place).limit(1).offset(FOLLOWERS - 1).scalar_subquery()
    here = _behind_in(deliveries)
    found = (
        select(*_PARCEL)
        .select_from(_first)
        .join(deliveries, and_(*here, deliveries.c.place <= func.coalesce(last, _BEYOND)))
        .outerjoin(lines, _LINE)
    )
    return found.where(_FIRSTS).order_by(deliveries.c.lane, deliveries.c.place)


_BEYOND: Final[ColumnElement[int]] = literal_column(str(2**63 - 1))
"""No place is."""
_LINE: Final = and_(
    lines.c.endpoint_id == deliveries.c.endpoint_id,
    lines.c.line == func.coalesce(deliveries.c.device_id, deliveries.c.home_id),
)
_FIRSTS: Final = _first.c.id.in_(bindparam("these", expanding=True))
_HEADS: Final = (
    select(*_PARCEL)
    .outerjoin(lines, _LINE)
    .where(
        deliveries.c.endpoint_id == bindparam("this"),
        READY,
        deliveries.c.next_at <= bindparam("now", type_=Instant),
    )
    .order_by(deliveries.c.next_at)
    .limit(bindparam("most"))
)
