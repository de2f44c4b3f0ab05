"""What waits to be done, as the runner and the time-keeper find it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.domain.commands import Command
from core.domain.shards import SHARDS, shard_of
from core.store import backlog as room
from core.store.backlog import Backlog
from core.store.tables import idempotency_keys
from tests.core.services.estate import Estate, lamp


@pytest.fixture
def backlog(estate: Estate) -> Backlog:
    """The backlog of the estate's database."""
    return Backlog(estate.house.database)


async def test_homes_are_found_by_the_scheme_of_their_connector(
    estate: Estate, backlog: Backlog
) -> None:
    """Only the scheme counts, and a scheme is no pattern."""
    create = estate.house.services.homes.create
    made = await create(estate.user.id, "Far", "UTC", "simulator://maple")
    await create(estate.user.id, "Farther", "UTC", "mqtt://simulator://")
    await create(estate.user.id, "Farthest", "UTC", "simulators://maple")
    assert await backlog.connected("simulator") == [(made, "simulator://maple")]
    assert await backlog.connected("%") == []
    assert await backlog.connected("s_mulator") == []


async def test_devices_are_those_that_are_there(estate: Estate, backlog: Backlog) -> None:
    """A removed device is found neither in its home nor by its id."""
    reconcile = estate.house.services.devices.reconcile
    (other,) = await reconcile(estate.home, [lamp("other")])
    assert await backlog.devices_of(estate.home.id) == [estate.lamp, other]
    await estate.house.services.devices.remove(other)
    assert await backlog.devices_of(estate.home.id) == [estate.lamp]
    assert await backlog.device(other.id) is None
    assert await backlog.device(estate.lamp.id) == estate.lamp


async def test_open_commands_of_a_home_come_oldest_first(estate: Estate, backlog: Backlog) -> None:
    """Sent or not, all that can still change, and nothing that has ended."""
    await estate.ask(on=True)
    first, second = await estate.sent(brightness=1), await estate.ask(on=False)
    assert await backlog.open_commands(estate.home.id) == [first, second]
    assert await backlog.open_commands("home_none") == []


async def test_unsent_commands_come_oldest_first(
    estate: Estate, backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of other shards, nothing that ended or was sent; of too many, the oldest."""
    here = [shard_of(estate.home.id)]
    made = [await estate.ask(on=True), await estate.ask(brightness=1), await estate.ask(on=False)]
    assert await backlog.unsent_commands(here) == made[1:]
    assert await backlog.unsent_commands(set(range(SHARDS)) - {*here}) == []
    monkeypatch.setattr(room, "MOST", 1)
    assert await backlog.unsent_commands(here) == made[1:2]
    await estate.house.services.commands.dispatch(made[1])
    assert await backlog.unsent_commands(here) == made[2:]


async def test_commands_are_due_at_their_deadline(estate: Estate, backlog: Backlog) -> None:
    """Not a moment earlier, and not once they have ended."""
    first = await estate.ask(on=True, ms=5_000)
    second = await estate.ask(brightness=1, ms=6_000)
    moment = timedelta(microseconds=1)

    async def due(command: Command, more: timedelta = timedelta(0)) -> list[str]:
        return [one.id for one in await backlog.due(command.deadline + more)]

    assert await due(first, -moment) == []
    assert await due(first) == [first.id]
    assert await due(second) == [first.id, second.id]
    await estate.house.services.commands.cancel(estate.viewer, first)
    assert await due(second, moment) == [second.id]


async def test_old_keys_are_forgotten(estate: Estate, backlog: Backlog) -> None:
    """A key is free again once it was pruned, and a younger one is not."""
    old, now = await estate.ask(on=True, key="old"), estate.house.clock.now()
    young = await estate.ask(on=True, key="young")
    await backlog.prune_keys(now)
    assert (await estate.ask(on=True, key="young")).id == young.id
    assert (await estate.ask(on=True, key="old")).id != old.id


async def test_many_old_keys_are_forgotten_by_and_by(
    estate: Estate, backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, none is left, and no transaction forgets more than its share."""
    monkeypatch.setattr(room, "MOST", 2)
    for number in range(5):
        await estate.ask(on=True, key=f"old {number}")
    keys = select(func.count()).select_from(idempotency_keys)
    assert (await estate.house.database.rows(keys))[0][0] == 5
    await backlog.prune_keys(estate.house.clock.now())
    assert (await estate.house.database.rows(keys))[0][0] == 0
