"""Retention: taking off the logs what is too old or too much, a little at a time.

A home that is due is claimed by locking its row in `kept`, passing over those that others have
claimed. Whoever has it deletes the oldest events and moves the row on in the same transaction, so
the row and the log never disagree. Homes' own rows are not locked: no commit waits for this, and
this waits for none. What deliveries wait for stays until they have ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Update, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Database
from core.store.outbox import ACTIVE, PENDING
from core.store.tables import deliveries, endpoints, events, homes, kept
from core.store.types import EPOCH, MICROSECOND, database_time

WALKED: Final = 5_000
HURRIED: Final = 500
SLACK_SECONDS: Final = 1.0
HOMES: Final = 50
"""Homes that one transaction looks at."""
FEW_HOMES: Final = 10
"""On SQLite, where its statements run in the loop, and nobody else may write."""
LOOKS: Final = 24
"""A home is looked at at most so often within the time for which its events are kept."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a home's log is kept: events of so many seconds, and so many events."""

    seconds: float
    events: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one transaction did: homes that it looked at, and events that it deleted."""

    homes: int
    events: int


class KeptRows:
    """The rows of `kept`, and the events that they speak of."""

    def __init__(self, database: Database) -> None:
        """Prune this database."""
        self._database = database
        dialect = sqlite if database.sqlite else postgresql
        self._insert: sqlite.Insert | postgresql.Insert = dialect.insert(kept)

    async def walk(self, bounds: Bounds, after: str) -> str | None:
        """See to those of the next homes that nobody would look at in time; where to go on.

        They have no row, or one that was made with wider bounds, or by a clock that was set back.
        """
        query = select(homes.c.id, kept.c.due_at, database_time().label("now"))
        query = query.outerjoin(kept, kept.c.home_id == homes.c.id).where(homes.c.id > after)
        found = await self._database.rows(query.order_by(homes.c.id).limit(WALKED))
        lost = [
            row.id
            for row in found
            if row.due_at is None or row.due_at > row.now + bounds.seconds + SLACK_SECONDS
        ]
        for start in range(0, len(lost), HURRIED):
            await self.hurry(lost[start : start + HURRIED])
        return str(found[-1].id) if len(found) == WALKED else None

    async def hurry(self, home_ids: Collection[str]) -> None:
        """Have these homes be looked at now, but for those that somebody is looking at."""
        await self._adopt(home_ids)
        these = select(kept.c.home_id).where(kept.c.home_id.in_(home_ids))
        free = kept.c.home_id.in_(these.with_for_update(skip_locked=True))
        later = kept.c.due_at > database_time()
        async with self._database.write() as connection:
            await connection.execute(update(kept).where(free, later).values(due_at=database_time()))

    async def _adopt(self, home_ids: Collection[str]) -> None:
        """Make rows, due at once, for those of these homes that have none.

        Homes are made without one, so that making them costs nothing and waits for nothing here.
        """
        oldest = select(func.min(events.c.place)).where(events.c.home_id == homes.c.id)
        first = func.coalesce(oldest.scalar_subquery(), homes.c.place + 1)
        lack = select(homes.c.id, first.label("first"), database_time().label("now"))
        lack = lack.outerjoin(kept, kept.c.home_id == homes.c.id).where(kept.c.home_id.is_(None))
        found = await self._database.rows(lack.where(homes.c.id.in_(home_ids)).order_by(homes.c.id))
        values = [
            {
                "home_id": row.id,
                "place": row.first - 1,
                # It is not known when what is not there had happened, but that it has.
                "since": _moment(row.now) if row.first > 1 else EPOCH,
                "due_at": row.now,
            }
            for row in found
        ]
        if values:
            async with self._database.write() as connection:
                await connection.execute(self._insert.on_conflict_do_nothing(), values)

    async def waits(self) -> float | None:
        """For how many seconds the home that is due for longest has been; None if none is."""
        query = select(kept.c.due_at, database_time().label("now"))
        for row in await self._database.rows(query.order_by(kept.c.due_at).limit(1)):
            return row.now - row.due_at if row.due_at <= row.now else None
        return None

    async def prune(self, bounds: Bounds, most: int) -> Pruned:
        """Look at some homes that are due, the longest waiting first; delete `most` at most.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            count = FEW_HOMES if self._database.sqlite else HOMES
            return await connection.run_sync(_prune, bounds, most, count)


