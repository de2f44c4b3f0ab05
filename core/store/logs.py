"""Reading the logs: homes' events and access facts by place, their heads, and the dirty rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, or_, select, update

from core.domain.accounts import Client, User
from core.domain.events import Entry, Event, EventType
from core.domain.grants import Grant
from core.domain.keys import SigningKey
from core.store import rows
from core.store.database import Database
from core.store.ledger import ACCESS
from core.store.pairs import among
from core.store.tables import (
    access,
    clients,
    devices,
    dirty,
    documents,
    events,
    grants,
    homes,
    kept,
    logs,
    signing_keys,
    users,
)
from core.store.types import database_time

ENDED = "ended"
KEPT_SECONDS = 2.0
SWEEP = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """A dirty row: this log has reached this place, and whether anybody has said so."""

    log_id: str
    place: int
    hinted: bool


@dataclass(frozen=True, slots=True)
class Floor:
    """Where a home's log begins: events up to `place` are gone, the newest of the time `since`."""

    place: int
    since: datetime


@dataclass(frozen=True, slots=True)
class AccessState:
    """Everything that the access log has led to, at one place."""

    place: int
    users: Sequence[User]
    clients: Sequence[Client]
    grants: Sequence[Grant]
    keys: Sequence[SigningKey]
    documents: Sequence[tuple[str, str]]
    """Client and SHA-256 of each registered document."""
    ends: Sequence[dict[str, Any]]
    """Each token, or family of tokens, that was ended: the log holds no more of it than this."""


class Logs:
    """The logs of this database."""

    def __init__(self, database: Database) -> None:
        """Read from, and mark in, this database."""
        self._database = database

    async def read(self, log_id: str, after: int, limit: int) -> Sequence[Entry]:
        """The entries of one log after a place, in order, at most `limit`."""
        if log_id == ACCESS:
            query = select(access).where(access.c.place > after).order_by(access.c.place)
            return [
                rows.access_of(row)
                for row in await self._database.rows(query.limit(limit), urgent=True)
            ]
        return await self.events(log_id, after, limit, urgent=True)

    async def events(
        self,
        home_id: str,
        after: int,
        limit: int,
        types: Collection[EventType] | None = None,
        device_ids: Collection[str] | None = None,
        *,
        or_home: bool = False,
        urgent: bool = False,
    ) -> list[Event]:
        """The events of one home after a place, in order; of some types or devices only.

        With `or_home`, those of the home itself come along with those of the devices.
        """
        values = {"the_home": home_id, "after": after, "most": limit}
        query = _AFTER
        if types is not None:
            query = query.where(events.c.type.in_([one.value for one in types]))
        if device_ids is not None:
            named = events.c.device_id.in_(device_ids)
            of_home = events.c.device_id.is_(None)
            query = query.where(or_(named, of_home) if or_home else named)
        found = await self._database.rows(query, values, urgent=urgent)
        return [rows.event_of(row) for row in found]

    async def heads(self, log_ids: Collection[str], *, urgent: bool = True) -> dict[str, int]:
        """The newest place of each of these logs."""
        query = select(homes.c.id, homes.c.place).where(homes.c.id.in_(log_ids))
        places = {row.id: row.place for row in await self._database.rows(query, urgent=urgent)}
        if ACCESS in log_ids:
            head = select(logs.c.place).where(logs.c.id == ACCESS)
            (row,) = await self._database.rows(head, urgent=urgent)
            places[ACCESS] = row.place
        return places

    async def floors(self, home_ids: Collection[str], *, urgent: bool = False) -> dict[str, Floor]:
        """From where on these homes' logs are kept; one that is missing here is kept whole."""
        query = select(kept).where(kept.c.home_id.in_(home_ids), kept.c.place > 0)
        found = await self._database.rows(query, urgent=urgent)
        return {row.home_id: Floor(row.place, row.since) for row in found}

    async def rooms_now(self, home_id: str) -> tuple[int, dict[str, str | None]]:
        """The home's newest place, and at that place the room of each device that is there."""
        async with self._database.read() as connection:
            head = select(homes.c.place).where(homes.c.id == home_id)
            place = (await connection.execute(head)).scalar_one_or_none()
            here = and_(devices.c.home_id == home_id, devices.c.removed.is_(False))
            found = await connection.execute(select(devices.c.id, devices.c.room_id).where(here))
            return place or 0, {row.id: row.room_id for row in found}

    async def access_state(self) -> AccessState:
        """Users, clients, grants, keys and documents at the access log's newest place."""
        async with self._database.read() as connection:

            async def every(table: Any) -> Sequence[rows.Fetched]:
                return (await connection.execute(select(table))).all()

            head = select(logs.c.place).where(logs.c.id == ACCESS)
            hashes = select(documents.c.client_id, documents.c.sha256)
            ends = select(access.c.body).where(access.c.kind == ENDED).order_by(access.c.place)
            return AccessState(
                place=(await connection.execute(head)).scalar_one(),
                users=[rows.user_of(row) for row in await every(users)],
                clients=[rows.client_of(row) for row in await every(clients)],
                grants=[rows.grant_of(row) for row in await every(grants)],
                keys=[rows.key_of(row) for row in await every(signing_keys)],
                documents=[(row.client_id, row.sha256) for row in await connection.execute(hashes)],
                ends=[row.body for row in await connection.execute(ends)],
            )

    async def marks(self) -> list[Mark]:
        """Every dirty row."""
        found = await self._database.rows(select(dirty), urgent=True)
        return [Mark(row.log_id, row.place, row.hinted_at is not None) for row in found]

    async def hinted(self, places: Mapping[str, int]) -> None:
        """Note that these places were broadcast; a log that has moved on since stays unmarked."""
        pairs = sorted(places.items())
        for start in range(0, len(pairs), SWEEP):
            async with self._database.write() as connection:
                await connection.execute(HINTED, {"these": pairs[start : start + SWEEP]})

    async def forget_old_marks(self) -> None:
        """Delete the rows that every process has had the time to see."""
        old = dirty.c.hinted_at < database_time() - KEPT_SECONDS
        async with self._database.write() as connection:
            await connection.execute(delete(dirty).where(_free(old)))


def _free(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Those of these dirty rows that nobody is writing: house-keeping waits for no commit.

    It takes no locks in the committers' order either, and so could deadlock with them.
    """
    rows_free = select(dirty.c.log_id).where(*which).with_for_update(skip_locked=True)
    return dirty.c.log_id.in_(rows_free)


_AFTER: Final[Select[Any]] = (
    rows.event_rows.where(
        events.c.home_id == bindparam("the_home"), events.c.place > bindparam("after")
    )
    .order_by(events.c.place)
    .limit(bindparam("most"))
)
"""Made once, since making it is 0.2 ms of what reading an event costs."""
HINTED: Final = (
    update(dirty)
    .where(_free(among(dirty.c.log_id, dirty.c.place), dirty.c.hinted_at.is_(None)))
    .values(hinted_at=database_time())
)
