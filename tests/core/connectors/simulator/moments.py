"""Moments, states and sources of chance for tests of behaviours."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from core.connectors.simulator.behaviour import Behaviour
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.kinds import behaviour
from core.connectors.simulator.products import PRODUCTS
from core.connectors.simulator.rhythm import Day, Moment
from core.domain.devices import TABLE, Color, State
from tests.core.connectors.simulator.house import state as stated

DAY = Day(wake=7.0, leave=8.5, back=17.0, bed=22.5)
SEEDS = st.integers(0, 2**64 - 1)
CHANCES = st.builds(Chance, SEEDS)
PRODUCT = st.sampled_from(sorted(PRODUCTS))
LEVELS = st.integers(0, 100)
SHARES = st.floats(0, 1, exclude_max=True)
COLORS = st.builds(Color, st.floats(0, 360), st.floats(0, 100))
DEGREES = st.floats(-10, 45).map(lambda degrees: round(degrees, 1))
VALUES: dict[str, st.SearchStrategy[object]] = {
    "on": st.booleans(),
    "brightness": LEVELS,
    "color": COLORS,
    "color_temperature": st.integers(1500, 9000),
    "position": LEVELS,
    "fan_speed": LEVELS,
    "locked": st.booleans(),
    "temperature": DEGREES,
    "target_temperature": st.floats(5, 35).map(lambda degrees: round(degrees, 1)),
    "humidity": st.floats(0, 100),
    "motion": st.booleans(),
    "contact": st.booleans(),
    "battery": LEVELS,
    "power": st.floats(0, 3000).map(lambda watts: round(watts, 1)),
    "energy": st.floats(0, 90_000).map(lambda hours: round(hours, 3)),
}


def moment(hour: float, *, month: int = 3, calm: bool = False) -> Moment:
    """A Wednesday of people who are out from 8:30 to 17:00, at this hour."""
    local = datetime(2026, month, 18, tzinfo=UTC) + timedelta(hours=hour)
    return Moment(local, DAY, calm)


MOMENTS = st.builds(moment, st.floats(0, 23.99), month=st.integers(1, 12), calm=st.booleans())


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


def how(product: str) -> Behaviour:
    """How a device of this product behaves."""
    made = PRODUCTS[product]
    return behaviour(made.kind, made.capabilities)


def possible(state: State) -> bool:
    """Whether every value is in the range that the graph promises."""
    for name, value in state.values().items():
        least, most = TABLE[name].least, TABLE[name].most
        if least is not None and most is not None and not least <= value <= most:
            return False
    color = state.color
    return color is None or (0 <= color.hue <= 360 and 0 <= color.saturation <= 100)
