"""A home's own time: the same day at any pace, and what holding and stepping do to it."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from core.domain.devices import Device, State
from core.domain.homes import Home
from core.domain.ports import Offline, Report
from core.domain.sandbox import Pacing
from tests.core.connectors.simulator.house import House
from tests.fakes import HOME, START, FakeClock, stored, turns

DAY = 86_400
MORNING = 6 * 3600.0


async def furnished(house: House, home: Home = HOME) -> dict[str, Device]:
    """The devices of Maple Street by address, adopted."""
    devices = {}
    for number, find in enumerate(await house.simulator.discover(home, "simulator://maple")):
        device = replace(stored(find, home=home), id=f"device_{home.id}_{number}")
        devices[device.address] = device
        await house.simulator.adopt(device)
    return devices


async def stepped(step: float, seconds: float, seed: int = 1) -> list[Report]:
    """What Maple Street says in so many seconds, put in in steps."""
    async with House(lively=True, seed=seed) as house:
        await furnished(house)
        house.pace(speed=0)
        heard = []
        for _ in range(round(seconds / step)):
            house.pace(step=step)
            heard += await house.quiet()
        return heard


async def hurried(speed: float, seconds: float) -> list[Report]:
    """What it says at this speed."""
    async with House(lively=True) as house:
        await furnished(house)
        house.pace(speed=speed)
        return await house.after(seconds / speed)


async def test_a_day_is_the_same_in_steps_of_any_length() -> None:
    """Minute by minute or hour by hour, report for report."""
    day = await stepped(3600, DAY)
    assert len(day) > 15_000
    assert await stepped(60, DAY) == day


@pytest.mark.soak
async def test_a_day_is_the_same_a_hundred_times_as_fast() -> None:
    """At any speed, report for report."""
    assert await hurried(100, DAY) == await stepped(3600, DAY)


@pytest.mark.parametrize("speed", [1, 7.3, 100])
async def test_a_morning_is_the_same_at_any_speed(speed: float) -> None:
    """Half an hour of it, report for report."""
    assert await hurried(speed, 1800) == await stepped(1800, 1800)


class Sluggish(FakeClock):
    """A clock that lets everybody sleep too long, now more, now less."""

    def __init__(self) -> None:
        super().__init__()
        self._random = Random(1)

    async def sleep(self, seconds: float) -> None:
        """Return some time after that many seconds."""
        await super().sleep(seconds + self._random.uniform(0, 3))


async def test_a_late_scheduler_changes_nothing() -> None:
    """Whenever the world gets round to it, each action happens at its own time."""
    async with House(lively=True, clock=Sluggish()) as house:
        await furnished(house)
        house.pace(speed=9)
        heard = await house.after(200)
    assert len(heard) > 400
    assert heard == (await stepped(1800, 1800))[: len(heard)]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.floats(0.01, 20), st.floats(0, 30)), min_size=1, max_size=5))
async def test_however_the_pace_changes_the_same_happens(paces: list[tuple[float, float]]) -> None:
    """What was heard is how the same time begins in one step."""
    async with House(lively=True) as house:
        await furnished(house)
        heard = []
        for seconds, speed in paces:
            house.pace(speed=speed)
            heard += await house.after(seconds)
    whole = await stepped(3000, 3000)
    assert heard == whole[: len(heard)]


async def test_another_seed_is_another_day() -> None:
    """Already in the first hour."""
    assert await stepped(3600, 3600, seed=1) != await stepped(3600, 3600, seed=2)


async def test_a_command_leaves_the_others_alone() -> None:
    """Whatever is asked of one device, the reports of the others stay as they were."""
    left_alone = await stepped(3600, 2 * 3600)
    async with House(lively=True) as house:
        devices = await furnished(house)
        light, lock = devices["shelf-light"], devices["front-door"]
        house.pace(speed=0)
        heard = []
        for number in range(4):
            sending = asyncio.ensure_future(
                house.simulator.send(light.id, State(brightness=10 + number), 1)
            )
            await turns()
            house.press(lock, State(locked=number % 2 == 0))
            house.pace(step=1800)
            heard += await house.quiet()
            await sending
    assert {light.id, lock.id} <= {report.device_id for report in heard}
    assert _without(heard, light, lock) == _without(left_alone, light, lock)


def _without(reports: list[Report], *devices: Device) -> list[Report]:
    ids = {device.id for device in devices}
    return [report for report in reports if report.device_id not in ids]


async def test_homes_of_one_plan_are_not_in_lockstep() -> None:
    """Their ids tell them apart, and neither depends on the other."""
    other = Home("home_2", "Elm Street", HOME.time_zone)
    async with House(lively=True) as house:
        await furnished(house)
        await furnished(house, other)
        house.pace(speed=0)
        house.simulator.pace(Pacing(other.id, 0.0))
        house.pace(step=3600)
        house.simulator.pace(Pacing(other.id, None, 3600.0))
        heard = await house.quiet()
    first = [report for report in heard if "home_1" in report.device_id]
    second = [report for report in heard if "home_2" in report.device_id]
    assert first == await stepped(3600, 3600)
    assert [one.state for one in first] != [one.state for one in second]


async def test_a_held_home_stands_still() -> None:
    """Nothing moves, no request arrives, and a ramp goes on later where it was."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(brightness=100))
        assert len(await house.after(0.15)) == 1
        house.pace(speed=0)
        sending = asyncio.ensure_future(house.simulator.send(lamp.id, State(on=False), 1))
        assert await house.after(3600) == []
        assert not sending.done()
        house.pace(speed=1)
        heard = await house.after(1)
        await sending
    assert [report.state.brightness for report in heard][-1] == 100
    assert heard[-1].settled
    assert heard[-1].state.on is False


async def test_a_held_line_carries_only_so_much() -> None:
    """Who goes on sending to a home that stands is told that the device does not answer."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.pace(speed=0)
        sends = [asyncio.ensure_future(house.simulator.read(lamp.id)) for _ in range(300)]
        await turns()
        refused = [one for one in sends if one.done()]
        assert len(refused) == 300 - 256
        assert all(isinstance(one.exception(), Offline) for one in refused)
        await house.simulator.forget(lamp.id)
        ended = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(one, Offline) for one in ended)


async def test_the_time_of_a_home_is_told() -> None:
    """It begins as the world's, and goes on as it was told to."""
    async with House() as house:
        await house.add("lamp")
        await house.after(10)
        at = house.pace(speed=100)
        assert (at.now, at.speed) == (START + timedelta(seconds=10), 100)
        await house.after(10)
        at = house.pace(step=500)
        assert (at.now, at.speed) == (START + timedelta(seconds=1510), 100)
        assert house.pace(speed=0) == house.pace(speed=0)


async def test_an_hour_of_a_home_lets_others_have_their_turn() -> None:
    """A step is worked off in small batches: the loop is never kept for long."""
    async with House(lively=True) as house:
        await furnished(house)
        house.pace(speed=0, step=MORNING)
        await house.quiet()
        house.pace(step=3600)
        turns: list[float] = []
        while house.simulator._scheduler._left() <= 0:  # noqa: SLF001 - the clock stands still
            began = time.process_time()
            await asyncio.sleep(0)
            turns.append(time.process_time() - began)
        assert len(await house.quiet()) > 500
    assert len(turns) > 10
    *others, longest = sorted(turns)
    assert others[-1] < 0.1
    assert longest < 1  # it may have had the garbage of all tests collected
