"""Tidying deliveries: what is over ends or goes, a page at a time.

Whoever ends deliveries has the locks of their endpoints, and looks again whether they still wait.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, delete, exists, func, select

from core.domain.breaker import BreakerState
from core.domain.deliveries import Delivery, DeliveryStatus
from core.store import hooks, lanes
from core.store.database import Database
from core.store.lanes import End
from core.store.outbox import ACTIVE, PENDING, READY
from core.store.tables import deliveries, endpoints, kept, notices, replays
from core.store.types import Instant

PAGE: Final = 500
"""Deliveries that one transaction ends or takes away: on SQLite all others wait for it."""
HOMES: Final = 500
ENDPOINTS: Final = 500
FIRSTS: Final = 5_000
"""Lanes of an endpoint that one look goes through, those that wait for longest."""
LANES: Final = 100
"""Of which it then ends what is over."""


@dataclass(frozen=True, slots=True)
class Down:
    """An endpoint whose receiver is down, and since when it is active."""

    endpoint_id: str
    active_since: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits, and whose it is."""

    client_id: str
    delivery: Delivery


class Tidy:
    """The tidying of this database."""

    def __init__(self, database: Database) -> None:
        """Tidy here."""
        self._database = database

    async def forget(self, before: datetime) -> int:
        """Take away some of what had ended before then; how many.

        Raises:
            Unavailable: the database does not answer.
        """
        old = select(deliveries.c.id).where(deliveries.c.ended_at < before)
        old = old.order_by(deliveries.c.ended_at).limit(PAGE)
        if not await self._database.rows(old.limit(1)):
            return 0
        these = old.with_for_update(skip_locked=True)
        async with self._database.write() as connection:
            gone = await connection.execute(delete(deliveries).where(deliveries.c.id.in_(these)))
            return gone.rowcount

    async def forget_told(self, before: datetime) -> int:
        """Take away some replays that were begun, and notices given, before then; how many.

        Nothing that could still be repeated by such a replay is kept either.

        Raises:
            Unavailable: the database does not answer.
        """
        gone = 0
        for table, at in ((replays, replays.c.created_at), (notices, notices.c.at)):
            old = select(table.c.id).where(at < before).order_by(at).limit(PAGE)
            if not await self._database.rows(old.limit(1)):
                continue
            these = old.with_for_update(skip_locked=True)
            async with self._database.write() as connection:
                gone += (
                    await connection.execute(delete(table).where(table.c.id.in_(these)))
                ).rowcount
        return gone

    async def homes_gone(self, after: str) -> Sequence[str]:
        """The next homes with deliveries that wait for events which are no longer kept."""
        waits = exists().where(
            deliveries.c.home_id == kept.c.home_id,
            deliveries.c.status == PENDING,
            deliveries.c.place <= kept.c.place,
        )
        query = select(kept.c.home_id).where(kept.c.home_id > after, kept.c.place > 0, waits)
        found = await self._database.rows(query.order_by(kept.c.home_id).limit(HOMES))
        return [row.home_id for row in found]

    async def gone(self, home_id: str) -> Sequence[str]:
        """Some deliveries that wait for events of a home which are no longer kept."""
        query = _pending(home_id).join(
            kept, and_(kept.c.home_id == deliveries.c.home_id, deliveries.c.place <= kept.c.place)
        )
        return await self._ids(query.order_by(deliveries.c.place).limit(PAGE))

    async def down(self, after: str) -> tuple[Sequence[Down], str | None]:
        """Those of the next active endpoints whose receivers are down; where to go on."""
        query = select(endpoints.c.id, endpoints.c.breaker, endpoints.c.active_since)
        query = query.where(endpoints.c.status == ACTIVE, endpoints.c.id > after)
        found = await self._database.rows(query.order_by(endpoints.c.id).limit(ENDPOINTS))
        down = [
            Down(row.id, row.active_since)
            for row in found
            if hooks.breaker_in(row.breaker).state is not BreakerState.CLOSED
        ]
        return down, found[-1].id if len(found) == ENDPOINTS else None

    async def overdue(self, endpoint_id: str, before: datetime) -> Sequence[str]:
        """Some lanes' firsts that began before then, with what is as old behind them."""
        first = select(deliveries.c.id, deliveries.c.since).where(
            deliveries.c.endpoint_id == endpoint_id, READY
        )
        some = first.order_by(deliveries.c.next_at).limit(FIRSTS).subquery("some")
        firsts = await self._ids(select(some.c.id).where(some.c.since < before).limit(LANES))
        if not firsts:
            return []
        values = {"these": firsts, "most": PAGE // len(firsts), "before": before}
        async with self._database.read() as connection:
            return [row.id for row in await connection.execute(_OLD, values)]

    async def home_after(self, home_id: str) -> str | None:
        """The next home of which any delivery waits."""
        waiting = deliveries.c.status == PENDING, deliveries.c.home_id > home_id
        query = select(func.min(deliveries.c.home_id)).where(*waiting)
        found = await self._database.rows(query)
        return found[0][0]  # type: ignore[no-any-return]  # a row's

    async def waiting(
        self, home_id: str, client_id: str | None, after: tuple[int, str], limit: int
    ) -> Sequence[Waiting]:
        """The next deliveries of a home that wait, but for samples: of one client, or of all.

        They come by place and id.
        """
        place, last = after
        behind = (deliveries.c.place > place) | (
            (deliveries.c.place == place) & (deliveries.c.id > last)
        )
        query = select(deliveries).where(
            deliveries.c.home_id == home_id,
            deliveries.c.status == PENDING,
            deliveries.c.place >= place,
            behind,
            deliveries.c.sample.is_(None),
        )
        if client_id is not None:
            query = query.where(deliveries.c.client_id == client_id)
        query = query.order_by(deliveries.c.place, deliveries.c.id).limit(limit)
        found = await self._database.rows(query)
        return [Waiting(row.client_id, hooks.delivery_of(row)) for row in found]

    async def end(
        self, these: Collection[str], status: DeliveryStatus, reason: str, now: datetime
    ) -> int:
        """End those of these deliveries that still wait; how many.

        Raises:
            Unavailable: the database does not answer.
        """
        query = select(deliveries.c.id, deliveries.c.endpoint_id).where(deliveries.c.id.in_(these))
        found = await self._database.rows(query)
        ends = [End(row.endpoint_id, row.id, status, reason) for row in found]
        if not ends:
            return 0
        async with self._database.write() as connection:
            return await connection.run_sync(lanes.end, ends, now)

    async def _ids(self, query: Select[Any]) -> Sequence[str]:
        return [row.id for row in await self._database.rows(query)]


def _pending(home_id: str) -> Select[Any]:
    return select(deliveries.c.id).where(
        deliveries.c.home_id == home_id, deliveries.c.status == PENDING
    )


_chain: Final = lanes.chain()
_OLD: Final = (
    select(deliveries.c.id)
    .select_from(_chain)
    .join(deliveries, lanes.linked(_chain))
    .where(deliveries.c.since < bindparam("before", type_=Instant))
    .limit(PAGE)
)
