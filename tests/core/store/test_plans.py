"""How SQLite finds what is asked of it again and again: by an index, however much is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from sqlalchemy import event

from core.store.backlog import Backlog
from core.store.database import Database
from core.store.retention import Bounds
from tests.core.services.estate import Estate
from tests.core.store.keep import HOUR, prune

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENDLESS: Final = (
    "SCAN commands",
    "SCAN devices",
    "SCAN events",
    "SCAN homes",
    "SCAN idempotency_keys",
    "SCAN kept",
)
SHORT: Final = ("INDEX ix_commands_deadline", "INDEX ix_kept_due_at")
"""The index that holds open commands alone, and that from which the first few are taken."""

Asked = list[tuple[str, Any]]


@contextmanager
def heard(database: Database) -> Iterator[Asked]:
    """Every statement that is executed while the block runs, with its values."""
    engines = (database._writer.sync_engine, database._reader.sync_engine)  # noqa: SLF001 - theirs
    asked: Asked = []

    def note(*arguments: Any) -> None:
        values, many = arguments[3], arguments[5]
        asked.append((arguments[2], values[0] if many else values))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield asked
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


async def endless(database: Database, asked: Asked) -> list[str]:
    """The statements that go through all there is of something that only grows."""
    found = []
    async with database.read() as connection:
        for statement, values in asked:
            if statement.startswith("BEGIN"):
                continue
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [row.detail for row in plan]
            if any(step.startswith(ENDLESS) and not _short(step) for step in steps):
                found.append(statement)
    return found


def _short(step: str) -> bool:
    return any(index in step for index in SHORT)


async def test_no_look_goes_through_all_commands(estate: Estate) -> None:
    """What is looked for several times a second is found among the open commands."""
    backlog = Backlog(estate.house.database)
    with heard(estate.house.database) as asked:
        await backlog.unsent_commands()
        await backlog.due(estate.house.clock.now())
        await backlog.open_commands(estate.home.id)
    assert len([statement for statement, _ in asked if "FROM commands" in statement]) == 3
    assert await endless(estate.house.database, asked) == []


async def test_no_step_of_a_command_goes_through_all_of_anything(estate: Estate) -> None:
    """Neither to find what is written nor to see whether anything refers to it."""
    with heard(estate.house.database) as asked:
        first = await estate.sent(on=True, key="key")
        await estate.house.services.commands.acknowledge(first)
        await estate.hear(1, first, on=True)
        await estate.house.services.commands.cancel(estate.viewer, await estate.sent(on=False))
    written = {statement.split()[1] for statement, _ in asked if statement.startswith("UPDATE")}
    assert written >= {"homes", "devices", "commands"}
    assert await endless(estate.house.database, asked) == []


async def test_no_look_at_what_is_kept_goes_through_all_events(estate: Estate) -> None:
    """Neither for homes that are due nor for what is over in one, nor for one that grew."""
    for number in range(5):
        await estate.house.services.homes.rename(estate.home.id, f"{number}")
    with heard(estate.house.database) as asked:
        await estate.house.services.retention.look()
        assert await prune(estate.house, Bounds(HOUR, 2), estate.home) > 0
        await estate.house.services.events.gap({estate.home.id: 0})
    written = {statement.split()[0] for statement, _ in asked}
    assert written >= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert await endless(estate.house.database, asked) == []
