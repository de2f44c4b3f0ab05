"""Workers in the store: who is there to send webhooks, and how each of them is doing.

A worker has a row that it renews, by the database's clock. Leases of endpoints do not depend on it:
it only tells the others whether there is somebody to share with.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.domain.sending import Colleague
from core.store.database import Database
from core.store.outbox import workers
from core.store.types import database_time

THERE_SECONDS: Final = 4.0
"""So long a worker is taken to be there after it has last told."""


class Workers:
    """Those of this database."""

    def __init__(self, database: Database) -> None:
        """Look here."""
        self._database = database
        row = (sqlite if database.sqlite else postgresql).insert(workers)
        new = row.excluded
        values = {"until": new.until, "behind": new.behind, "room": new.room}
        self._here = row.on_conflict_do_update(index_elements=["id"], set_=values)

    async def here(self, me: Colleague) -> Sequence[Colleague]:
        """Be there for another while; who else is.

        Raises:
            Unavailable: the database does not answer.
        """
        values = {**me._asdict(), "until": database_time() + THERE_SECONDS}
        # Not one that just tells again: nobody waits here for anybody.
        over = select(workers.c.id).where(_over()).with_for_update(skip_locked=True)
        others = select(workers.c.id, workers.c.behind, workers.c.room)
        others = others.where(workers.c.id != me.id, ~_over()).order_by(workers.c.id)
        async with self._database.write() as connection:
            await connection.execute(self._here.values(values))
            await connection.execute(delete(workers).where(workers.c.id.in_(over)))
            return [Colleague(*row) for row in await connection.execute(others)]

    async def gone(self, life: str) -> None:
        """Be there no more.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            await connection.execute(delete(workers).where(workers.c.id == life))


def _over() -> ColumnElement[bool]:
    """Whose time is past; or much further ahead than any: that clock was set back since."""
    now = database_time()
    return or_(workers.c.until <= now, workers.c.until > now + 2 * THERE_SECONDS)
