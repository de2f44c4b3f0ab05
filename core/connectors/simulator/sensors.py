"""Sensors that see people: motion in rooms, contacts on doors and windows."""

from collections.abc import Mapping
from typing import Final

from core.connectors.simulator.behaviour import Behaviour, drained
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment, Phase
from core.domain.devices import State

Spans = Mapping[Phase, tuple[float, float]]
PASSED: Final[Spans] = {
    Phase.ASLEEP: (3600.0, 10800.0),
    Phase.MORNING: (30.0, 150.0),
    Phase.HOME: (40.0, 240.0),
}
OPENED: Final[Spans] = {Phase.MORNING: (120.0, 600.0), Phase.HOME: (300.0, 1500.0)}
STIRRED: Final = 0.4
"""The share of their wakings in which people who sleep get up."""


class Motion(Behaviour):
    """A motion sensor: quiet for a while, then somebody walks by."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Some seconds of motion; how long none is, the day says."""
        if state.motion:
            return moment.every(chance, (4, 15), (30, 90))
        return moment.pause(chance, PASSED)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Motion begins or ends; where nobody is, it only ends."""
        del seconds
        if not state.motion and not _about(moment, chance):
            return State()
        return State(motion=not state.motion, battery=drained(state.battery, 0.002, chance))


class Contact(Behaviour):
    """A contact sensor on a door or window; true is closed."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Closed for minutes, open for seconds; in a calm home for longer."""
        if state.contact:
            return moment.pause(chance, OPENED)
        return moment.every(chance, (5, 60), (60, 600))

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """The door or window is opened or closed; nobody opens it from afar or asleep."""
        del seconds
        if state.contact and moment.phase in {Phase.ASLEEP, Phase.AWAY}:
            return State()
        return State(contact=not state.contact, battery=drained(state.battery, 0.002, chance))


def _about(moment: Moment, chance: Chance) -> bool:
    if moment.phase is Phase.ASLEEP:
        return chance.happens(STIRRED)
    return moment.phase is not Phase.AWAY
