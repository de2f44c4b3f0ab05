"""Sending in the store: who sends to an endpoint, and what became of it.

A sender leases the endpoint's row, by the database's clock. What it records is taken only under the
lease, so whoever was held up beyond it changes nothing any more; it may have sent what another one
sends again, with the same id.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from core.domain.sending import Account, Held, Recorded, Settled
from core.store import bulk, hooks, rows
from core.store.database import Database
from core.store.lanes import ALL_DUE, LOCK, free
from core.store.outbox import ACTIVE, READY
from core.store.tables import deliveries, endpoints, notices
from core.store.types import database_time, microseconds

LEASE_SECONDS: Final = 10.0
PROMISE_SECONDS: Final = 1.0
"""So long an endpoint that is given to another worker is kept for it, which looks in half."""


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
        if not await self.waits(life, now):
            return []
        due = select(endpoints).where(*_due(life, now)).order_by(endpoints.c.next_at).limit(most)
        due = due.with_for_update(skip_locked=True)
        async with self._database.write() as connection:
            found = [hooks.held_of(row) for row in await connection.execute(due)]
            ids = [held.endpoint.id for held in found]
            taken = update(endpoints).where(endpoints.c.id.in_(ids)).returning(*_LEASED)
            until = database_time() + LEASE_SECONDS
            taken = taken.values(
                owner=life, token=endpoints.c.token + 1, leased_until=until, promised=None
            )
            tokens = {row.id: row.token for row in await connection.execute(taken)} if ids else {}
        return [replace(held, token=tokens[held.endpoint.id]) for held in found]

    async def waits(self, life: str, now: datetime) -> bool:
        """Whether there is an endpoint that something is due at and that this life may lease.

        Raises:
            Unavailable: the database does not answer.
        """
        due = select(endpoints.c.id).where(*_due(life, now)).limit(1)
        return bool(await self._database.rows(due))

    async def renew(self, life: str, ids: Collection[str]) -> Mapping[str, int]:
        """Keep these for another while; those that are still this life's, with their versions.

        Raises:
            Unavailable: the database does not answer.
        """
        here = endpoints.c.id.in_(ids), endpoints.c.owner == life
        # In the order in which all lock them, which an update does not keep by itself.
        locked = select(endpoints.c.id).where(*here).order_by(endpoints.c.id).with_for_update()
        mine = update(endpoints).where(*here)
        mine = mine.values(leased_until=database_time() + LEASE_SECONDS)
        async with self._database.write() as connection:
            await connection.execute(locked)
            found = await connection.execute(mine.returning(endpoints.c.id, endpoints.c.version))
            return {row.id: row.version for row in found}

    async def release(
        self, life: str, held: Held, now: datetime, not_before: datetime, to: str | None = None
    ) -> None:
        """Leave it to whoever comes, once something is due; nothing is before `not_before`.

        Unless its client has changed it since: then that time is of what it was. What is due comes
        behind all that is due already; but where it is given `to` another life, which has a moment
        to take it before anybody may.

        Raises:
            Unavailable: the database does not answer.
        """
        endpoint_id = held.endpoint.id
        async with self._database.write() as connection:
            row = (await connection.execute(LOCK, {"these": [endpoint_id]})).first()
            if row is None or row.owner != life or row.token != held.token:
                return
            next_at = (await connection.execute(_NEXT, {"this": endpoint_id})).scalar()
            # Whoever it is given to may have a clock that is behind ours.
            if next_at is not None and (to is None or not_before > now):
                next_at = max(next_at, not_before if row.version == held.version else now)
            this = update(endpoints).where(endpoints.c.id == endpoint_id)
            until = 0.0 if to is None else database_time() + PROMISE_SECONDS
            values = {"owner": None, "leased_until": until, "promised": to, "next_at": next_at}
            await connection.execute(this.values(values))

    async def discard(self, life: str, held: Held) -> None:
        """Have an endpoint be gone that this life leased.

        Raises:
            Unavailable: the database does not answer.
        """
        this = endpoints.c.id == held.endpoint.id, endpoints.c.owner == life
        gone = update(endpoints).where(*this, endpoints.c.token == held.token)
        gone = gone.values(
            status=hooks.DELETED, keys=[], next_at=None, version=endpoints.c.version + 1
        )
        async with self._database.write() as connection:
            await connection.execute(gone)

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
    rows_now = {row.id: row for row in connection.execute(LOCK, {"these": sorted(accounts)})}
    changes: list[bulk.Row] = []
    ended: list[tuple[str, int]] = []
    known: list[dict[str, Any]] = []
    due: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for endpoint_id in sorted(accounts):
        account, row = accounts[endpoint_id], rows_now.get(endpoint_id)
        if row is None or row.owner != life or row.token != account.token:
            found[endpoint_id] = Recorded(taken=False)
            continue
        changed = row.version != account.version
        now = hooks.held_of(row) if changed else None
        found[endpoint_id] = Recorded(taken=True, now=now)
        recovered_at = now.breaker.recovered_at if now else None  # what was on its way then is due
        changes += [_settled(one, recovered_at) for one in account.settled]
        ended += _ended(account.settled)
        told += [asdict(one) for one in account.notices]
        if not changed:  # else what is known is of an endpoint that is no more
            known.append(_known(account, row))
            if account.recovered:
                due.append(
                    {"this": endpoint_id, "now": account.breaker and account.breaker.recovered_at}
                )
    _SETTLE.run(connection, changes)
    free(connection, ended)
    for statement, values in ((_KNOW, known), (ALL_DUE, due), (notices.insert(), told)):
        if values:
            connection.execute(statement, values)
    return found


def _ended(settled: Sequence[Settled]) -> Iterator[tuple[str, int]]:
    """Those that something may be behind, by endpoint and number."""
    for one in settled:
        if not one.after.open and one.parcel.lane != one.after.id:
            yield one.after.endpoint_id, one.after.number


def _settled(one: Settled, recovered_at: datetime | None) -> bulk.Row:
    after, attempts = one.after, one.parcel.attempts
    if one.attempt is not None:
        attempts = (*attempts, one.attempt)
    return (
        after.status.value,
        after.made,
        after.refusals,
        _number(after.tried_at),
        _number(after.ended_at),
        after.reason,
        microseconds(after.due(recovered_at)),
        after.claimed,
        after.open,
        None,  # what was before it in its lane has ended
        orjson.dumps(hooks.attempts_out(attempts)).decode(),
        after.id,
    )


def _number(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def _known(account: Account, before: rows.Fetched) -> dict[str, Any]:
    """What is known of the endpoint: its row's values."""
    endpoint = account.endpoint
    values = {
        "the_endpoint": before.id,
        "the_breaker": hooks.breaker_out(account.breaker) if account.breaker else before.breaker,
        "the_health": before.health,
        "the_status": before.status,
        "the_disabled_at": before.disabled_at,
        "the_because": before.disabled_because,
    }
    if endpoint is not None:
        values["the_health"] = hooks.health_out(endpoint.health)
        if not endpoint.active:
            values["the_status"] = endpoint.status.value
            values["the_disabled_at"] = endpoint.disabled_at
            values["the_because"] = endpoint.disabled_because
    return values


