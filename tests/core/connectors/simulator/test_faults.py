"""Wrong values that a faulty device settles on."""

from hypothesis import assume, given, strategies as st

from core.connectors.simulator.faults import wrong
from core.domain.devices import TABLE, Color, State, reached
from tests.core.connectors.simulator.house import state

COLORS = st.builds(Color, st.floats(0, 360), st.floats(0, 100))
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "on": st.booleans(),
        "locked": st.booleans(),
        "color": COLORS,
        "color_temperature": st.integers(1500, 9000),
        "brightness": st.integers(0, 100),
        "position": st.integers(0, 100),
        "fan_speed": st.integers(0, 100),
        "target_temperature": st.floats(5, 35),
    },
).map(state)


@given(ASKED)
def test_wrong_is_never_what_was_asked(asked: State) -> None:
    """Every asked attribute ends outside its tolerance, and inside its range."""
    assume(asked.values())
    ended = wrong(asked).values()
    assert ended.keys() == asked.values().keys()
    for name, value in asked.values().items():
        assert not reached(name, value, ended[name])
        assert type(ended[name]) is type(value)
        least, most = TABLE[name].least, TABLE[name].most
        if least is not None and most is not None:
            assert least <= ended[name] <= most


@given(COLORS)
def test_a_wrong_colour_is_a_colour(color: Color) -> None:
    """Saturation stays between 0 and 100 %."""
    ended = wrong(State(color=color)).color
    assert ended is not None
    assert 0 <= ended.saturation <= 100
