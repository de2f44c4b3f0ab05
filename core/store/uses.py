"""Rows of what was last done with grants. None of them ever goes back in time."""

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, case, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.domain.devices import DeviceKind
from core.domain.uses import Deed, Use
from core.store import codec
from core.store.database import Database
from core.store.rows import Fetched
from core.store.tables import grant_uses as table

Insert: TypeAlias = sqlite.Insert | postgresql.Insert


class UseRows:
    """The rows."""

    def __init__(self, database: Database) -> None:
        """Keep them here."""
        self._database = database
        dialect = sqlite if database.sqlite else postgresql
        self._upsert = _upsert(dialect.insert(table))

    async def put(self, uses: Mapping[str, Use]) -> None:
        """Put down how grants were used, where that is later than what is there.

        Raises:
            Unavailable: the database does not answer.
        """
        # Sorted, so that two processes that write the same rows never wait in a circle.
        values = [_values(grant_id, uses[grant_id]) for grant_id in sorted(uses)]
        async with self._database.write() as connection:
            await connection.execute(self._upsert, values)

    async def of(self, grant_ids: Collection[str]) -> dict[str, Use]:
        """What is written of these grants.

        Raises:
            Unavailable: the database does not answer.
        """
        query = select(table).where(table.c.grant_id.in_(grant_ids))
        return {row.grant_id: _use_of(row) for row in await self._database.rows(query)}


def _upsert(insert: Insert) -> Insert:
    new = insert.excluded
    read = _later(new.read_at, table.c.read_at)
    did = _later(new.did_at, table.c.did_at)
    return insert.on_conflict_do_update(
        index_elements=["grant_id"],
        set_={
            "read_at": case((read, new.read_at), else_=table.c.read_at),
            "did_at": case((did, new.did_at), else_=table.c.did_at),
            "did": case((did, new.did), else_=table.c.did),
        },
    )


def _later(new: ColumnElement[Any], old: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(new > old, old.is_(None))


def _values(grant_id: str, use: Use) -> dict[str, Any]:
    did = use.did
    body = did and {
        "device": did.device,
        "home": did.home,
        "kind": did.kind.value,
        "asked": codec.state_out(did.asked),
    }
    return {
        "grant_id": grant_id,
        "read_at": use.read_at,
        "did_at": did and did.at,
        "did": body,
    }


def _use_of(row: Fetched) -> Use:
    if row.did is None:
        return Use(row.read_at)
    body = row.did
    kind, asked = DeviceKind(body["kind"]), codec.state_in(body["asked"])
    return Use(row.read_at, Deed(row.did_at, body["device"], body["home"], kind, asked))
