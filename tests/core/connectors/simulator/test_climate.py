"""Warmth and damp."""

import pytest
from hypothesis import assume, given, strategies as st

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.climate import (
    CALM_SECONDS,
    DRIFT_SECONDS,
    NEAR,
    Climate,
    Thermostat,
    unheated,
)
from core.connectors.simulator.rhythm import Moment
from core.domain.devices import State
from tests.core.connectors.simulator.moments import CHANCES, MOMENTS, moment

NOW = moment(12)


@given(st.floats(-10, 45), st.floats(5, 35), CHANCES, MOMENTS)
def test_a_room_gets_nearer_to_its_goal(
    temperature: float, target: float, chance: Chance, now: Moment
) -> None:
    """A room heats or cools by a tenth or more each time, never beyond its goal, and arrives."""
    how = Thermostat()
    state = State(temperature=round(temperature, 1), target_temperature=round(target, 1))
    goal = max(round(target, 1), unheated(now))
    left = abs(goal - round(temperature, 1))
    for _ in range(1000):
        gap = abs(goal - (state.temperature or 0.0))
        pause = how.idle(state, now, chance)
        assert pause is not None
        assert pause >= (CALM_SECONDS if now.calm else DRIFT_SECONDS)
        state = state.merged(how.drift(state, pause, now, chance))
        left = abs(goal - (state.temperature or 0.0))
        assert left < NEAR + 0.1 or left < gap - 0.04
    assert left < NEAR + 0.1


@given(st.floats(15, 30), st.floats(18, 30), st.floats(5, 600), st.floats(5, 600))
def test_two_short_drifts_are_one_long(
    temperature: float, target: float, first: float, second: float
) -> None:
    """Warmth depends on how much time passed, not on how often somebody looked."""
    start = State(temperature=temperature, target_temperature=target)
    how = Thermostat()
    assume(abs(target - temperature) >= NEAR)
    middle = start.merged(how.drift(start, first, NOW, Chance(0)))
    assume(abs((middle.target_temperature or 0.0) - (middle.temperature or 0.0)) >= NEAR)
    twice = how.drift(middle, second, NOW, Chance(0)).temperature
    once = how.drift(start, first + second, NOW, Chance(0)).temperature
    assert twice == pytest.approx(once, abs=0.16)


def test_summers_are_warmer_than_winters() -> None:
    """A room without heating follows the season and the hour."""
    assert unheated(moment(5, month=1)) < 14 < unheated(moment(15, month=1)) + 4
    assert unheated(moment(15, month=7)) > 20


def test_a_thermostat_that_measures_nothing_is_quiet() -> None:
    """Without a temperature there is nothing to drift."""
    state = State(target_temperature=20.0)
    assert Thermostat().idle(state, NOW, Chance(0)) is None
    assert Thermostat().drift(state, 9, NOW, Chance(0)) == State()


@given(CHANCES, MOMENTS, st.floats(0, 100), st.floats(-10, 45))
def test_a_watched_room_stays_habitable(
    chance: Chance, now: Moment, humidity: float, temperature: float
) -> None:
    """Days later it is about as warm and damp as rooms are, and it got there gently."""
    state = State(temperature=temperature, humidity=humidity, battery=50)
    for _ in range(500):
        before = state
        state = state.merged(Climate().drift(state, 900, now, chance))
        assert 0 <= (state.humidity or 0) <= 100
        assert abs((state.humidity or 0) - (before.humidity or 0)) < 5
    assert 16 <= (state.temperature or 0) <= 26
    assert 35 <= (state.humidity or 0) <= 70
