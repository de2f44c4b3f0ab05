"""How each kind behaves, without a clock."""

from random import Random

import pytest
from hypothesis import assume, given, strategies as st

from core.connectors.simulator.kinds import (
    DRIFT_SECONDS,
    NEAR,
    PLAIN,
    SURROUNDINGS,
    Dimmer,
    Thermostat,
    behaviour,
)
from core.connectors.simulator.products import PRODUCTS
from core.domain.devices import TABLE, Capability, Color, DeviceKind, State, reached
from tests.core.connectors.simulator.house import state as stated

SEEDS = st.integers(0, 2**32)
PRODUCT = st.sampled_from(sorted(PRODUCTS))
LEVELS = st.integers(0, 100)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "on": st.booleans(),
    "brightness": LEVELS,
    "locked": st.booleans(),
    "temperature": st.floats(-10, 45).map(lambda degrees: round(degrees, 1)),
    "target_temperature": st.floats(5, 35).map(lambda degrees: round(degrees, 1)),
    "motion": st.booleans(),
    "contact": st.booleans(),
    "battery": LEVELS,
    "power": st.floats(0, 3000).map(lambda watts: round(watts, 1)),
}


def states(product: str, *, asked: bool = False) -> st.SearchStrategy[State]:
    """States that a device of this product can be in, or be asked for."""
    owned = PRODUCTS[product].capabilities
    values = {
        name: VALUES[name]
        for name, attribute in TABLE.items()
        if attribute.capability in owned and (attribute.writable or not asked)
    }
    if asked:
        return st.fixed_dictionaries({}, optional=values).map(stated)
    return st.fixed_dictionaries(values).map(stated)


@given(st.data(), PRODUCT, SEEDS)
def test_aim_holds_all_that_is_asked(data: st.DataObject, product: str, seed: int) -> None:
    """Whatever a device is asked for is so at the end, and asking again changes nothing."""
    made = PRODUCTS[product]
    how = behaviour(made.kind, made.capabilities)
    asked = data.draw(states(product, asked=True))
    target = how.aim(data.draw(states(product)), asked, Random(seed))
    assert all(
        reached(name, value, getattr(target, name)) for name, value in asked.values().items()
    )
    assert how.aim(target, asked, Random(seed)) == target


@given(st.data(), PRODUCT, SEEDS)
def test_a_device_that_drifts_stays_possible(data: st.DataObject, product: str, seed: int) -> None:
    """Days of change by itself keep every value in range and never touch what a user set."""
    made = PRODUCTS[product]
    how, random = behaviour(made.kind, made.capabilities), Random(seed)
    state = data.draw(states(product))
    for _ in range(20):
        pause = how.idle(state, random)
        if pause is None:
            break
        assert pause >= 4
        drifted = how.drift(state, pause, random)
        assert drifted.target_temperature is None
        state = state.merged(drifted)
        battery = state.battery
        assert battery is None or 0 <= battery <= 100
        assert state.power is None or state.power >= 0


@given(LEVELS, LEVELS, st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_ramp_goes_one_way(begin: int, end: int, early: float, late: float) -> None:
    """Between two levels a lamp never turns back or leaves the range."""
    early, late = sorted((early, late))
    origin, target = State(on=True, brightness=begin), State(on=True, brightness=end)
    before = Dimmer().between(origin, target, early).brightness
    after = Dimmer().between(origin, target, late).brightness
    assert before is not None
    assert after is not None
    assert sorted((begin, before, after, end)) in (
        [begin, before, after, end],
        [end, after, before, begin],
    )


@given(st.floats(-10, 45), st.floats(5, 35), SEEDS)
def test_a_room_gets_nearer_to_its_goal(temperature: float, target: float, seed: int) -> None:
    """A room heats or cools by a tenth or more each time, never beyond its goal, and arrives."""
    how, random = Thermostat(), Random(seed)
    state = State(temperature=round(temperature, 1), target_temperature=round(target, 1))
    goal = max(round(target, 1), SURROUNDINGS)
    left = abs(goal - round(temperature, 1))
    for _ in range(1000):
        gap = abs(goal - (state.temperature or 0.0))
        pause = how.idle(state, random)
        assert pause is not None
        assert pause >= DRIFT_SECONDS
        state = state.merged(how.drift(state, pause, random))
        left = abs(goal - (state.temperature or 0.0))
        assert left < NEAR or left < gap - 0.09
    assert left < NEAR


@given(st.floats(15, 30), st.floats(15, 30), st.floats(5, 600), st.floats(5, 600))
def test_two_short_drifts_are_one_long(
    temperature: float, target: float, first: float, second: float
) -> None:
    """Warmth depends on how much time passed, not on how often somebody looked."""
    start = State(temperature=temperature, target_temperature=max(target, SURROUNDINGS))
    how = Thermostat()
    middle = start.merged(how.drift(start, first, Random(0)))
    assume(abs((middle.target_temperature or 0.0) - (middle.temperature or 0.0)) >= NEAR)
    twice = how.drift(middle, second, Random(0)).temperature
    once = how.drift(start, first + second, Random(0)).temperature
    assert twice == pytest.approx(once, abs=0.11)


@pytest.mark.parametrize(
    ("state", "asked", "expected"),
    [
        (State(on=False, brightness=40), State(on=True), State(on=True, brightness=40)),
        (State(on=False, brightness=0), State(on=True), State(on=True, brightness=100)),
        (State(on=False, brightness=40), State(brightness=70), State(on=True, brightness=70)),
        (State(on=True, brightness=40), State(brightness=0), State(on=False, brightness=0)),
        (
            State(on=True, brightness=40),
            State(on=False, brightness=9),
            State(on=False, brightness=9),
        ),
    ],
)
def test_a_dimmer_and_its_switch(state: State, asked: State, expected: State) -> None:
    """The level implies the switch where nothing is said of the switch."""
    assert Dimmer().aim(state, asked, Random(0)) == expected


def test_an_outlet_draws_power_only_when_on() -> None:
    """Switching an outlet starts and ends a load."""
    how = behaviour(DeviceKind.OUTLET, (Capability.ON_OFF, Capability.POWER))
    on = how.aim(State(on=False, power=0.0), State(on=True), Random(0))
    assert on.power
    assert how.aim(on, State(on=False), Random(0)) == State(on=False, power=0.0)
    assert how.idle(State(on=False, power=0.0), Random(0)) is None


def test_a_kind_without_a_behaviour_is_plain() -> None:
    """Kinds that nobody has described yet change at once and never by themselves."""
    how = behaviour(DeviceKind.BLIND, (Capability.POSITION,))
    assert how is PLAIN
    assert how.aim(State(position=0), State(position=40), Random(0)) == State(position=40)
    assert how.idle(State(position=0), Random(0)) is None
    assert how.drift(State(position=0), 9, Random(0)) == State()


def test_a_colour_changes_with_any_light() -> None:
    """What a behaviour says nothing of is merged."""
    red = Color(0, 100)
    how = behaviour(DeviceKind.LIGHT, (Capability.ON_OFF, Capability.BRIGHTNESS, Capability.COLOR))
    assert how.aim(State(on=True, brightness=5), State(color=red), Random(0)).color == red


def test_a_thermostat_that_measures_nothing_is_quiet() -> None:
    """Without a temperature there is nothing to drift."""
    state = State(target_temperature=20.0)
    assert Thermostat().idle(state, Random(0)) is None
    assert Thermostat().drift(state, 9, Random(0)) == State()
