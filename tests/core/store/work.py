"""Small pieces of work for the committer, and a look at everything that is stored."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from core.domain.homes import Home
from core.store import tables
from core.store.committer import Work
from core.store.database import Database
from core.store.ledger import Ledger, Needs


def rename(
    home: Home, name: str, then: Exception | None = None, needs: Needs | None = None
) -> Work[str]:
    """Give a home another name and tell it, and after that raise what is given to raise.

    It needs the home, and whatever else is given.
    """

    def decide(ledger: Ledger) -> str:
        entry = ledger.homes.get(home.id)
        assert entry is not None
        ledger.homes.put(home.id, replace(entry, home=replace(home, name=name)))
        ledger.tell_home(home.id)
        if then is not None:
            raise then
        return name

    return Work(replace(needs or Needs(), homes=frozenset({home.id})), decide)


async def settled(*works: Awaitable[Any]) -> list[Any]:
    """The results or errors of what was begun in one turn of the loop."""
    return await asyncio.gather(*works, return_exceptions=True)


async def stored(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    found = {}
    async with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found
