"""How SQLite finds what is asked of it again and again: by an index, however much is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Executable, event

from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import DeliveryStatus
from core.domain.repairs import Chosen, Which
from core.domain.shards import SHARDS
from core.store import documents, hooks, lanes, loading, logs, plan_statements
from core.store.backlog import Backlog
from core.store.database import Database
from core.store.deliveries import Deliveries
from core.store.parcels import _BEHIND
from core.store.retention import Bounds
from core.store.tidying import Tidy
from tests.core.services.estate import Estate
from tests.core.services.repair import change, end, repairs, waiting
from tests.core.store.keep import HOUR, prune

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENDLESS: Final = (
    "SCAN commands",
    "SCAN deliveries",
    "SCAN devices",
    "SCAN events",
    "SCAN homes",
    "SCAN idempotency_keys",
    "SCAN kept",
    "SCAN lines",
    "SCAN members",
    "SCAN notices",
    "SCAN replays",
)
SHORT: Final = (
    "INDEX ix_commands_deadline",
    "INDEX ix_kept_due_at",
    "INDEX ix_deliveries_ended_at",
    "INDEX ix_deliveries_pins",
    "INDEX ix_notices_at",
    "INDEX ix_replays_created_at",
)
"""Indexes that hold what is open alone, and those from which the first few are taken."""

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


async def _steps(database: Database, statement: str, values: Any) -> list[str]:
    async with database.read() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [row.detail for row in plan]


def _short(step: str) -> bool:
    return any(index in step for index in SHORT)


async def test_no_look_goes_through_all_commands(estate: Estate) -> None:
    """What is looked for several times a second is found among the open commands."""
    backlog = Backlog(estate.house.database)
    with heard(estate.house.database) as asked:
        await backlog.unsent_commands(range(SHARDS))
        await backlog.waiting_homes(range(SHARDS))
        await backlog.due(estate.house.clock.now())
        await backlog.open_commands(estate.home.id)
    assert len([statement for statement, _ in asked if "FROM commands" in statement]) == 4
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


@pytest.mark.parametrize("many", [0, 1, 2, 500])
@pytest.mark.parametrize(
    ("query", "table"),
    [
        (loading.MEMBERS, "members"),
        (loading.KEYS, "idempotency_keys"),
        (documents.NAMED, "documents"),
        (plan_statements.LINES, "lines"),
        (logs.HINTED, "dirty"),
    ],
)
async def test_pairs_are_found_by_their_index(
    database: Database, query: Executable, table: str, many: int
) -> None:
    """However many they are: of more than one, SQLite would go through the table."""
    pairs = [(f"first_{number}", f"{number}") for number in range(many)]
    with heard(database) as asked:
        async with database.write() as connection:
            await connection.execute(query, {"these": pairs})
    statement, values = asked[-1]
    steps = await _steps(database, statement, values)
    assert [one for one in steps if one.startswith(f"SCAN {table}")] == []
    assert [one for one in steps if one.startswith(f"SEARCH {table}")]


async def test_what_is_behind_a_delivery_is_found_by_its_index(estate: Estate) -> None:
    """When it ends, when it is cancelled, and when what follows it is taken up."""
    held, made = await waiting(estate, 4)
    with heard(estate.house.database) as asked:
        async with estate.house.database.read() as connection:
            behind = await connection.execute(_BEHIND, {"these": [made[0].id], "most": 2})
            assert [row.number for row in behind] == [one.number for one in made[1:3]]
        await end(estate.house, made[1:2], DeliveryStatus.CANCELLED)
        async with estate.house.database.write() as connection:
            await connection.run_sync(lanes.free, [(held.endpoint.id, made[0].number)])
    assert await endless(estate.house.database, asked) == []
    found = [
        step
        for statement, values in asked
        if "behind =" in statement
        for step in await _steps(estate.house.database, statement, values)
        if "ix_deliveries_behind" in step
    ]
    assert len(found) == 3


async def test_no_look_at_deliveries_goes_through_all(estate: Estate) -> None:
    """Whatever their client asks for, whatever is repaired, and whatever is tidied."""
    held, made = await waiting(estate, 4)
    house, ours, client_id = estate.house, repairs(estate), estate.client.id
    await end(house, made[:2], DeliveryStatus.DEAD)
    down = hooks.breaker_out(Breaker(BreakerState.OPEN))
    long_ago = house.clock.now() - timedelta(days=30)
    await change(house, held.endpoint.id, breaker=down, active_since=long_ago)
    rows = Deliveries(house.database)
    with heard(house.database) as asked:
        for which in (
            Which(),
            Which(held.endpoint.id),
            Which(held.endpoint.id, status=DeliveryStatus.DEAD),
            Which(held.endpoint.id, status=DeliveryStatus.PENDING, device_id=estate.lamp.id),
        ):
            await rows.page(client_id, which, None, 2)
            await rows.page(client_id, which, "z" if which.endpoint_id is None else 9, 20)
        await ours.explaining.explain(client_id, made[3].event_id)
        await ours.deliveries.redeliver(client_id, made[0].id)
        await ours.replays.begin(client_id, held.endpoint.id, Chosen(only_failed=True))
        assert await ours.replayer.step()
        await ours.tidying.look()
        await Tidy(house.database).overdue(held.endpoint.id, house.clock.now())
        await Tidy(house.database).gone(estate.home.id)
        await Tidy(house.database).home_after("")
        await ours.tidying._consent.look(estate.home.id, None)  # noqa: SLF001 - its own work
        assert await prune(house, Bounds(HOUR, 1), estate.home) > 0
    assert await endless(house.database, asked) == []
    lost = [statement for statement, _ in asked if "IN ('FAILED', 'DEAD'" in statement]
    assert lost
    async with house.database.read() as connection:
        values = next(values for statement, values in asked if statement == lost[0])
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {lost[0]}", values)
        assert any("ix_deliveries_lost" in row.detail for row in plan)
        crowds = [one for one in asked if "SELECT count(*)" in one[0] and "replay_id !=" in one[0]]
        assert len(crowds) == 2
        for statement, values in crowds:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            assert any("ix_deliveries_replayed" in row.detail for row in plan)
