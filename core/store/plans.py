"""How far homes are planned, and planning them; what one transaction does is in `planning`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.domain.ports import Ids
from core.store.database import Database
from core.store.hooks import DELETED
from core.store.planning import Judge, Planned, Planning
from core.store.tables import endpoints, events, homes, planned


@dataclass(frozen=True, slots=True)
class Behind:
    """A home whose deliveries are planned up to a place of its log that goes on beyond it."""

    home_id: str
    place: int
    head: int


class Plans:
    """The planning of this database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        """Plan here, with identifiers from there."""
        self._database = database
        self._ids = ids
        dialect = sqlite if database.sqlite else postgresql
        adopt: sqlite.Insert | postgresql.Insert = dialect.insert(planned)
        self._adopt = adopt.on_conflict_do_nothing()

    async def clients(self) -> Mapping[str, datetime]:
        """The clients that have endpoints, with when the first of these was made."""
        query = select(endpoints.c.client_id, endpoints.c.created_at)
        found: dict[str, datetime] = {}
        for row in await self._database.rows(query.where(endpoints.c.status != DELETED)):
            before = found.get(row.client_id, row.created_at)
            found[row.client_id] = min(before, row.created_at)
        return found

    async def places(self, home_ids: Collection[str]) -> dict[str, Behind]:
        """How far these homes are planned; those that never were are missing."""
        query = select(homes.c.id, homes.c.place, planned.c.place.label("done"))
        query = query.join(planned, planned.c.home_id == homes.c.id)
        found = await self._database.rows(query.where(homes.c.id.in_(home_ids)))
        return {row.id: Behind(row.id, row.done, row.place) for row in found}

    async def newest(self, home_ids: Collection[str]) -> dict[str, tuple[int, datetime | None]]:
        """The head of each of these homes' logs, and when that event happened, if it is kept."""
        last = and_(events.c.home_id == homes.c.id, events.c.place == homes.c.place)
        query = select(homes.c.id, homes.c.place, events.c.occurred_at).outerjoin(events, last)
        found = await self._database.rows(query.where(homes.c.id.in_(home_ids)))
        return {row.id: (row.place, row.occurred_at) for row in found}

    async def begin(self, places: Mapping[str, int]) -> None:
        """Plan these homes from these places on, unless they are planned already."""
        if not places:
            return
        values = [{"home_id": key, "place": place} for key, place in sorted(places.items())]
        async with self._database.write() as connection:
            await connection.execute(self._adopt, values)

    async def before(self, home_id: str, moment: datetime) -> int:
        """The place of the last event of a home's log that had happened by then.

        Times grow with places, but for how far the clocks of several hosts are apart.
        """
        head = select(homes.c.place).where(homes.c.id == home_id)
        found = await self._database.rows(head)
        low, high = 0, found[0].place if found else 0
        while low < high:
            middle = (low + high + 1) // 2
            here = events.c.home_id == home_id, events.c.place >= middle
            query = select(events.c.place, events.c.occurred_at).where(*here)
            first = await self._database.rows(query.order_by(events.c.place).limit(1))
            if first and first[0].place <= high and first[0].occurred_at < moment:
                low = first[0].place
            else:
                high = middle - 1
        return low

    async def plan(
        self, home_ids: Collection[str], judge: Judge, known: int, now: datetime
    ) -> Planned:
        """Plan some of what has happened in these homes since they were last planned.

        `known` is the place of the access log up to which the judge knows it.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            work = Planning(judge, known, now, self._ids)
            return await connection.run_sync(work.plan, home_ids)
