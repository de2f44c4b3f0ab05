"""What may be asked of a sandbox, by example and by property."""

import pytest
from hypothesis import given, strategies as st

from core.domain.devices import Color, State
from core.domain.errors import Invalid
from core.domain.sandbox import DeviceFault, Pacing, Simulation


@pytest.mark.parametrize(
    "simulation",
    [
        Simulation("d", State(motion=True)),
        Simulation("d", State(temperature=-30.0, energy=99_999.0)),
        Simulation("d", online=False),
        Simulation("d", online=True),
        Simulation("d", online=True, fault=DeviceFault.SLOW),
        Simulation("d", online=True, fault=DeviceFault.NONE),
        Simulation("d", online=False, fault=DeviceFault.OFFLINE, fault_seconds=1),
        Simulation("d", State(color=Color(360, 100)), fault=DeviceFault.DUPLICATE),
    ],
)
def test_what_can_happen(simulation: Simulation) -> None:
    """Reports, reach and faults, alone and together."""
    simulation.check()


@pytest.mark.parametrize(
    ("simulation", "field"),
    [
        (Simulation("d"), "report"),
        (Simulation("d", State()), "report"),
        (Simulation("d", online=False, fault=DeviceFault.SLOW), "online"),
        (Simulation("d", online=False, fault=DeviceFault.NONE), "online"),
        (Simulation("d", online=True, fault=DeviceFault.OFFLINE), "online"),
        (Simulation("d", fault=DeviceFault.SLOW, fault_seconds=0), "faultSeconds"),
        (Simulation("d", State(brightness=101)), "report.brightness"),
        (Simulation("d", State(color=Color(361, 0))), "report.color.hue"),
        (Simulation("d", State(color=Color(0, -1))), "report.color.saturation"),
        (Simulation("d", State(power=float("nan"))), "report.power"),
        (Simulation("d", State(temperature=float("inf"))), "report.temperature"),
    ],
)
def test_what_cannot_happen(simulation: Simulation, field: str) -> None:
    """The sentence names the input that is wrong."""
    with pytest.raises(Invalid) as refused:
        simulation.check()
    assert refused.value.field == field


numbers = st.none() | st.floats()


@given(numbers, st.floats())
def test_a_pacing_is_in_range_or_refused(speed: float | None, step: float) -> None:
    """The speed is 0–100 and the step an hour at most; all else is refused."""
    if (speed is None or 0 <= speed <= 100) and 0 <= step <= 3_600:
        Pacing("h", speed, step).check()
    else:
        with pytest.raises(Invalid):
            Pacing("h", speed, step).check()