def _due(life: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return endpoints.c.status == ACTIVE, endpoints.c.next_at <= now, _free(life)


def _free(life: str) -> ColumnElement[bool]:
    """Which was promised to this one, or whose lease or promise is over.

    Or ends much later than any: that clock was set back since.
    """
    now = database_time()
    until = endpoints.c.leased_until
    # A process of before leases what it was not promised, and leaves the promise as it is.
    mine = and_(endpoints.c.promised == life, endpoints.c.owner.is_(None))
    return or_(mine, until <= now, until > now + 2 * LEASE_SECONDS)


_LEASED: Final = (endpoints.c.id, endpoints.c.token)
_this: Final = deliveries.c.endpoint_id == bindparam("this")
_NEXT: Final = select(func.min(deliveries.c.next_at)).where(_this, READY)
_SETTLE: Final = bulk.updating(
    "deliveries",
    {
        "status": bulk.TEXT,
        "made": bulk.NUMBER,
        "refusals": bulk.NUMBER,
        "tried_at": bulk.NUMBER,
        "ended_at": bulk.NUMBER,
        "reason": bulk.TEXT,
        "next_at": bulk.NUMBER,
        "claimed": bulk.TRUTH,
        "ready": bulk.TRUTH,
        "behind": bulk.NUMBER,
        "attempts": bulk.TEXT,
        "id": bulk.TEXT,
    },
    # What was ended meanwhile, by its client or because it was over, stays ended.
    guard="deliveries.status = 'PENDING'",
    guarded=("status", "ended_at", "reason", "next_at", "ready"),
)
_KNOW: Final = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("the_endpoint"))
    .values(
        breaker=bindparam("the_breaker"),
        health=bindparam("the_health"),
        status=bindparam("the_status"),
        disabled_at=bindparam("the_disabled_at"),
        disabled_because=bindparam("the_because"),
    )
)
