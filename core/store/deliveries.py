"""Deliveries in the store, as their client looks at them: found, listed, and sent again by hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    insert,
    literal_column,
    select,
    update,
)

from core.domain.deliveries import Delivery, DeliveryStatus, redelivered
from core.domain.errors import Conflict, Missing
from core.domain.events import Event
from core.domain.repairs import LOST, Traced, Which
from core.domain.sending import Notice
from core.store import hooks, lanes, rows
from core.store.database import Database
from core.store.hooks import DELETED
from core.store.tables import deliveries, endpoints, events, notices, planned

SCANNED: Final = 10_000
"""Deliveries that one page goes through at most, however few of them are asked for."""
GONE: Final = "The event is no longer kept, so it cannot be sent again."


@dataclass(frozen=True, slots=True)
class Found:
    """A page of deliveries, the newest first; `end` is where to go on where it was cut short."""

    deliveries: Sequence[Traced]
    end: int | str | None = None


class Deliveries:
    """The deliveries of this database."""

    def __init__(self, database: Database) -> None:
        """Look and write here."""
        self._database = database

    async def find(self, client_id: str, delivery_id: str) -> Traced | None:
        """One of this client's."""
        query = _of(client_id).where(deliveries.c.id == delivery_id)
        found = await self._database.rows(query)
        return hooks.traced_of(found[0]) if found else None

    async def page(
        self, client_id: str, which: Which, before: int | str | None, limit: int
    ) -> Found:
        """Deliveries before a key, the newest first.

        The key is the number where it is of one endpoint, else the id. What matches seldom is
        looked for in a part of the list, so that no page takes long.
        """
        key = deliveries.c.id if which.endpoint_id is None else deliveries.c.number
        walked = [*_walked(client_id, which), *([] if before is None else [key < before])]
        shown, rest = _of(client_id), _conditions(which)
        if not rest:
            found = await self._database.rows(
                shown.where(*walked).order_by(key.desc()).limit(limit)
            )
            return Found([hooks.traced_of(row) for row in found])
        part = select(deliveries.c.id, key.label("key")).where(*walked)
        some = part.order_by(key.desc()).limit(SCANNED).subquery("part")
        shown = shown.where(*rest).join(some, some.c.id == deliveries.c.id)
        async with self._database.read() as connection:
            query = shown.order_by(some.c.key.desc()).limit(limit)
            page = (await connection.execute(query)).all()
            end = None
            if len(page) < limit:
                last = select(func.count(), func.min(some.c.key)).select_from(some)
                count, key_of_last = (await connection.execute(last)).one()
                end = key_of_last if count == SCANNED else None
        return Found([hooks.traced_of(row) for row in page], end)

    async def of_event(self, client_id: str, event_id: str) -> Sequence[Traced]:
        """Those of an event to endpoints of this client: each one's own first, then the newest."""
        query = (
            select(deliveries)
            .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
            .where(
                endpoints.c.client_id == client_id,
                endpoints.c.status != DELETED,
                deliveries.c.event_id == event_id,
            )
        )
        order = (deliveries.c.replay_id != ""), deliveries.c.number.desc()
        return [hooks.traced_of(row) for row in await self._database.rows(query.order_by(*order))]

    async def before(self, these: Collection[str]) -> Mapping[str, str]:
        """Of deliveries those that are not the first of their lanes, and what each is behind."""
        if not these:
            return {}
        ahead = deliveries.alias("ahead")
        query = (
            select(deliveries.c.id, ahead.c.id.label("ahead"))
            .join(
                ahead,
                and_(
                    ahead.c.endpoint_id == deliveries.c.endpoint_id,
                    ahead.c.number == deliveries.c.behind,
                ),
            )
            .where(deliveries.c.id.in_(these))
        )
        found = await self._database.rows(query)
        return {row.id: row.ahead for row in found}

    async def event(self, event_id: str) -> Event | None:
        """The event with this id, whoever may see it."""
        found = await self._database.rows(rows.event_rows.where(events.c.id == event_id))
        return rows.event_of(found[0]) if found else None

    async def event_at(self, home_id: str, place: int) -> Event | None:
        """The event at a place of a home's log, if it is kept."""
        here = events.c.home_id == home_id, events.c.place == place
        found = await self._database.rows(rows.event_rows.where(*here))
        return rows.event_of(found[0]) if found else None

    async def planned(self, home_id: str) -> int | None:
        """Up to which place a home is planned; None where it never was."""
        query = select(planned.c.place).where(planned.c.home_id == home_id)
        found = await self._database.rows(query)
        return int(found[0].place) if found else None

    async def redeliver(self, client_id: str, delivery_id: str, now: datetime) -> Traced:
        """Have one sent again, at once and outside of its lane.

        Raises:
            Missing: this client has none with that id.
            Conflict: its event is no longer kept.
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            return await connection.run_sync(_redeliver, client_id, delivery_id, now)

    async def add(self, delivery: Delivery, sample: Event | None = None) -> Traced:
        """Add one that is sent by hand, with the next number of its endpoint.

        Raises:
            Missing: its endpoint is not there.
            Conflict: its endpoint is not active.
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            return await connection.run_sync(_add, delivery, sample)

    async def notices(self, client_id: str, before: str | None, limit: int) -> Sequence[Notice]:
        """What a client was told, the newest first, before an id."""
        query = select(notices).where(notices.c.client_id == client_id)
        if before is not None:
            query = query.where(notices.c.id < before)
        found = await self._database.rows(query.order_by(notices.c.id.desc()).limit(limit))
        return [Notice(one.id, one.client_id, one.endpoint_id, one.text, one.at) for one in found]


