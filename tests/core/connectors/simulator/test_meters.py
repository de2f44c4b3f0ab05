"""Power and energy."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.meters import Meter, counted
from core.connectors.simulator.unit import Unit
from core.domain.devices import State
from tests.core.connectors.simulator.house import House, found
from tests.core.connectors.simulator.moments import CHANCES, how, moment
from tests.fakes import stored

STRETCHES = st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 3600)), max_size=50)


@given(st.floats(0, 90_000).map(lambda hours: round(hours, 3)), STRETCHES)
def test_energy_is_power_over_time(start: float, stretches: list[tuple[float, float]]) -> None:
    """It never falls, has three digits, and no stretch is too short or weak to count."""
    said, unsaid = [start], 0.0
    for power, seconds in stretches:
        energy, unsaid = counted(said[-1], unsaid, power, seconds)
        said.append(energy)
    assert all(before <= after == round(after, 3) for before, after in pairwise(said))
    whole = sum(power * seconds for power, seconds in stretches) / 3_600_000
    assert said[-1] - start == pytest.approx(whole, abs=0.0006)


@given(CHANCES, st.floats(0, 24, exclude_max=True))
def test_a_home_wanders_around_its_usual_load(chance: Chance, hour: float) -> None:
    """From any load, an hour later it draws what homes draw, and never nothing."""
    state = State(power=9_000.0)
    for _ in range(200):
        state = Meter().drift(state, 5, moment(hour), chance)
        assert (state.power or 0) >= 35
    assert (state.power or 0) < 3_000


def test_a_home_draws_more_in_the_morning_than_at_night() -> None:
    """The load follows the people."""

    def usual(hour: float) -> float:
        chance, watts, state = Chance(1), [], State(power=300.0)
        for _ in range(500):
            state = Meter().drift(state, 5, moment(hour), chance)
            watts.append(state.power or 0.0)
        return sum(watts) / len(watts)

    assert usual(3) < usual(12) < usual(21) < usual(7.5)


def test_an_outlet_draws_power_only_when_on() -> None:
    """Switching an outlet starts and ends a load."""
    outlet, chance = how("outlet"), Chance(0)
    on = outlet.aim(State(on=False, power=0.0), State(on=True), chance)
    assert on.power
    assert outlet.aim(on, State(on=False), chance) == State(on=False, power=0.0)
    assert outlet.idle(State(on=False, power=0.0), moment(12), chance) is None
    assert outlet.drift(State(on=False, power=0.0), 9, moment(12), chance) == State()


def test_an_outlet_counts_what_flows() -> None:
    """A kilowatt for an hour is a kilowatt-hour, in whatever pieces one looks; off is nothing."""
    unit, chance = Unit(stored(found("outlet")), 0), Chance(0)
    unit.jump(State(power=1000.0, energy=5.0), 0, chance)
    for second in range(0, 3601, 7):
        unit.look(second)
    unit.ask(State(on=False), 3600, chance)
    assert unit.state.energy == 6.0
    unit.look(9999)
    assert unit.state.energy == 6.0


def test_a_meter_that_was_stored_without_energy_begins_at_nothing() -> None:
    """An outlet that was adopted before outlets could count says so with its first report."""
    device = stored(found("outlet"))
    unit = Unit(replace(device, state=replace(device.state, energy=None)), 0)
    report = unit.report()
    assert report is not None
    assert report.state == State(energy=0.0)


async def test_a_still_outlet_counts_nothing() -> None:
    """Reading it twice tells the same."""
    async with House() as house:
        outlet = await house.add("outlet")
        await house.read(outlet)
        (first,) = await house.after(3600)
        await house.read(outlet)
        (second,) = await house.after(0)
    assert first.state == second.state
