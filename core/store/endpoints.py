"""Endpoints in the store: made, found, changed under their lock, and taken away.

One that is deleted keeps its row, under a status that nobody is shown, until its deliveries are
gone: there may be a million of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update

from core.domain.endpoints import check_room
from core.domain.sending import Held
from core.store import hooks
from core.store.database import Database
from core.store.hooks import DELETED
from core.store.lanes import ALL_DUE
from core.store.sends import LEASE_SECONDS
from core.store.tables import clients, deliveries, endpoints, lines, replays
from core.store.types import database_time

PAGE = 500
"""Rows of a deleted endpoint that one transaction takes away: on SQLite all others wait for it."""


class Endpoints:
    """The endpoints of this database."""

    def __init__(self, database: Database) -> None:
        """Keep them here."""
        self._database = database

    async def add(self, held: Held, life: str | None = None) -> None:
        """Keep a new one; with a `life`, as leased by that.

        Then it is due from the beginning: should that life die, another finds it.

        Raises:
            Conflict: its client has too many.
            Unavailable: the database does not answer.
        """
        client_id = held.endpoint.client_id
        count = select(func.count()).where(
            endpoints.c.client_id == client_id, endpoints.c.status != DELETED
        )
        lock = select(clients.c.id).where(clients.c.id == client_id).with_for_update(key_share=True)
        values = {
            **hooks.held_values(held),
            "id": held.endpoint.id,
            "client_id": client_id,
            "created_at": held.endpoint.created_at,
            "planned": 0,
            "token": held.token,
            "leased_until": 0.0,
        }
        if life is not None:
            until, due = database_time() + LEASE_SECONDS, held.endpoint.created_at
            values |= {"owner": life, "leased_until": until, "next_at": due}
        async with self._database.write() as connection:
            await connection.execute(lock)
            check_room((await connection.execute(count)).scalar_one())
            await connection.execute(insert(endpoints).values(values))

    async def find(self, client_id: str, endpoint_id: str) -> Held | None:
        """One of this client's."""
        found = await self._database.rows(_one(client_id, endpoint_id))
        return hooks.held_of(found[0]) if found else None

    async def known(self, endpoint_id: str) -> Held | None:
        """One, whosesoever it is."""
        query = select(endpoints).where(endpoints.c.id == endpoint_id)
        found = await self._database.rows(query.where(endpoints.c.status != DELETED))
        return hooks.held_of(found[0]) if found else None

    async def of(self, client_id: str, after: str = "", limit: int = 1_000) -> Sequence[Held]:
        """Those of a client, the oldest first."""
        query = _of(client_id).where(endpoints.c.id > after).order_by(endpoints.c.id)
        return [hooks.held_of(row) for row in await self._database.rows(query.limit(limit))]

    async def count(self, client_id: str) -> int:
        """How many a client has."""
        count = select(func.count()).where(
            endpoints.c.client_id == client_id, endpoints.c.status != DELETED
        )
        return int((await self._database.rows(count))[0][0])

    async def change(
        self, client_id: str, endpoint_id: str, work: Callable[[Held], Held]
    ) -> Held | None:
        """What `work` made of it, under its lock; None where it is not there.

        Whoever sends to it takes the change up. An endpoint that was not active is due at once, and
        so is one whose breaker was renewed.

        Raises:
            Unavailable: the database does not answer.
            LatchkeyError: whatever `work` raises; then nothing is changed.
        """
        async with self._database.write() as connection:
            row = (await connection.execute(_one(client_id, endpoint_id).with_for_update())).first()
            if row is None:
                return None
            before = hooks.held_of(row)
            after = work(before)
            if after == before:
                return before
            after = replace(after, version=before.version + 1)
            values: dict[str, Any] = hooks.held_values(after)
            if (since := _repaired(before, after)) is not None:
                values["next_at"] = since
                await connection.execute(ALL_DUE, {"this": endpoint_id, "now": since})
            this = update(endpoints).where(endpoints.c.id == endpoint_id)
            await connection.execute(this.values(values))
            return after

    async def delete(self, client_id: str, endpoint_id: str) -> bool:
        """Have it be gone; whether it was there. Nothing more is sent to it."""
        this = update(endpoints).where(
            endpoints.c.client_id == client_id,
            endpoints.c.id == endpoint_id,
            endpoints.c.status != DELETED,
        )
        gone = this.values(status=DELETED, keys=[], next_at=None, version=endpoints.c.version + 1)
        async with self._database.write() as connection:
            return bool((await connection.execute(gone)).rowcount)

    async def sweep(self) -> bool:
        """Take away some rows of deleted endpoints; whether there may be more.

        Raises:
            Unavailable: the database does not answer.
        """
        gone = select(endpoints.c.id).where(endpoints.c.status == DELETED).limit(1)
        if not (found := await self._database.rows(gone)):
            return False
        endpoint_id = found[0].id
        some = select(deliveries.c.id).where(deliveries.c.endpoint_id == endpoint_id).limit(PAGE)
        async with self._database.write() as connection:
            # Its lock: whoever plans for it at this moment is done before, or finds it deleted.
            await connection.execute(
                select(endpoints.c.id).where(endpoints.c.id == endpoint_id).with_for_update()
            )
            took = await connection.execute(delete(deliveries).where(deliveries.c.id.in_(some)))
            if took.rowcount == 0:
                for table in (lines, replays):
                    here = table.c.endpoint_id == endpoint_id
                    await connection.execute(delete(table).where(here))
                await connection.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))
        return True


def _repaired(before: Held, after: Held) -> datetime | None:
    """Since when its receiver is said to be repaired; None where this is no news."""
    if not after.endpoint.active:
        return None
    if not before.endpoint.active:
        return after.endpoint.active_since
    since = after.breaker.recovered_at
    return None if since == before.breaker.recovered_at else since


def _of(client_id: str) -> Select[Any]:
    return select(endpoints).where(
        endpoints.c.client_id == client_id, endpoints.c.status != DELETED
    )


def _one(client_id: str, endpoint_id: str) -> Select[Any]:
    return _of(client_id).where(endpoints.c.id == endpoint_id)
