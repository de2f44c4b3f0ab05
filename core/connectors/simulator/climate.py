"""Warmth and damp: rooms with a heater, and sensors that only watch."""

import math
from typing import Final

from core.connectors.simulator.behaviour import Behaviour, drained
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment, Phase
from core.domain.devices import State

HEATING_SECONDS: Final = 300.0
COOLING_SECONDS: Final = 900.0
"""After these times all but a third (1/e) of the difference is gone."""
DEGREES: Final = 0.1
"""The step in which temperatures are reported, in °C."""
NEAR: Final = 0.25
"""°C from the goal within which a heater only wobbles around it."""
DRIFT_SECONDS: Final = 5.0
CALM_SECONDS: Final = 300.0
"""No thermostat reports by itself more often; nor one of a calm home."""
COMFORT: Final = 45.0
"""Percent of humidity that a room comes back to."""
BATHING: Final = 15.0
"""Percent more in the bustle of the morning."""


def unheated(moment: Moment) -> float:
    """°C of a room without a heater: walls keep most of the weather out."""
    return 16.0 + 0.4 * (moment.outdoor - 10.0)


class Thermostat(Behaviour):
    """A room with a heater: quickly up to the target, slowly down to it or to the unheated room."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """The time that 0.1 °C takes from here; near the goal, the time to the next wobble."""
        gap = _gap(state, moment)
        if gap is None:
            return None
        if abs(gap) < NEAR:
            return moment.every(chance, (20, 60), (600, 1800))
        seconds = _inertia(gap) * math.log(abs(gap) / (abs(gap) - DEGREES))
        return max(CALM_SECONDS if moment.calm else DRIFT_SECONDS, seconds)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Newton's law of cooling towards the goal, rounded to 0.1 °C."""
        gap = _gap(state, moment)
        if gap is None or state.temperature is None:
            return State()
        if abs(gap) < NEAR:
            left = chance.pick((-DEGREES, 0.0, DEGREES))
        else:
            left = gap * math.exp(-seconds / _inertia(gap))
        temperature = round(state.temperature + gap - left, 1)
        return State(temperature=temperature, humidity=damp(state.humidity, moment, chance))


class Climate(Behaviour):
    """A sensor of warmth and damp in a room that somebody keeps habitable."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Every minute or so; in a calm home some times an hour."""
        del state
        return moment.every(chance, (30, 90), (600, 1200))

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """A little nearer to what is usual, and a little off it."""
        share = 1 - math.exp(-seconds / HEATING_SECONDS / 10)
        usual = max(unheated(moment), 18.0 if moment.phase is Phase.ASLEEP else 20.0)
        warm = state.temperature if state.temperature is not None else usual
        return State(
            temperature=round(warm + (usual - warm) * share + chance.uniform(-0.15, 0.15), 1),
            humidity=damp(state.humidity, moment, chance),
            battery=drained(state.battery, 0.001, chance),
        )


def damp(humidity: float | None, moment: Moment, chance: Chance) -> float | None:
    """Percent of humidity a moment later; None where it is not measured."""
    if humidity is None:
        return None
    usual = COMFORT + (BATHING if moment.phase is Phase.MORNING else 0.0)
    moved = humidity + (usual - humidity) * 0.05 + chance.uniform(-0.4, 0.4)
    return round(min(max(moved, 0.0), 100.0), 1)


def _gap(state: State, moment: Moment) -> float | None:
    if state.temperature is None or state.target_temperature is None:
        return None
    return max(state.target_temperature, unheated(moment)) - state.temperature


def _inertia(gap: float) -> float:
    return HEATING_SECONDS if gap > 0 else COOLING_SECONDS
