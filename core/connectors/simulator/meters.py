"""What counts electricity: outlets, and the meter of a whole home. Energy is power over time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.connectors.simulator.behaviour import Behaviour
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment, Phase
from core.domain.devices import State

JOULES: Final = 3_600_000.0
"""In a kilowatt-hour."""
FUSE: Final = 3680.0
LEAST: Final = 35.0
"""Watts that a home draws when nothing in it seems to be on."""
LOADS: Final[Mapping[Phase, float]] = {
    Phase.ASLEEP: 160.0,
    Phase.MORNING: 1300.0,
    Phase.AWAY: 220.0,
    Phase.HOME: 650.0,
}
DINNER: Final = (18.0, 20.0)
COOKING: Final = 900.0
PULL: Final = 0.2
"""How much of the way to the usual load a home goes between two reports."""


def counted(energy: float, unsaid: float, power: float, seconds: float) -> tuple[float, float]:
    """Energy in kWh with 3 digits after so many more seconds, and what the digits leave unsaid.

    What a home feeds back is not counted: the meter never runs backwards.
    """
    whole = energy + unsaid + max(0.0, power) * seconds / JOULES
    said = round(whole, 3)
    return said, whole - said


class Outlet(Behaviour):
    """A socket with a meter; what is plugged in draws 4–120 W."""

    def aim(self, state: State, asked: State, chance: Chance) -> State:
        """Switching on starts a load, switching off ends it."""
        target = super().aim(state, asked, chance)
        if target.on == state.on or asked.power is not None:
            return target
        return replace(target, power=round(chance.uniform(4, 120), 1) if target.on else 0.0)

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """A load changes every ten to thirty seconds, no load never; calm ones tell more rarely."""
        drawing = state.on and state.power
        return moment.every(chance, (10, 30), (300, 900)) if drawing else None

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """The load moves by up to a twentieth."""
        del seconds, moment
        if not state.on or not state.power:
            return State()
        watts = round(state.power * chance.uniform(0.95, 1.05), 1)
        return State(power=min(max(0.1, watts), max(FUSE, state.power)))


class Meter(Behaviour):
    """The meter of a home: its base load wanders with the people's day."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Every five seconds or so; in a calm home every five minutes or so."""
        del state
        return moment.every(chance, (4.0, 6.0), (180.0, 420.0))

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Some of the way to what is usual now, give or take what a fridge does."""
        del seconds
        watts = state.power or 0.0
        usual = LOADS[moment.phase]
        if moment.phase is Phase.HOME and DINNER[0] <= moment.hour < DINNER[1]:
            usual += COOKING
        watts += (usual - watts) * PULL * chance.random() + usual * chance.uniform(-0.08, 0.08)
        return State(power=round(max(LEAST + chance.random(), watts), 1))
