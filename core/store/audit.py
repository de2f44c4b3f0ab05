"""The audit's rows: put down, sealed into the chain, read, and erased. None is ever changed.

The row of the audit in `logs` is the lock under which rows are sealed and erased, so at most one
process at a time does either.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.domain.audit import Entry, Kind, Sought
from core.domain.chain import GENESIS, Row, Seal, commitment, sealed
from core.store.database import Database
from core.store.ledger import AUDIT
from core.store.rows import Fetched
from core.store.tables import audit, logs, seals

BATCH: Final = 200
"""Rows of one seal, and of one transaction."""
CONTENT: Final = ("at", "kind", "outcome", "actor", "user_id", "source", "detail")
"""The columns of `audit` that hold what a row says; erasing empties them."""
SALT_BYTES: Final = 32
_PLACED: Final = update(audit).where(audit.c.id == bindparam("the_id"))


class AuditRows:
    """The rows and the seals of this database."""

    def __init__(self, database: Database) -> None:
        """Keep them here."""
        self._database = database

    async def put(self, entries: Iterable[Entry]) -> None:
        """Put entries down. Those that are there already stay as they are, so this may be repeated.

        Raises:
            Unavailable: the database does not answer, and nobody knows what it has stored.
        """
        dialect = sqlite if self._database.sqlite else postgresql
        statement = dialect.insert(audit).on_conflict_do_nothing(index_elements=["id"])
        async with self._database.write() as connection:
            await connection.execute(statement, list(map(audit_values, entries)))

    async def seal(self, at: datetime) -> Seal | None:
        """Seal the oldest rows that no seal has yet, at most `BATCH`; None where there are none.

        Raises:
            Unavailable: the database does not answer.
        """
        waits = select(audit.c.id).where(audit.c.place.is_(None)).limit(1)
        if not await self._database.rows(waits):
            return None
        async with self._database.write() as connection:
            head = await _locked(connection)
            oldest = select(audit).where(audit.c.place.is_(None)).order_by(audit.c.id).limit(BATCH)
            found = (await connection.execute(oldest)).all()
            if not found:
                return None
            return await _seal(connection, head, [row.id for row in found], at)

    async def erase(self, user_id: str, record: Entry) -> int:
        """Delete what the rows of a person say, and how many those are; `record` tells of it.

        `record` gets the count; none is put down where there is nothing to erase. Records of
        erasures stay, whoever erased: the chain is checked by them.

        Raises:
            Unavailable: the database does not answer.
        """
        person = or_(audit.c.actor == user_id, audit.c.user_id == user_id)
        theirs = and_(person, audit.c.kind != Kind.AUDIT_ERASE.value)
        nothing = dict.fromkeys((*CONTENT, "salt"))
        async with self._database.write() as connection:
            await _locked(connection)
            gone = await connection.execute(update(audit).where(theirs).values(nothing))
            if gone.rowcount:
                told = replace(record, detail={**record.detail, "rows": gone.rowcount})
                await connection.execute(insert(audit).values(audit_values(told)))
        return gone.rowcount

    async def listed(self, sought: Sought, before: str | None, limit: int) -> Sequence[Row]:
        """Rows that are not erased, the newest first, older than the row with the id `before`."""
        query = select(audit).where(audit.c.salt.is_not(None), *_conditions(sought))
        if before is not None:
            query = query.where(audit.c.id < before)
        found = await self._database.rows(query.order_by(audit.c.id.desc()).limit(limit))
        return [audit_of(row) for row in found]

    @asynccontextmanager
    async def view(self) -> AsyncIterator["AuditView"]:
        """All of it as of one moment, for whoever checks the chain."""
        async with self._database.read() as connection:
            yield AuditView(connection)


class AuditView:
    """The audit at one moment."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Read in this transaction."""
        self._connection = connection

    async def head(self) -> int:
        """The last place that was given."""
        query = select(logs.c.place).where(logs.c.id == AUDIT)
        return int((await self._connection.execute(query)).scalar_one())

    async def seals(self, after: int) -> Sequence[Seal]:
        """The next seals by number, at most `BATCH`."""
        query = select(seals).where(seals.c.number > after).order_by(seals.c.number).limit(BATCH)
        found = await self._connection.execute(query)
        return [Seal(row.number, row.last, row.at, row.hash) for row in found]

    async def rows(self, after: int, last: int) -> Sequence[Row]:
        """The rows from the place after this one to that one; no more than a seal could have."""
        here = and_(audit.c.place > after, audit.c.place <= last)
        return await self._read(select(audit).where(here).order_by(audit.c.place).limit(BATCH + 1))

    async def waiting(self, after: str) -> Sequence[Row]:
        """The next rows by id that no seal has yet, at most `BATCH`."""
        here = and_(audit.c.place.is_(None), audit.c.id > after)
        return await self._read(select(audit).where(here).order_by(audit.c.id).limit(BATCH))

    async def strays(self, last: int) -> int:
        """How many rows have a place where none can be."""
        beyond = or_(audit.c.place > last, audit.c.place < 1)
        query = select(func.count()).select_from(audit).where(beyond)
        return int((await self._connection.execute(query)).scalar_one())

    async def _read(self, query: Select[Any]) -> Sequence[Row]:
        return [audit_of(row) for row in await self._connection.execute(query)]


async def _locked(connection: AsyncConnection) -> int:
    """The last place that was given; nobody else seals or erases before this transaction ends."""
    query = select(logs.c.place).where(logs.c.id == AUDIT).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def _seal(connection: AsyncConnection, head: int, ids: Sequence[str], at: datetime) -> Seal:
    placed = [{"the_id": one, "place": place} for place, one in enumerate(ids, start=head + 1)]
    await connection.execute(_PLACED, placed)
    last = head + len(ids)
    newest = select(seals).order_by(seals.c.number.desc()).limit(1)
    before = (await connection.execute(newest)).one_or_none()
    found = await connection.execute(
        select(audit).where(audit.c.place > head).order_by(audit.c.place)
    )
    number, known = (before.number + 1, before.hash) if before else (1, GENESIS)
    seal = Seal(number, last, at, sealed(known, number, at, [audit_of(row) for row in found]))
    link = {"number": number, "last": last, "at": at, "hash": seal.hash}
    await connection.execute(insert(seals).values(link))
    await connection.execute(update(logs).where(logs.c.id == AUDIT).values(place=last))
    return seal


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.kind is not None:
        found.append(audit.c.kind == sought.kind.value)
    if sought.outcome is not None:
        found.append(audit.c.outcome == sought.outcome.value)
    if sought.who is not None:
        found.append(or_(audit.c.actor == sought.who, audit.c.user_id == sought.who))
    if sought.since is not None:
        found.append(audit.c.at >= sought.since)
    return found


def audit_of(row: Fetched) -> Row:
    """A row of `audit`."""
    said = {name: getattr(row, name) for name in CONTENT}
    erased = all(value is None for value in said.values())
    content = None if erased else {"id": row.id, **said, "at": row.at and row.at.isoformat()}
    return Row(row.id, row.place, row.commitment, content, row.salt)


def audit_values(entry: Entry) -> dict[str, Any]:
    """The row of a new entry, with a fresh salt."""
    content, salt = entry.content, token_hex(SALT_BYTES)
    committed = commitment(content, salt)
    return {**content, "at": entry.at, "salt": salt, "commitment": committed}
