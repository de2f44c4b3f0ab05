"""The relay: every commit is hinted at once, and its mark is taken off once all could see it."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from sqlalchemy import insert

from core.broadcast import Hints
from core.broadcast.memory import MemoryBackend
from core.relay import Relay, channel
from core.store import logs as room, tables
from core.store.committer import Committed
from core.store.database import Database
from core.store.logs import Logs, Mark
from tests.core.services.estate import eventually


class Recorded(Hints):
    """A broadcast that notes what it is asked to say, and may be dead."""

    def __init__(self) -> None:
        super().__init__(MemoryBackend())
        self.said: list[tuple[str, str]] = []
        self.dead = False
        self.far = True

    async def publish(self, channel: str, message: str) -> None:
        """Note it, and fail if dead."""
        self.said.append((channel, message))
        if self.dead:
            raise ConnectionError


@pytest.fixture
async def logs(database_url: str) -> AsyncIterator[Logs]:
    """The logs of a database without a house."""
    database = Database(database_url)
    yield Logs(database)
    await database.close()


@pytest.fixture
def hints() -> Recorded:
    """A broadcast that is heard by the test alone."""
    return Recorded()


@pytest.fixture
async def relay(logs: Logs, hints: Recorded) -> AsyncIterator[Relay]:
    """A relay whose task runs."""
    made = Relay(logs, hints)
    task = asyncio.create_task(made.say())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def committed(**places: int) -> Committed:
    """A transaction that moved these logs."""
    return Committed(places, (), ())


async def mark(logs: Logs, **places: int) -> None:
    """Let these logs be dirty."""
    values = [{"log_id": log_id, "place": place} for log_id, place in places.items()]
    async with logs._database.write() as connection:  # noqa: SLF001 - marks are made by commits
        await connection.execute(insert(tables.dirty), values)


async def keep(relay: Relay, logs: Logs) -> Mapping[str, bool]:
    """One round of house-keeping; which marks are there after it, and whether hinted."""
    await relay.keep_house(await logs.marks())
    return {one.log_id: one.hinted for one in await logs.marks()}


async def test_a_commit_is_said_at_once(relay: Relay, hints: Recorded) -> None:
    """Each log that moved, on its own channel."""
    relay.committed(committed(home_1=4, access=2))
    await eventually(lambda: len(hints.said) == 2)
    assert hints.said == [(channel("home_1"), "4"), (channel("access"), "2")]


async def test_of_many_commits_the_newest_is_said(relay: Relay, hints: Recorded) -> None:
    """What was not said yet is said once, with its newest place."""
    for place in range(1, 9):
        relay.committed(committed(home_1=place))
    await eventually(lambda: bool(hints.said))
    assert hints.said == [(channel("home_1"), "8")]


async def test_taps_are_told_before_anybody_else(relay: Relay, hints: Recorded) -> None:
    """This process knows of its own commit without a broadcast."""
    seen: list[Committed] = []
    relay.taps.append(seen.append)
    relay.committed(committed(home_1=1))
    assert (seen, hints.said) == ([committed(home_1=1)], [])


async def test_what_was_said_is_noted_and_later_forgotten(
    relay: Relay, logs: Logs, hints: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark is hinted in the first round, and taken off once all had the time to see it."""
    await mark(logs, home_1=4)
    relay.committed(committed(home_1=4))
    await eventually(lambda: bool(hints.said))
    assert await keep(relay, logs) == {"home_1": True}
    assert await keep(relay, logs) == {"home_1": True}
    monkeypatch.setattr(room, "KEPT_SECONDS", 0.0)
    await asyncio.sleep(0.01)
    assert await keep(relay, logs) == {}
    assert len(hints.said) == 1


async def test_a_mark_that_nobody_hinted_is_said_by_others(
    relay: Relay, logs: Logs, hints: Recorded
) -> None:
    """Seen twice at the same place, its writer has died; whoever sees that says it."""
    await mark(logs, home_1=4)
    assert await keep(relay, logs) == {"home_1": False}
    assert hints.said == []
    assert await keep(relay, logs) == {"home_1": True}
    assert hints.said == [(channel("home_1"), "4")]


async def test_a_mark_that_moves_on_has_a_writer(relay: Relay, hints: Recorded) -> None:
    """A log that moved between two looks is left to whoever moves it."""
    for place in (4, 5, 6):
        await relay.keep_house([Mark("home_1", place, hinted=False)])
    assert hints.said == []
    await relay.keep_house([Mark("home_1", 6, hinted=False)])
    assert hints.said == [(channel("home_1"), "6")]


async def test_a_dead_broadcast_costs_only_time(relay: Relay, logs: Logs, hints: Recorded) -> None:
    """What could not be said is tried no more: every process reads the marks anyway."""
    hints.dead = True
    await mark(logs, home_1=4)
    relay.committed(committed(home_1=4))
    await eventually(lambda: bool(hints.said))
    assert await keep(relay, logs) == {"home_1": True}
    hints.dead = False
    relay.committed(committed(home_1=5))
    await eventually(lambda: len(hints.said) == 2)


async def test_nothing_to_keep_writes_nothing(
    relay: Relay, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a quiet house nobody takes the writer's turn."""

    def never(_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Database, "write", never)
    assert await keep(relay, logs) == {}
