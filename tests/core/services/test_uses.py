"""Uses: noted at once, written soon, never backwards, and no matter what the database does."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from app.compose import House
from core.domain.devices import DeviceKind, State
from core.domain.errors import Unavailable
from core.domain.grants import Grant, Share
from core.domain.uses import NEVER, Deed, Use
from core.services import uses
from core.services.uses import BATCH, BATCHES, BEAT_SECONDS, Uses
from core.store.uses import UseRows
from tests.conftest import Run
from tests.core.services.estate import SCOPES, Estate, eventually
from tests.fakes import START, FakeClock

LATER = START + timedelta(seconds=1)


class Rows:
    """Rows in memory, in a database that fails as long as it is told to."""

    def __init__(self) -> None:
        self.kept: dict[str, Use] = {}
        self.puts: list[int] = []
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, found: Mapping[str, Use]) -> None:
        """As `core.store.uses.UseRows.put`."""
        found = dict(found)
        await self.gate.wait()
        if self.down:
            sentence = "The database does not answer."
            raise Unavailable(sentence)
        self.puts.append(len(found))
        for one, use in found.items():
            self.kept[one] = self.kept.get(one, NEVER).merged(use)

    async def of(self, ids: Mapping[str, Use]) -> dict[str, Use]:
        """As `core.store.uses.UseRows.of`."""
        return {one: self.kept[one] for one in ids if one in self.kept}


class Bench:
    """Uses whose task a test runs by its clock."""

    def __init__(self) -> None:
        self.rows, self.clock = Rows(), FakeClock()
        self.uses = Uses(self.rows, self.clock)  # type: ignore[arg-type]  # stands in for them

    async def at(self, grant_id: str = "grant_1") -> datetime | None:
        """When the grant was last read with."""
        return (await self.uses.of([grant_id]))[grant_id].read_at


def deed(at: datetime, *, on: bool = True) -> Deed:
    """The lamp was switched."""
    return Deed(at, "Lamp", "Maple", DeviceKind.LIGHT, State(on=on))


async def test_what_is_noted_is_written_after_a_beat() -> None:
    """As of when it happened, and once: what did not happen again is not written again."""
    bench = Bench()
    task = asyncio.create_task(bench.uses.run())
    await bench.clock.advance(1)
    bench.uses.looked("grant_1")
    assert await bench.at() == LATER
    await bench.clock.advance(BEAT_SECONDS)
    assert bench.rows.kept == {"grant_1": Use(LATER)}
    assert (bench.uses.waiting, await bench.at()) == (0, LATER)
    await bench.clock.advance(BEAT_SECONDS)
    assert bench.rows.puts == [1]
    task.cancel()


async def test_a_database_that_fails_loses_nothing() -> None:
    """What was noted waits, what comes meanwhile wins, and the task lives on."""
    bench = Bench()
    bench.rows.down = True
    task = asyncio.create_task(bench.uses.run())
    bench.uses.looked("grant_1")
    bench.uses.did("grant_2", deed(START))
    await bench.clock.advance(3 * BEAT_SECONDS)
    bench.uses.did("grant_2", deed(LATER))
    bench.uses.did("grant_2", deed(START))  # overtaken by the one above
    assert (bench.uses.waiting, task.done()) == (2, False)
    bench.rows.down = False
    await bench.clock.advance(BEAT_SECONDS)
    assert bench.rows.kept == {"grant_1": Use(START), "grant_2": Use(None, deed(LATER))}
    task.cancel()


async def test_what_happens_while_it_is_written_is_not_lost() -> None:
    """Nor is what is being written unknown meanwhile, whether it then fails or not."""
    bench = Bench()
    bench.uses.looked("grant_1")
    bench.rows.gate.clear()
    bench.rows.down = True
    writing = asyncio.create_task(bench.uses.close())
    await bench.clock.advance(1)
    assert await bench.at() == START
    bench.uses.looked("grant_1")
    bench.rows.gate.set()
    await writing
    assert await bench.at() == LATER
    bench.rows.down = False
    await bench.uses.close()
    assert bench.rows.kept == {"grant_1": Use(LATER)}


async def test_a_beat_writes_so_much_and_each_has_its_turn() -> None:
    """Nobody waits for one large transaction; who waits longest is first; the end writes all."""
    bench = Bench()
    task = asyncio.create_task(bench.uses.run())
    most = BATCH * BATCHES
    for number in range(most + BATCH + 1):
        bench.uses.looked(f"grant_{number}")
    await bench.clock.advance(BEAT_SECONDS)
    assert bench.rows.puts == [BATCH] * BATCHES
    assert f"grant_{most - 1}" in bench.rows.kept
    assert bench.uses.waiting == BATCH + 1
    task.cancel()
    await bench.uses.close()
    assert bench.rows.puts[BATCHES:] == [BATCH, 1]


async def test_rows_never_go_back(estate: Estate) -> None:
    """Each part is the later one, whoever writes it and when, on both kinds of database."""
    rows, one = UseRows(estate.house.database), estate.grant.id
    for use, expected in [
        (Use(LATER), Use(LATER)),
        (Use(START, deed(START)), Use(LATER, deed(START))),
        (Use(None, deed(LATER, on=False)), Use(LATER, deed(LATER, on=False))),
        (Use(START, deed(START)), Use(LATER, deed(LATER, on=False))),
        (NEVER, Use(LATER, deed(LATER, on=False))),
    ]:
        await rows.put({one: use})
        assert await rows.of([one, "grant_none"]) == {one: expected}


async def test_processes_write_the_same_rows_at_once(estate: Estate) -> None:
    """In whatever order they noted them, none waits for another in a circle."""
    give, rows = estate.house.services.grants.give, UseRows(estate.house.database)
    made: list[Grant] = [
        await give(estate.user.id, estate.client.id, SCOPES, [Share(estate.home.id)])
        for _ in range(20)
    ]
    ids = [grant.id for grant in made]
    orders = [ids, ids[::-1]] * 5
    moments = [START + timedelta(seconds=number) for number in range(len(orders))]
    await asyncio.gather(
        *(
            rows.put({one: Use(at) for one in order})
            for at, order in zip(moments, orders, strict=True)
        )
    )
    assert await rows.of(ids) == {one: Use(moments[-1]) for one in ids}


async def test_a_command_is_a_deed(estate: Estate) -> None:
    """The last one that was given, also one that fails; what a key stands for is none."""
    house = estate.house
    assert await house.services.uses.of([estate.grant.id]) == {estate.grant.id: NEVER}
    first = await estate.ask(on=True, key="once")
    assert await lately(house, estate) == Deed(
        first.issued_at, "lamp", "Ada's home", DeviceKind.LIGHT, State(on=True)
    )
    second = await estate.ask(brightness=40)
    await estate.ask(on=True, key="once")
    deed = await lately(house, estate)
    assert deed is not None
    assert (deed.at, deed.asked) == (second.issued_at, State(brightness=40))


async def lately(house: House, estate: Estate) -> Deed | None:
    """What was last done with the estate's grant, as this process knows."""
    return (await house.services.uses.of([estate.grant.id]))[estate.grant.id].did


async def test_others_know_soon_and_after_a_restart(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the rows: a second process within a beat, and one that starts after all have ended."""
    monkeypatch.setattr(uses, "BEAT_SECONDS", 0.05)
    async with run_house(database_url) as second:
        second.services.uses.looked(estate.grant.id)
        command = await estate.ask(on=True)

        async def known() -> bool:
            found = (await estate.house.services.uses.of([estate.grant.id]))[estate.grant.id]
            return found.read_at is not None

        await eventually(known)
        monkeypatch.setattr(uses, "BEAT_SECONDS", 600)
        second.services.uses.looked(estate.grant.id)
        before = (await second.services.uses.of([estate.grant.id]))[estate.grant.id].read_at
    async with run_house(database_url) as third:
        use = (await third.services.uses.of([estate.grant.id]))[estate.grant.id]
        assert use.read_at is not None
        assert before is not None
        assert abs(use.read_at - before) < timedelta(milliseconds=1)
        await estate.house.services.uses.close()
        deed = await lately(third, estate)
        assert deed is not None
        assert deed.at == command.issued_at
