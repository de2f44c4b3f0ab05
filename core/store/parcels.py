"""What is to be sent next: deliveries by lane, and the events that they are of."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, select

from core.domain.events import Event
from core.domain.sending import Parcel, Queue
from core.store import hooks, rows
from core.store.database import Database
from core.store.lanes import chain, linked
from core.store.outbox import PENDING, READY
from core.store.pairs import among
from core.store.tables import deliveries, events, lines
from core.store.types import Instant

FOLLOWERS: Final = 20
"""Deliveries of one lane that are taken up behind its first, in order."""


class Parcels:
    """What waits in this database."""

    def __init__(self, database: Database) -> None:
        """Read from here."""
        self._database = database

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
        values = {"these": [first.delivery.id for first in firsts], "most": FOLLOWERS}
        async with self._database.glance() as connection:
            for row in await connection.execute(_BEHIND, values):
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
        these = {"these": sorted(places)}
        async with self._database.glance() as connection:
            return [rows.event_of(row) for row in await connection.execute(_EVENTS, these)]


def _parcel(row: rows.Fetched) -> Parcel:
    """A row of `_PARCEL`; by position, as each name costs 0.3 us."""
    values: Sequence[Any] = row[-4:]
    lane, sample, attempts, state = values
    tried = tuple(map(hooks.attempt_in, attempts)) if attempts else ()
    event = hooks.sample_in(sample) if sample else None
    return Parcel(hooks.delivery_of(row), lane, tried, state, event, test=event is not None)


_PARCEL: Final = (deliveries, lines.c.state)
_LINE: Final = and_(
    lines.c.endpoint_id == deliveries.c.endpoint_id,
    lines.c.line == func.coalesce(deliveries.c.device_id, deliveries.c.home_id),
)
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
_EVENTS: Final[Select[Any]] = rows.event_rows.where(among(events.c.home_id, events.c.place))
_chain: Final = chain()
_BEHIND: Final = (
    select(*_PARCEL)
    .select_from(_chain)
    .join(deliveries, linked(_chain))
    .outerjoin(lines, _LINE)
    .where(_chain.c.depth > 0)
    .order_by(deliveries.c.lane, deliveries.c.place)
)
