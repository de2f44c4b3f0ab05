"""What changes by itself, what never does, and that it all happens again the same way."""

import asyncio

import pytest
from hypothesis import given, settings, strategies as st

from core.connectors.simulator import DeviceFault
from core.connectors.simulator.plans import PLANS, STEADY
from core.connectors.simulator.products import PRODUCTS
from core.domain.devices import State
from core.domain.ports import Report, SendError
from core.domain.sandbox import Simulation
from tests.core.connectors.simulator.house import House
from tests.fakes import HOME, stored

PRESSES = {"lamp": State(brightness=30), "outlet": State(on=False), "lock": State(locked=False)}
DEVICES = tuple(PRESSES)
DEVICE = st.integers(1, len(DEVICES))
STEP = st.one_of(
    st.tuples(st.just("wait"), st.just(1), st.floats(0, 30)),
    st.tuples(st.just("send"), DEVICE, st.booleans()),
    st.tuples(st.just("read"), DEVICE, st.none()),
    st.tuples(st.just("press"), DEVICE, st.none()),
    st.tuples(st.just("fault"), DEVICE, st.sampled_from(DeviceFault)),
)
Script = list[tuple[str, int, object]]


async def _lived(url: str, hours: int, *, seed: int = 1) -> list[tuple[str, Report]]:
    """What devices reported by themselves in the first hours of 2026, with their addresses."""
    async with House(lively=True, seed=seed) as house:
        addresses = {}
        for number, find in enumerate(await house.simulator.discover(HOME, url)):
            device = stored(find, number)
            addresses[device.id] = find.address
            await house.simulator.adopt(device)
        house.pace(speed=0)
        heard = []
        for _ in range(hours):
            house.pace(step=3600)
            heard += await house.quiet()
    assert all(report.online is None for report in heard)
    return [(addresses[report.device_id], report) for report in heard]


async def test_maple_lives_a_day() -> None:
    """In a day all that may stirs, and never what is steady, nor the lock."""
    heard = await _lived("simulator://maple", 24)
    plan = {place.address for place in PLANS["maple"]}
    assert {address for address, _ in heard} == plan - STEADY - {"front-door"}
    assert 15_000 < len(heard) < 60_000


@pytest.mark.parametrize("plan", ["maple", "harbor"])
async def test_something_happens_every_few_seconds(plan: str) -> None:
    """Also at one in the morning, the demo's homes never keep quiet for ten seconds."""
    async with House(lively=True) as house:
        for number, find in enumerate(await house.simulator.discover(HOME, f"simulator://{plan}")):
            await house.simulator.adopt(stored(find, number))
        assert all([await house.after(10) for _ in range(60)])


async def test_people_have_days() -> None:
    """Nobody walks by while they are out, and more do in the morning than at night."""
    heard = await _lived("simulator://maple", 48)
    seen = [report for address, report in heard if address == "hallway-motion"]
    assert len(seen) > 100
    energies = [r.state.energy for address, r in heard if address == "house-meter"]
    known = [energy for energy in energies if energy is not None]
    assert known == sorted(known)
    assert 4 < known[-1] - known[0] < 60


async def test_a_generated_home_is_calm() -> None:
    """A thousand homes of twenty devices make well under two hundred reports a second."""
    heard = await _lived("simulator://plan?devices=20", 24)
    assert 200 < len(heard) < 24 * 3600 * 200 / 1000 / 2


async def test_a_still_house_stays() -> None:
    """`still=1` keeps every device as it is."""
    assert await _lived("simulator://maple?still=1", 24) == []


async def test_an_outlet_that_was_off_comes_to_life() -> None:
    """What had nothing to change by itself has, once it is switched on."""
    async with House(lively=True) as house:
        outlet = await house.add("outlet", address="television")
        await house.send(outlet, State(on=False))
        await house.after(60)
        assert await house.after(600) == []
        await house.send(outlet, State(on=True))
        assert len(await house.after(600)) > 20


async def _played(script: Script, seed: int) -> list[Report]:
    async with House(lively=True, seed=seed) as house:
        for product in DEVICES:
            await house.add(product)
        for verb, number, value in script:
            await _played_step(house, verb, number, value)
        return await house.after(120)


async def _played_step(house: House, verb: str, number: int, value: object) -> None:
    device_id, product = f"device_{number}", DEVICES[number - 1]
    if verb == "wait":
        assert isinstance(value, float)
        await house.clock.advance(value)
    elif verb == "press":
        house.simulator.simulate(Simulation(device_id, report=PRESSES[product]))
    elif verb == "fault":
        assert isinstance(value, DeviceFault)
        house.simulator.simulate(Simulation(device_id, fault=value, fault_seconds=20))
    else:
        asked = State(locked=value) if product == "lock" else State(on=value)  # type: ignore[arg-type]
        work = (
            house.simulator.send(device_id, asked, 1)
            if verb == "send"
            else house.simulator.read(device_id)
        )
        try:
            await house.clock.finish(work)
        except SendError:
            return


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, max_size=12), st.integers(0, 9))
def test_the_same_seed_clock_and_calls_give_the_same_reports(script: Script, seed: int) -> None:
    """A simulation repeats event for event."""
    assert asyncio.run(_played(script, seed)) == asyncio.run(_played(script, seed))


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=15), st.integers(0, 9))
def test_a_reader_who_drops_late_reports_ends_up_right(script: Script, seed: int) -> None:
    """Whatever faults there were, orders tell which reports to take, and these tell the state."""
    asyncio.run(_followed(script, seed))


async def _followed(script: Script, seed: int) -> None:
    async with House(seed=seed) as house:
        known = {}
        for product in DEVICES:
            device = await house.add(product)
            known[device.id] = (0, PRODUCTS[product].state)
        for verb, number, value in script:
            await _played_step(house, verb, number, value)
        for report in await house.after(21):
            order, state = known[report.device_id]
            if report.order > order:
                known[report.device_id] = (report.order, state.merged(report.state))
        for device_id, (order, state) in known.items():
            await house.clock.finish(house.simulator.read(device_id))
            assert await house.after(0) == [Report(device_id, order + 1, state)]


async def test_different_seeds_live_differently() -> None:
    """The seed is what the simulation's chance hangs on."""
    url = "simulator://maple"
    assert await _lived(url, 1, seed=1) == await _lived(url, 1, seed=1)
    assert await _lived(url, 1, seed=1) != await _lived(url, 1, seed=2)
