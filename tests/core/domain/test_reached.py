"""When a reported value counts as the one that was asked for."""

import math

import pytest
from hypothesis import assume, given, strategies as st

from core.domain.devices import Color, reached
from tests.core.domain.records import VALUES

HUES = st.floats(0, 360)


@pytest.mark.parametrize(
    ("name", "asked", "reported", "yes"),
    [
        ("on", True, True, True),
        ("on", True, False, False),
        ("on", True, None, False),
        ("locked", False, True, False),
        ("brightness", 50, 51, True),
        ("brightness", 50, 52, False),
        ("position", 100, 99, True),
        ("fan_speed", 0, 2, False),
        ("color_temperature", 2700, 2775, True),
        ("color_temperature", 2700, 2776, False),
        ("target_temperature", 21.0, 21.1, True),
        ("target_temperature", 21.0, 20.9, True),
        ("target_temperature", 21.0, 21.11, False),
        ("target_temperature", math.nan, math.nan, False),
    ],
)
def test_a_tolerance_is_that_of_the_attribute(
    name: str, asked: object, reported: object, yes: object
) -> None:
    """One percent of the range or one step, a tenth of a degree, and no tolerance for switches."""
    assert reached(name, asked, reported) is yes


@pytest.mark.parametrize(
    ("asked", "reported", "yes"),
    [
        (Color(359.5, 80), Color(0.5, 80), True),
        (Color(0.5, 80), Color(359.5, 80), True),
        (Color(359.5, 80), Color(0.6, 80), False),
        (Color(0, 80), Color(360, 80), True),
        (Color(90, 80), Color(91, 81), True),
        (Color(90, 80), Color(91.1, 80), False),
        (Color(90, 80), Color(90, 81.1), False),
        (Color(90, 80), Color(270, 80), False),
        (Color(90, 0), Color(270, 1), True),
        (Color(90, 1), Color(270, 0), True),
        (Color(90, 0), Color(90, 2), False),
        (Color(90, 80), None, False),
    ],
)
def test_colours_lie_on_a_circle(asked: Color, reported: Color | None, yes: object) -> None:
    """Hue goes round, saturation does not, and white has no hue."""
    assert reached("color", asked, reported) is yes


@given(st.sampled_from(sorted(VALUES)), st.data())
def test_what_was_asked_is_what_was_asked(name: str, data: st.DataObject) -> None:
    """A device that reports exactly the value has reached it."""
    value = data.draw(VALUES[name])
    assert reached(name, value, value)


@given(st.sampled_from(sorted(set(VALUES) - {"color"})), st.data())
def test_near_is_near_from_both_sides(name: str, data: st.DataObject) -> None:
    """Except for colours, it does not matter which of two values was asked for."""
    one, other = data.draw(VALUES[name]), data.draw(VALUES[name])
    assert reached(name, one, other) == reached(name, other, one)


@given(HUES, st.floats(1.1, 100), st.floats(-180, 180))
def test_a_hue_is_reached_within_one_degree(hue: float, saturation: float, turn: float) -> None:
    """Wherever on the circle it lies, and whichever way round the lamp went."""
    assume(abs(abs(turn) - 1) > 1e-6)
    reported = Color((hue + turn) % 360, saturation)
    assert reached("color", Color(hue, saturation), reported) == (abs(turn) < 1)


@given(HUES, HUES, st.floats(0, 1), st.floats(0, 1))
def test_white_is_white(hue: float, other: float, asked: float, reported: float) -> None:
    """Lamps report any hue for white."""
    assert reached("color", Color(hue, asked), Color(other, reported))
