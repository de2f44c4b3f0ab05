"""What holds of every kind of device, whatever it is, without a clock."""

from hypothesis import given, strategies as st

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.kinds import KINDS, PLAIN, behaviour
from core.connectors.simulator.rhythm import Moment
from core.domain.devices import Capability, DeviceKind, State, reached
from tests.core.connectors.simulator.moments import (
    CHANCES,
    MOMENTS,
    PRODUCT,
    SHARES,
    how,
    moment,
    possible,
    states,
)


@given(st.data(), PRODUCT, CHANCES)
def test_aim_holds_all_that_is_asked(data: st.DataObject, product: str, chance: Chance) -> None:
    """Whatever a device is asked for is so at the end, and asking again changes nothing."""
    asked = data.draw(states(product, asked=True))
    target = how(product).aim(data.draw(states(product)), asked, chance)
    assert all(
        reached(name, value, getattr(target, name)) for name, value in asked.values().items()
    )
    assert how(product).aim(target, asked, chance) == target
    assert possible(target)


@given(st.data(), PRODUCT, CHANCES, SHARES)
def test_the_way_is_possible(
    data: st.DataObject, product: str, chance: Chance, share: float
) -> None:
    """Anywhere on its way a device has only values that exist, and all that it had."""
    origin = data.draw(states(product))
    target = how(product).aim(origin, data.draw(states(product, asked=True)), chance)
    between = how(product).between(origin, target, share)
    assert possible(between)
    assert between.values().keys() == origin.values().keys()
    seconds = how(product).seconds(origin, target)
    assert 0 <= seconds <= 20
    assert (seconds > 0) <= (origin != target)


@given(st.data(), PRODUCT, CHANCES, MOMENTS)
def test_a_device_that_drifts_stays_possible(
    data: st.DataObject, product: str, chance: Chance, now: Moment
) -> None:
    """Change by itself keeps every value in range, and never touches what it does not have."""
    state = data.draw(states(product))
    had = state.values().keys()
    for _ in range(20):
        pause = how(product).idle(state, now, chance)
        if pause is None:
            break
        assert pause >= 4
        drifted = how(product).drift(state, pause, now, chance)
        assert drifted.target_temperature is None
        state = how(product).aim(state, drifted, chance)
        assert possible(state)
        assert state.values().keys() == had
        assert state.power is None or state.power >= 0


@given(st.data(), PRODUCT, CHANCES, MOMENTS)
def test_batteries_only_drain(
    data: st.DataObject, product: str, chance: Chance, now: Moment
) -> None:
    """No life of its own fills a battery, or takes more than 1 % at a time."""
    state = data.draw(states(product))
    drifted = how(product).drift(state, 60, now, chance)
    if drifted.battery is not None:
        assert state.battery is not None
        assert state.battery - 1 <= drifted.battery <= state.battery


def test_every_kind_is_described() -> None:
    """Nothing that the graph knows is left without a behaviour."""
    assert set(KINDS) == set(DeviceKind)


def test_what_nobody_described_is_plain() -> None:
    """An odd device changes at once and never by itself."""
    odd = behaviour(DeviceKind.BLIND, (Capability.BATTERY,))
    assert odd is PLAIN
    chance = Chance(1)
    assert odd.aim(State(position=0), State(position=40), chance) == State(position=40)
    assert odd.seconds(State(), State()) == 0
    assert odd.between(State(on=True), State(), 0.5) == State(on=True)
    assert odd.idle(State(position=0), moment(12), chance) is None
    assert odd.drift(State(position=0), 9, moment(12), chance) == State()
    assert not odd.jams(State(), State(), chance)
