"""Reading the logs, and the dirty rows that say which of them moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, update

from core.domain.events import EventType
from core.store import logs as room, tables
from core.store.database import Database
from core.store.ledger import ACCESS
from core.store.logs import Logs, Mark
from tests.core.services.estate import Estate, lamp

S = EventType.DEVICE_STATUS_CHANGED


@pytest.fixture
def logs(estate: Estate) -> Logs:
    """The logs of the estate's house."""
    return estate.house.logs


async def test_a_log_is_read_in_order_from_a_place(estate: Estate, logs: Logs) -> None:
    """Pages follow each other without gap or overlap."""
    for number in range(5):
        await estate.hear(number + 1, brightness=number)
    whole = await estate.events()
    first = await logs.read(estate.home.id, 0, 4)
    rest = await logs.read(estate.home.id, first[-1].place, 100)
    assert [*first, *rest] == whole
    assert await logs.read(estate.home.id, whole[-1].place, 100) == []


async def test_events_of_some_types_or_devices(estate: Estate, logs: Logs) -> None:
    """Conditions hold together, and the limit counts what fulfils them."""
    await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    for number in range(3):
        await estate.hear(number + 1, brightness=number)
    home, ours = estate.home.id, {estate.lamp.id}
    assert [e.type for e in await logs.events(home, 0, 9, {S})] == [S] * 3
    assert len(await logs.events(home, 0, 9, {S}, {"device_none"})) == 0
    assert len(await logs.events(home, 0, 9, None, ours)) == 4
    assert len(await logs.events(home, 0, 2, {S}, ours)) == 2
    assert await logs.events(home, 0, 9, set()) == []


async def test_heads_are_the_newest_places(estate: Estate, logs: Logs) -> None:
    """Logs that are not there are left out."""
    heads = await logs.heads([estate.home.id, ACCESS, "home_none"])
    whole, access = await estate.events(), await logs.read(ACCESS, 0, 100)
    assert heads == {estate.home.id: whole[-1].place, ACCESS: access[-1].place}


async def test_rooms_now_are_those_of_the_head(estate: Estate, logs: Logs) -> None:
    """Devices that were removed are not in any room."""
    made = await estate.house.services.devices.reconcile(estate.home, [lamp("other", None)])
    await estate.house.services.devices.remove(estate.lamp)
    place, rooms = await logs.rooms_now(estate.home.id)
    assert place == (await estate.events())[-1].place
    assert rooms == {made[0].id: None}


async def test_access_state_is_the_sum_of_the_log(estate: Estate, logs: Logs) -> None:
    """Everything that is known of access, at one place."""
    state = await logs.access_state()
    assert [user.id for user in state.users] == [estate.user.id]
    assert [client.id for client in state.clients] == [estate.client.id]
    assert list(state.grants) == [estate.grant]
    assert state.place == (await logs.heads([ACCESS]))[ACCESS]


async def test_a_log_that_moves_is_dirty_again(database: Database) -> None:
    """The mark of a log holds its newest place, and is unhinted whatever it was before."""
    logs = Logs(database)
    await mark(database, home_1=4)
    await logs.hinted({"home_1": 4})
    assert await logs.marks() == [Mark("home_1", 4, hinted=True)]
    await mark(database, home_1=5)
    assert await logs.marks() == [Mark("home_1", 5, hinted=False)]


async def test_an_old_hint_does_not_mark_a_newer_place(database: Database) -> None:
    """What was said of an earlier place says nothing of this one."""
    logs = Logs(database)
    await mark(database, home_1=5, home_2=1)
    await logs.hinted({"home_1": 4, "home_2": 1, "home_3": 1})
    found = {one.log_id: one.hinted for one in await logs.marks()}
    assert found == {"home_1": False, "home_2": True}


async def test_marks_are_kept_until_everybody_could_see_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an unhinted row nor a fresh one is deleted."""
    logs = Logs(database)
    await mark(database, home_1=1, home_2=1)
    await logs.hinted({"home_1": 1})
    await logs.forget_old_marks()
    assert len(await logs.marks()) == 2
    monkeypatch.setattr(room, "KEPT_SECONDS", 0.0)
    await asyncio.sleep(0.01)
    await logs.forget_old_marks()
    assert await logs.marks() == [Mark("home_2", 1, hinted=False)]


async def test_many_hints_are_noted_in_pieces(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More marks than fit one statement are all noted."""
    monkeypatch.setattr(room, "SWEEP", 3)
    logs, places = Logs(database), {f"home_{number}": number for number in range(1, 9)}
    await mark(database, **places)
    await logs.hinted(places)
    assert all(one.hinted for one in await logs.marks())


@asynccontextmanager
async def under_a_commit(database: Database, log_id: str) -> AsyncIterator[None]:
    """While the block runs, a committer holds the dirty row of a log."""
    async with database.write() as connection:
        mine = select(tables.dirty).where(tables.dirty.c.log_id == log_id)
        await connection.execute(mine.with_for_update())
        yield


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_house_keeping_waits_for_no_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that a committer holds are passed over: it may want others that are held here."""
    monkeypatch.setattr(room, "KEPT_SECONDS", 0.0)
    logs = Logs(database)
    await mark(database, home_1=1, home_2=1, home_3=1)
    await logs.hinted({"home_3": 1})
    async with under_a_commit(database, "home_1"), asyncio.timeout(2):
        await logs.hinted({"home_1": 1, "home_2": 1})
    assert {one.log_id for one in await logs.marks() if one.hinted} == {"home_2", "home_3"}
    async with under_a_commit(database, "home_3"), asyncio.timeout(2):
        await logs.forget_old_marks()
    assert {one.log_id for one in await logs.marks()} == {"home_1", "home_3"}


async def mark(database: Database, **places: int) -> None:
    """Let these logs have moved to these places."""
    dirty = tables.dirty
    async with database.write() as connection:
        for log_id, place in places.items():
            moved = update(dirty).where(dirty.c.log_id == log_id)
            found = await connection.execute(moved.values(place=place, hinted_at=None))
            if not found.rowcount:
                await connection.execute(dirty.insert().values(log_id=log_id, place=place))
