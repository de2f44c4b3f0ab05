"""Retention: just what is over is taken off a log, by whoever does it, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import delete, select, update

from app.compose import House
from core.domain.events import EventType
from core.domain.homes import Home
from core.services import retention as service
from core.store import retention as room, tables
from core.store.database import Database
from core.store.logs import Floor
from core.store.retention import LOOKS, Bounds, KeptRows
from core.store.types import EPOCH, database_time
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, another_home, gaps, lamp, settle
from tests.core.store.keep import EVERYTHING, HOUR, left, prune
from tests.core.store.work import rename

PARTS = 60
NOTHING = Bounds(HOUR, 0)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody prunes but the test."""
    monkeypatch.setattr(service, "BEAT_SECONDS", 3_600)


@pytest.fixture
async def two(database_url: str, run_house: Run) -> AsyncIterator[tuple[Estate, Estate, LeapClock]]:
    """One estate in two houses on one database, and the clock of the first."""
    clock = LeapClock()
    async with run_house(database_url, clock) as one, run_house(database_url) as other:
        estate = await settle(one, [lamp(f"{number}") for number in range(3)])
        yield estate, replace(estate, house=other), clock


async def due(database: Database, home: Home) -> float:
    """In how many seconds a home is looked at next."""
    query = select(tables.kept.c.due_at - database_time()).where(tables.kept.c.home_id == home.id)
    ((seconds,),) = await database.rows(query)
    return float(seconds)


async def changes(estate: Estate, times: int, home: Home | None = None) -> None:
    """Let so many events happen in a home."""
    for number in range(times):
        await estate.house.committer.submit(rename(home or estate.home, f"{number}"))


@dataclass(slots=True)
class Model:
    """What a log should hold: when each event happened, by place, and the first that stays."""

    times: list[datetime] = field(default_factory=list)
    floor: int = 0

    def prune(self, cutoff: datetime, events: int) -> None:
        """Take off what is beyond the newest `events`, or in a row from the oldest on too old."""
        self.floor = max(self.floor, len(self.times) - events)
        while self.floor < len(self.times) and self.times[self.floor] < cutoff:
            self.floor += 1

    @property
    def since(self) -> datetime:
        """When the newest of what is gone had happened."""
        return max(self.times[: self.floor], default=EPOCH)


@dataclass(frozen=True, slots=True)
class Land:
    """Two homes, what their logs should hold, and the clock by which things happen in them."""

    house: House
    homes: Sequence[Home]
    models: Sequence[Model]
    clock: LeapClock


@pytest.fixture
async def land(database_url: str, run_house: Run) -> AsyncIterator[Land]:
    """Two homes two days ago, in which something has happened."""
    clock = LeapClock()
    clock.leap(-48.5 * HOUR)
    async with run_house(database_url, clock) as house:
        estate = await settle(house)
        homes = [estate.home, await another_home(estate)]
        logs = [(await left(house, home))[1] for home in homes]
        models = [Model([event.occurred_at for event in log]) for log in logs]
        yield Land(house, homes, models, clock)


Step = tuple[int, int] | tuple[int, int, int]
steps = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(-3, 3)),  # something happens in a home
    st.tuples(st.integers(40, 56), st.integers(0, 12), st.integers(1, 5)),  # so much is kept
)


