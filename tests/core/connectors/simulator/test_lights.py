"""Lights: switches, levels, colours, and who turns them on."""

import pytest
from hypothesis import given

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.lights import Dimmer, Lamp, mixed
from core.domain.devices import Color, State
from tests.core.connectors.simulator.moments import CHANCES, COLORS, LEVELS, SHARES, how, moment


def apart(one: Color, other: Color) -> float:
    """Degrees between two hues, the short way."""
    away = abs(one.hue - other.hue) % 360
    return min(away, 360 - away)


@given(LEVELS, LEVELS, SHARES, SHARES)
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


@given(COLORS, COLORS, SHARES)
def test_hues_go_the_short_way_round(begin: Color, end: Color, share: float) -> None:
    """No colour on the way is further from either end than they are from each other."""
    middle = mixed(begin, end, share)
    assert apart(begin, middle) + apart(middle, end) == pytest.approx(apart(begin, end), abs=0.2)
    least, most = sorted((begin.saturation, end.saturation))
    assert least - 0.1 <= middle.saturation <= most + 0.1


def test_red_to_pink_does_not_pass_green() -> None:
    """From 350 to 10 degrees is twenty degrees, over 0."""
    assert mixed(Color(350, 100), Color(10, 100), 0.5) == Color(0, 100)
    assert mixed(Color(10, 100), Color(350, 0), 0.75) == Color(355, 25)


def test_colours_and_whites_ramp() -> None:
    """A lamp of any colour takes its time for each of them, but not for its switch."""
    lamp = how("colour lamp")
    origin = State(on=False, brightness=50, color=Color(0, 0), color_temperature=2000)
    assert (
        lamp.seconds(
            origin, State(on=True, brightness=50, color=Color(0, 0), color_temperature=2000)
        )
        == 0
    )
    target = State(on=True, brightness=50, color=Color(120, 100), color_temperature=4000)
    assert lamp.seconds(origin, target) == 0.4
    half = State(on=True, brightness=50, color=Color(60, 50), color_temperature=3000)
    assert lamp.between(origin, target, 0.5) == half


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
    assert Dimmer().aim(state, asked, Chance(0)) == expected


@given(CHANCES)
def test_who_goes_turns_the_light_off(chance: Chance) -> None:
    """By day and by night nobody leaves it on."""
    for hour in (3, 12):
        assert Lamp().drift(State(on=True), 60, moment(hour), chance) == State(on=False)


def test_evenings_are_lit() -> None:
    """After dusk somebody soon wants light; the lamp of any colour in a colour of theirs."""
    chance = Chance(1)
    drifts = [how("colour lamp").drift(State(on=False), 60, moment(20), chance) for _ in range(50)]
    lit = [drift for drift in drifts if drift.on]
    assert len(lit) > 25
    assert all(drift.color and drift.brightness for drift in lit)
