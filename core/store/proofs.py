"""Rows of what may be shown once, proofs of DPoP and assertions of clients: as digests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Database
from core.store.flows import proofs

SWEPT: Final = 1_000
"""So many that are over are forgotten in one go: more than come with it, and no long work."""


def put(connection: Connection, shown: Mapping[str, datetime], now: datetime) -> frozenset[str]:
    """Put these digests, each until it is over, and forget some that are; which of them are new.

    Whoever puts the same one in a transaction that is still open is waited for.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = dialect.insert(proofs).on_conflict_do_nothing(index_elements=["digest"])
    # In one order, so that no two who put the same ones wait for each other.
    values = [{"digest": one, "expires_at": shown[one]} for one in sorted(shown)]
    found = connection.execute(new.returning(proofs.c.digest), values).scalars().all()
    over = select(proofs.c.digest).where(proofs.c.expires_at <= now).limit(SWEPT)
    gone = proofs.c.digest.in_(over.with_for_update(skip_locked=True))
    connection.execute(delete(proofs).where(gone))
    return frozenset(found)


class ShownProofs:
    """The rows, for who puts many at once."""

    def __init__(self, database: Database) -> None:
        """Keep them here."""
        self._database = database

    async def put(self, shown: Mapping[str, datetime], now: datetime) -> frozenset[str]:
        """Put these digests; which of them nobody had put before, in this process or another.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            return await connection.run_sync(put, shown, now)
