"""Workers in the store: who is there to send webhooks, and at how many endpoints each is behind.

A worker has a row that it renews, by the database's clock. Leases of endpoints do not depend on it:
it only tells the others whether there is somebody to share with.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Database
from core.store.outbox import workers
from core.store.sends import LEASE_SECONDS
from core.store.types import database_time


class Workers:
    """Those of this database."""

    def __init__(self, database: Database) -> None:
        """Look here."""
        self._database = database
        dialect = sqlite if database.sqlite else postgresql
        row = dialect.insert(workers)
        self._here = row.on_conflict_do_update(
            index_elements=["id"],
            set_={"until": row.excluded.until, "behind": row.excluded.behind},
        )

    async def here(self, life: str, behind: int) -> Sequence[int]:
        """Be there for another while; at how many endpoints each of the others is behind.

        Raises:
            Unavailable: the database does not answer.
        """
        until = database_time() + LEASE_SECONDS
        others = select(workers.c.behind).where(workers.c.id != life, ~_over())
        async with self._database.write() as connection:
            await connection.execute(self._here.values(id=life, until=until, behind=behind))
            return list((await connection.execute(others)).scalars())

    async def gone(self, life: str) -> None:
        """Be there no more; nor is anybody whose time is over.

        Raises:
            Unavailable: the database does not answer.
        """
        over = select(workers.c.id).where(or_(workers.c.id == life, _over()))
        over = over.with_for_update(skip_locked=True)
        async with self._database.write() as connection:
            await connection.execute(delete(workers).where(workers.c.id.in_(over)))


def _over() -> ColumnElement[bool]:
    """Whose time is past; or much further ahead than any: that clock was set back since."""
    now = database_time()
    return or_(workers.c.until <= now, workers.c.until > now + 2 * LEASE_SECONDS)
