"""Leases: taken, renewed, given up and lost, by the database's clock and under its locks.

Who commits under a fence holds its lease in a way that a renewal does not mind and a new owner
waits for; so what an old owner writes is there before the new one begins, or never.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from core.domain.shards import Fence, Lease
from core.store.database import Database
from core.store.shards import leases, owners
from core.store.types import database_time

LEASE_SECONDS: Final = 4.0
FENCES: Final = (
    select(leases.c.shard, leases.c.token)
    .where(leases.c.shard.in_(bindparam("these", expanding=True)))
    .order_by(leases.c.shard)
    .with_for_update(read=True, key_share=True)
)


class Leases:
    """The rows of owners and leases."""

    def __init__(self, database: Database) -> None:
        """Of this database."""
        self._database = database

    async def begin(self, life: str) -> None:
        """Be there, from now on, with nothing."""
        async with self._database.write() as connection:
            row = {"id": life, "until": database_time() + LEASE_SECONDS}
            await connection.execute(insert(owners).values(row))

    async def renew(self, life: str) -> bool:
        """Be there for another while; False where others have found the time over and acted.

        What is over and was found by nobody goes on: no token has changed.
        """
        mine = update(owners).where(owners.c.id == life)
        async with self._database.write() as connection:
            renewed = await connection.execute(mine.values(until=database_time() + LEASE_SECONDS))
        return bool(renewed.rowcount)

    async def look(self) -> tuple[list[Lease], dict[str, float]]:
        """Every lease; and who lives, with the seconds that each has left unless they renew."""
        left = (owners.c.until - database_time()).label("left")
        async with self._database.read(urgent=True) as connection:
            lives = await connection.execute(select(owners.c.id, left).where(~_over()))
            found = await connection.execute(select(leases).order_by(leases.c.shard))
            return [Lease(*row) for row in found], {row.id: row.left for row in lives}

    async def take(self, life: str, shards: Collection[int]) -> list[Fence]:
        """Those of these shards that nobody who lives has, under new tokens.

        A lease that somebody commits under, or takes, at this moment is left for another time: one
        who hangs in the middle of it keeps nobody from the others.
        """
        over = select(owners.c.id).where(_over()).with_for_update(skip_locked=True)
        these = select(leases).where(leases.c.shard.in_(shards)).order_by(leases.c.shard)
        async with self._database.write() as connection:
            await connection.execute(delete(owners).where(owners.c.id.in_(over)))
            rows = (await connection.execute(these.with_for_update(skip_locked=True))).all()
            # After the locks: whoever took one before us was there before they took it.
            lives = set((await connection.execute(select(owners.c.id))).scalars())
            if life not in lives:
                return []
            fences = [Fence(row.shard, row.token + 1) for row in rows if row.owner not in lives]
            if fences:
                taken = update(leases).where(leases.c.shard.in_([one.shard for one in fences]))
                await connection.execute(taken.values(owner=life, token=leases.c.token + 1))
        return fences

    async def give(self, life: str, shards: Collection[int]) -> None:
        """Give up these shards of one's own; what is being committed in them still is."""
        given = update(leases).where(leases.c.owner == life, leases.c.shard.in_(shards))
        async with self._database.write() as connection:
            await connection.execute(given.values(owner=None))

    async def end(self, life: str) -> None:
        """Be there no more, so that others can take everything at once."""
        async with self._database.write() as connection:
            await connection.execute(delete(owners).where(owners.c.id == life))

    async def end_all(self) -> None:
        """Take everybody for ended, for one who knows that nobody is there.

        Whoever is, after all, loses everything by it and breaks nothing: tokens only grow.
        """
        async with self._database.write() as connection:
            await connection.execute(delete(owners))


def current(connection: Connection, fences: Collection[Fence]) -> frozenset[Fence]:
    """The fences that stand at these shards; they do until the transaction ends."""
    shards = sorted({fence.shard for fence in fences})
    found = connection.execute(FENCES, {"these": shards})
    return frozenset(Fence(row.shard, row.token) for row in found)


def _over() -> ColumnElement[bool]:
    """Whose time is past; or much further ahead than any lease: that clock was set back since."""
    now = database_time()
    return or_(owners.c.until <= now, owners.c.until > now + 2 * LEASE_SECONDS)