def _redeliver(connection: Connection, client_id: str, delivery_id: str, now: datetime) -> Traced:
    one = _of(client_id).where(deliveries.c.id == delivery_id)
    there = connection.execute(one.with_only_columns(deliveries.c.endpoint_id)).first()
    held = lanes.lock(connection, [there.endpoint_id]) if there else {}
    row = connection.execute(one).first() if held else None
    if row is None:
        raise _missing(delivery_id)
    here = events.c.home_id == row.home_id, events.c.place == row.place
    if (
        row.sample is None
        and connection.execute(select(events.c.place).where(*here)).first() is None
    ):
        raise Conflict(GONE)
    after = redelivered(hooks.traced_of(row), now)
    values = {
        **hooks.delivery_values(after, client_id, after.id, None),
        "sample": hooks.sample_out(after.sample) if after.sample else None,
        "attempts": hooks.attempts_out(after.attempts),
    }
    connection.execute(update(deliveries).where(deliveries.c.id == after.id).values(values))
    if row.status == DeliveryStatus.PENDING.value and row.lane != row.id:
        lanes.leave(connection, [row])
    lanes.wake(connection, held[row.endpoint_id], now)
    return after


def _add(connection: Connection, delivery: Delivery, sample: Event | None) -> Traced:
    held = lanes.lock(connection, [delivery.endpoint_id]).get(delivery.endpoint_id)
    if held is None:
        sentence = f"There is no endpoint {delivery.endpoint_id}."
        raise Missing(sentence)
    if not held.endpoint.active:
        was = held.endpoint.status.value
        sentence = f"The endpoint is {was}, so nothing is sent to it: resume it, or ask for dryRun."
        raise Conflict(sentence)
    delivery = replace(delivery, number=held.planned + 1)
    values = hooks.delivery_values(delivery, held.endpoint.client_id, delivery.id, None)
    values["sample"] = hooks.sample_out(sample) if sample else None
    connection.execute(insert(deliveries).values(values))
    lanes.wake(connection, held, delivery.next_at, planned=delivery.number)
    query = select(deliveries).where(deliveries.c.id == delivery.id)
    return hooks.traced_of(connection.execute(query).one())


def _of(client_id: str) -> Select[Any]:
    """This client's, but for those of endpoints that are deleted."""
    return (
        select(deliveries)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(deliveries.c.client_id == client_id, endpoints.c.status != DELETED)
    )


def _walked(client_id: str, which: Which) -> Sequence[ColumnElement[bool]]:
    """What an index knows: the list that is gone through."""
    if which.endpoint_id is None:
        return [deliveries.c.client_id == client_id]
    here = [deliveries.c.endpoint_id == which.endpoint_id]
    if which.status in LOST:
        here.append(lost())
    return here


def lost() -> ColumnElement[bool]:
    """What was not taken, spelled as the index of it is, which is found by that."""
    return literal_column("deliveries.status IN ('FAILED', 'DEAD', 'CANCELLED')")


def _conditions(which: Which) -> Collection[ColumnElement[bool]]:
    """What has to be looked for in that list."""
    found: list[ColumnElement[bool]] = []
    if which.status is not None:
        found.append(deliveries.c.status == which.status.value)
    if which.event_type is not None:
        found.append(deliveries.c.event_type == which.event_type.value)
    if which.device_id is not None:
        found.append(deliveries.c.device_id == which.device_id)
    if which.since is not None:
        found.append(deliveries.c.since >= which.since)
    if which.until is not None:
        found.append(deliveries.c.since < which.until)
    return found


def _missing(delivery_id: str) -> Missing:
    return Missing(f"There is no delivery {delivery_id}.")