def _prune(connection: Connection, bounds: Bounds, most: int, count: int) -> Pruned:
    now: float = connection.execute(select(database_time())).scalar_one()
    due = select(kept).where(kept.c.due_at <= now).order_by(kept.c.due_at).limit(count)
    claimed = connection.execute(due.with_for_update(skip_locked=True)).all()
    heads = _heads(connection, [row.home_id for row in claimed])
    looked: list[dict[str, Any]] = []
    left = most
    for row in claimed:
        if left <= 0:
            break
        after, deleted = _look(
            connection, row, heads.get(row.home_id, row.place), bounds, now, left
        )
        looked.append({"the_home": row.home_id, **after})
        left -= deleted
    if looked:
        connection.execute(_MOVE, looked)
    return Pruned(len(looked), most - left)


def _look(
    connection: Connection, row: Row[Any], head: int, bounds: Bounds, now: float, most: int
) -> tuple[dict[str, Any], int]:
    """Delete what is over of a home; the values of its row from now on, and how much it was."""
    end = min(head, row.place + most)
    over = min(end, max(row.place, head - bounds.events))
    stays = _first_since(connection, row.home_id, over, end, _moment(now - bounds.seconds))
    place = end if stays is None else stays.place - 1
    pinned = _pinned(connection, row.home_id, row.place, place)
    place = place if pinned is None else pinned - 1
    gone = _delete(connection, row.home_id, row.place, place)
    if pinned is not None:
        due_at = now + bounds.seconds / LOOKS
    elif stays is not None:
        due_at = _due_at(stays.occurred_at, bounds, now)
    else:
        due_at = now if place < head else now + bounds.seconds
    return {"place": place, "since": max([row.since, *gone]), "due_at": due_at}, len(gone)


def _heads(connection: Connection, home_ids: list[str]) -> dict[str, int]:
    query = select(homes.c.id, homes.c.place).where(homes.c.id.in_(home_ids))
    return {row.id: row.place for row in connection.execute(query)} if home_ids else {}


def _first_since(
    connection: Connection, home_id: str, after: int, end: int, cutoff: datetime
) -> Row[int, datetime] | None:
    """The first event of a stretch of the log that is not too old.

    Those behind it stay too, whatever their time: what is kept has no holes, and places are the
    truth where the clocks of several hosts disagree.
    """
    here = and_(events.c.home_id == home_id, events.c.place > after, events.c.place <= end)
    query = select(events.c.place, events.c.occurred_at).where(here, events.c.occurred_at >= cutoff)
    return connection.execute(query.order_by(events.c.place).limit(1)).one_or_none()


def _pinned(connection: Connection, home_id: str, after: int, place: int) -> int | None:
    """The first event of a stretch of the log that a delivery waits for, where it can be sent.

    An endpoint that is paused, or disabled, is kept nothing for beyond the time of everybody.
    """
    query = (
        select(func.min(deliveries.c.place))
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(
            deliveries.c.home_id == home_id,
            deliveries.c.status == PENDING,
            deliveries.c.place > after,
            deliveries.c.place <= place,
            endpoints.c.status == ACTIVE,
        )
    )
    return connection.execute(query).scalar() if place > after else None


def _delete(connection: Connection, home_id: str, after: int, place: int) -> list[datetime]:
    """Delete the events up to this place; when they had happened.

    It is said after which: PostgreSQL would first go past all that was deleted before.
    """
    if place <= after:
        return []
    here = and_(events.c.home_id == home_id, events.c.place > after, events.c.place <= place)
    gone = delete(events).where(here)
    return list(connection.execute(gone.returning(events.c.occurred_at)).scalars())


def _due_at(oldest: datetime, bounds: Bounds, now: float) -> float:
    """When the oldest event is too old: not much too soon after this look, nor after all others."""
    over = (oldest - EPOCH).total_seconds() + bounds.seconds
    return min(max(over, now + bounds.seconds / LOOKS), now + bounds.seconds)


def _moment(seconds: float) -> datetime:
    return EPOCH + round(seconds * 1_000_000) * MICROSECOND


_MOVE: Final[Update] = update(kept).where(kept.c.home_id == bindparam("the_home"))
