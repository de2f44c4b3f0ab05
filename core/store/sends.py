"""Sending in the store: who sends to an endpoint, and what became of it.

A sender leases the endpoint's row, by the database's clock. What it records is taken only under the
lease, so whoever was held up beyond it changes nothing any more; it may have sent what another one
sends again, with the same id.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    or_,
    select,
    true,
    update,
)

from core.domain.sending import Account, Held, Recorded, Settled
from core.store import hooks
from core.store.database import Database
from core.store.tables import deliveries, endpoints, notices
from core.store.types import Instant, database_time

LEASE_SECONDS: Final = 10.0


class Sends:
    """The sending of this database."""

    def __init__(self, database: Database) -> None:
        """Send from here."""
        self._database = database

    async def lease(self, life: str, now: datetime, most: int) -> Sequence[Held]:
        """Endpoints that something is due at and that nobody sends to, from now on this life's.

        Raises:
            Unavailable: the database does not answer.
        """
        due = select(endpoints).where(
            endpoints.c.status == "ACTIVE", endpoints.c.next_at <= now, _free()
        )
        if not await self._database.rows(due.with_only_columns(endpoints.c.id).limit(1)):
            return []
        due = due.order_by(endpoints.c.next_at).limit(most).with_for_update(skip_locked=True)
        async with self._database.write() as connection:
            found = [hooks.held_of(row) for row in await connection.execute(due)]
            ids = [held.endpoint.id for held in found]
            taken = update(endpoints).where(endpoints.c.id.in_(ids)).returning(*_LEASED)
            until = database_time() + LEASE_SECONDS
            taken = taken.values(owner=life, token=endpoints.c.token + 1, leased_until=until)
            tokens = {row.id: row.token for row in await connection.execute(taken)} if ids else {}
        return [replace(held, token=tokens[held.endpoint.id]) for held in found]

    async def renew(self, life: str, ids: Collection[str]) -> Mapping[str, int]:
        """Keep these for another while; those that are still this life's, with their versions.

        Raises:
            Unavailable: the database does not answer.
        """
        mine = update(endpoints).where(endpoints.c.id.in_(ids), endpoints.c.owner == life)
        mine = mine.values(leased_until=database_time() + LEASE_SECONDS)
        async with self._database.write() as connection:
            found = await connection.execute(mine.returning(endpoints.c.id, endpoints.c.version))
            return {row.id: row.version for row in found}

    async def release(self, life: str, endpoint_id: str, not_before: datetime | None) -> None:
        """Leave it to whoever comes, once something is due; nothing is before `not_before`."""
        async with self._database.write() as connection:
            row = (await connection.execute(_LOCK, {"these": [endpoint_id]})).first()
            if row is None or row.owner != life:
                return
            next_at = (await connection.execute(_NEXT, {"this": endpoint_id})).scalar()
            if next_at is not None and not_before is not None:
                next_at = max(next_at, not_before)
            this = update(endpoints).where(endpoints.c.id == endpoint_id)
            await connection.execute(this.values(owner=None, leased_until=0.0, next_at=next_at))

    async def record(self, life: str, accounts: Mapping[str, Account]) -> Mapping[str, Recorded]:
        """Write down what became of deliveries, by their endpoints.

        Raises:
            Unavailable: the database does not answer; nothing is written, or all of it.
        """
        async with self._database.write() as connection:
            return await connection.run_sync(_record, life, accounts)


def _record(
    connection: Connection, life: str, accounts: Mapping[str, Account]
) -> Mapping[str, Recorded]:
    found: dict[str, Recorded] = {}
    rows_now = {row.id: row for row in connection.execute(_LOCK, {"these": sorted(accounts)})}
    changes: list[dict[str, Any]] = []
    lanes: dict[tuple[str, str], None] = {}
    for endpoint_id in sorted(accounts):
        account, row = accounts[endpoint_id], rows_now.get(endpoint_id)
        if row is None or row.owner != life or row.token != account.token:
            found[endpoint_id] = Recorded(taken=False)
            continue
        changed = row.version != account.version
        found[endpoint_id] = Recorded(taken=True, now=hooks.held_of(row) if changed else None)
        for one in account.settled:
            changes.append(_settled(one))
            if not one.after.open and one.parcel.lane != one.after.id:
                lanes[endpoint_id, one.parcel.lane] = None
        _know(connection, endpoint_id, account, changed=changed)
    if changes:
        connection.execute(_SETTLE, changes)
    if lanes:
        connection.execute(_PROMOTE, [{"this": one, "the_lane": lane} for one, lane in lanes])
    return found


def _settled(one: Settled) -> dict[str, Any]:
    after, attempts = one.after, one.parcel.attempts
    if one.attempt is not None:
        attempts = (*attempts, one.attempt)
    return {
        "the_delivery": after.id,
        "the_status": after.status.value,
        "the_made": after.made,
        "the_refusals": after.refusals,
        "the_tried_at": after.tried_at,
        "the_ended_at": after.ended_at,
        "the_reason": after.reason,
        "the_next_at": after.next_at,
        "the_claimed": after.claimed,
        "the_ready": after.open,
        "the_attempts": hooks.attempts_out(attempts),
    }


def _know(connection: Connection, endpoint_id: str, account: Account, *, changed: bool) -> None:
    """Note what is known of the endpoint, unless its client has changed that meanwhile."""
    if account.notices:
        connection.execute(notices.insert(), [asdict(one) for one in account.notices])
    if changed:
        return
    values: dict[str, Any] = {}
    if account.breaker is not None:
        values["breaker"] = hooks.breaker_out(account.breaker)
    if (endpoint := account.endpoint) is not None:
        values["health"] = hooks.health_out(endpoint.health)
        if not endpoint.active:
            values["status"] = endpoint.status.value
            values["disabled_at"] = endpoint.disabled_at
            values["disabled_because"] = endpoint.disabled_because
            values["updated_at"] = endpoint.updated_at
    this = endpoints.c.id == endpoint_id
    if values:
        connection.execute(update(endpoints).where(this).values(values))
    if account.recovered:
        connection.execute(
            _ALL_DUE, {"this": endpoint_id, "now": account.settled[-1].after.tried_at}
        )


def _free() -> ColumnElement[bool]:
    """Whose lease is over; or ends much later than any: that clock was set back since."""
    now = database_time()
    until = endpoints.c.leased_until
    return or_(until <= now, until > now + 2 * LEASE_SECONDS)


_LEASED: Final = (endpoints.c.id, endpoints.c.token)
_this: Final = deliveries.c.endpoint_id == bindparam("this")
_LOCK: Final = (
    select(endpoints)
    .where(endpoints.c.id.in_(bindparam("these", expanding=True)))
    .order_by(endpoints.c.id)
    .with_for_update()
)
_NEXT: Final = select(func.min(deliveries.c.next_at)).where(_this, deliveries.c.ready)
_SETTLE: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("the_delivery"))
    .values(
        {
            name: bindparam(f"the_{name}")
            for name in (
                "status",
                "made",
                "refusals",
                "tried_at",
                "ended_at",
                "reason",
                "next_at",
                "claimed",
                "ready",
                "attempts",
            )
        }
    )
)
_first: Final = deliveries.alias("first")
_PROMOTE: Final = (
    update(deliveries)
    .where(
        deliveries.c.id
        == select(_first.c.id)
        .where(
            _first.c.endpoint_id == bindparam("this"),
            _first.c.lane == bindparam("the_lane"),
            _first.c.status == "PENDING",
        )
        .order_by(_first.c.place)
        .limit(1)
        .scalar_subquery()
    )
    .values(ready=true())
)
_ALL_DUE: Final = (
    update(deliveries)
    .where(_this, deliveries.c.ready, deliveries.c.next_at > bindparam("now", type_=Instant))
    .values(next_at=bindparam("now", type_=Instant))
)