@settings(max_examples=settings().max_examples // 3)
@given(st.lists(steps, max_size=20))
async def test_what_is_kept_is_what_the_model_keeps(land: Land, happens: list[Step]) -> None:
    """Of events newer than the time the newest so many, whatever the clocks say, to the place."""
    for step in happens:
        if len(step) == 2:
            which, leap = step
            land.clock.leap(leap * HOUR)
            await land.house.committer.submit(rename(land.homes[which], "x"))
            land.models[which].times.append(
                (await left(land.house, land.homes[which]))[1][-1].occurred_at
            )
            continue
        hours, events, most = step
        cutoff = datetime.now(land.clock.now().tzinfo) - timedelta(hours=hours)
        await prune(land.house, Bounds(hours * HOUR, events), *land.homes, most=most)
        for model in land.models:
            model.prune(cutoff, events)
    for home, model in zip(land.homes, land.models, strict=True):
        floor, log = await left(land.house, home)
        assert [event.place for event in log] == list(range(model.floor + 1, len(model.times) + 1))
        assert [event.occurred_at for event in log] == model.times[model.floor :]
        assert floor == Floor(model.floor, model.since)


async def test_a_home_at_the_limit_loses_nothing(estate: Estate) -> None:
    """Exactly so many events stay; with one more, the oldest goes. Other homes are left alone."""
    cabin = await another_home(estate)
    (_, log), (_, other) = await left(estate.house, estate.home), await left(estate.house, cabin)
    bounds = Bounds(HOUR, len(log))
    assert await prune(estate.house, bounds, estate.home, cabin) == 0
    await changes(estate, 1)
    assert await prune(estate.house, bounds, estate.home, cabin) == 1
    floor, kept = await left(estate.house, estate.home)
    assert floor == Floor(1, log[0].occurred_at)
    assert kept[:-1] == log[1:]
    assert await left(estate.house, cabin) == (Floor(0, EPOCH), other)


async def test_places_and_sequences_go_on(estate: Estate) -> None:
    """In a home of which nothing is left, after a restart of counting by nothing but its rows."""
    await estate.hear(1, brightness=1)
    whole = await estate.events()
    assert await prune(estate.house, NOTHING, estate.home) == len(whole)
    assert await left(estate.house, estate.home) == (
        Floor(len(whole), max(event.occurred_at for event in whole)),
        [],
    )
    await estate.hear(2, brightness=2)
    await changes(estate, 1)
    assert gaps([*whole, *await estate.events()]) == []
    assert await estate.command(await estate.ask(on=True)) is not None


async def test_homes_say_when_to_look_again(two: tuple[Estate, Estate, LeapClock]) -> None:
    """When the oldest event will be too old, but neither too soon nor too late."""
    estate, _, clock = two
    home, database, bounds = estate.home, estate.house.database, Bounds(24 * HOUR, 100)
    for leap, hours in ((0.0, 24.0), (-20.0, 4.0), (-3.9, 24 / LOOKS), (48.0, 24.0)):
        await prune(estate.house, NOTHING, home)  # all of it
        clock.leap(leap * HOUR)
        await changes(estate, 1)
        await prune(estate.house, bounds, home)
        assert await due(database, home) == pytest.approx(hours * HOUR, abs=60)
        assert await KeptRows(database).waits() is None
    await prune(estate.house, NOTHING, home)
    await prune(estate.house, bounds, home)
    assert await due(database, home) == pytest.approx(24 * HOUR, abs=60)


async def test_homes_without_a_row_are_found(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many; one whose log begins later, or that has lost its row, begins where it does."""
    monkeypatch.setattr(room, "WALKED", 3)
    monkeypatch.setattr(room, "HURRIED", 2)
    homes = [estate.home, *[await another_home(estate, f"{number}") for number in range(4)]]
    rows, kept = KeptRows(estate.house.database), tables.kept
    await prune(estate.house, Bounds(HOUR, 1), homes[1])
    await prune(estate.house, NOTHING, homes[2])
    before = [(await left(estate.house, home))[0].place for home in homes]
    async with estate.house.database.write() as connection:
        await connection.execute(delete(kept))
    after: str | None = ""
    turns = 0
    while after is not None:
        after, turns = await rows.walk(EVERYTHING, after), turns + 1
    assert turns == 2
    assert await rows.waits() is not None
    floors = [(await left(estate.house, home))[0] for home in homes]
    assert [floor.place for floor in floors] == before != [0] * 5
    assert all(floor.place == 0 or floor.since > EPOCH for floor in floors)
    assert (await rows.prune(EVERYTHING, 500)).homes == len(homes)


async def test_an_empty_database_has_nothing_to_prune(database: Database) -> None:
    """No home, no row, no error."""
    rows = KeptRows(database)
    assert await rows.walk(EVERYTHING, "") is None
    await rows.hurry(["home_none"])
    assert await rows.waits() is None
    assert (await rows.prune(EVERYTHING, 500)).homes == 0


async def test_several_prune_while_others_write(two: tuple[Estate, Estate, LeapClock]) -> None:
    """Nothing that should be kept is lost, nothing goes twice, nobody is stuck."""
    one, other, _ = two
    homes = [one.home, *[await another_home(one, f"{number}") for number in range(3)]]
    for home in homes:
        await changes(one, 1, home)
    firsts = [(await left(one.house, home))[1][-1] for home in homes]
    bounds, writing = Bounds(HOUR, 7), True

    async def write(estate: Estate, seed: int) -> None:
        random = Random(seed)
        for turn in range(PARTS):
            some = random.sample(homes, random.randint(1, len(homes)))
            works = [rename(home, f"{seed} {turn}") for home in some]
            await asyncio.gather(*map(estate.house.committer.submit, works))

    async def clean(estate: Estate) -> int:
        gone = 0
        while writing:
            gone += await prune(estate.house, bounds, *homes, most=5)
            await asyncio.sleep(0)
        return gone

    cleaners = [asyncio.create_task(clean(estate)) for estate in (one, other, one)]
    async with asyncio.timeout(30):
        await asyncio.gather(write(one, 1), write(other, 2))
        writing = False
        gone = sum(await asyncio.gather(*cleaners))
    gone += await prune(one.house, bounds, *homes)
    heads = await one.house.logs.heads([home.id for home in homes])
    assert gone == sum(heads.values()) - 7 * len(homes)
    for home, first in zip(homes, firsts, strict=True):
        floor, log = await left(other.house, home)
        assert floor.place == heads[home.id] - 7
        assert [event.place for event in log] == list(range(floor.place + 1, heads[home.id] + 1))
        assert {event.type for event in log} == {EventType.HOME_UPDATED}
        assert {event.place - event.sequence for event in log} == {first.place - first.sequence}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_who_prunes_holds_up_nobody(two: tuple[Estate, Estate, LeapClock]) -> None:
    """Neither commits of the home, nor who prunes others, nor who reads; and is held up by none."""
    one, other, _ = two
    cabin = await another_home(one)
    rows = KeptRows(one.house.database)
    await rows.hurry([one.home.id, cabin.id])
    async with asyncio.timeout(5), one.house.database.write() as connection:
        mine = select(tables.kept).where(tables.kept.c.home_id == one.home.id)
        await connection.execute(mine.with_for_update())
        await changes(other, 2)
        await rows.hurry([one.home.id])
        assert (await KeptRows(other.house.database).prune(Bounds(HOUR, 1), 500)).homes == 1
        assert (
            (await left(other.house, cabin))[0].place
            > 0
            == (await left(one.house, one.home))[0].place
        )
        assert (await rows.prune(Bounds(HOUR, 1), 500)).homes == 0
    async with asyncio.timeout(5), other.house.database.write() as connection:
        locked = select(tables.homes).where(tables.homes.c.id == one.home.id)
        await connection.execute(locked.with_for_update())
        assert await prune(one.house, Bounds(HOUR, 1), one.home) > 0


async def test_pruning_that_is_cut_off_leaves_the_log_whole(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is deleted and where the log begins are one; after a restart it goes on from there."""
    await changes(estate, 10)
    whole = await estate.events()
    assert await prune(estate.house, Bounds(HOUR, len(whole) - 3), estate.home, most=2) == 3

    def fails(*_: object) -> dict[str, int]:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(room, "_due_at", fails)
        with pytest.raises(RuntimeError):
            await prune(estate.house, Bounds(HOUR, 2), estate.home)
    assert await left(estate.house, estate.home) == (Floor(3, whole[2].occurred_at), whole[3:])
    async with run_house(database_url) as again:
        assert await prune(again, Bounds(HOUR, 2), estate.home) == len(whole) - 5
        assert (await left(again, estate.home))[1] == whole[-2:]


async def test_a_home_that_would_be_late_is_looked_at(estate: Estate) -> None:
    """One that is due too far ahead: by wider bounds, or by a clock that was set back since."""
    rows, database = KeptRows(estate.house.database), estate.house.database
    await prune(estate.house, Bounds(72 * HOUR, 100), estate.home)
    for hours, waits in ((72, False), (71, True)):
        await rows.walk(Bounds(hours * HOUR, 100), "")
        assert (await rows.waits() is not None) == waits
    async with database.write() as connection:
        await connection.execute(update(tables.kept).values(due_at=1e12))
    await rows.walk(EVERYTHING, "")
    assert (await rows.prune(Bounds(HOUR, 1), 500)).events > 0
