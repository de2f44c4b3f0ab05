"""How each kind of device behaves: one small pure class each, and the table that picks one."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from core.connectors.simulator.behaviour import Behaviour
from core.domain.devices import Capability, DeviceKind, State

RAMP_SECONDS: Final = 0.4
LOCK_SECONDS: Final = 1.0
SURROUNDINGS: Final = 16.0
"""°C that an unheated room falls to."""
HEATING_SECONDS: Final = 300.0
COOLING_SECONDS: Final = 900.0
"""After these times all but a third (1/e) of the difference is gone."""
DEGREES: Final = 0.1
"""The step in which temperatures are reported, in °C."""
NEAR: Final = 0.25
"""°C from the goal within which a heater only wobbles around it."""
DRIFT_SECONDS: Final = 5.0
"""No thermostat reports by itself more often."""


class Lamp(Behaviour):
    """A light; now and then somebody at home switches it."""

    def idle(self, state: State, random: Random) -> float | None:
        """Half a minute or so; longer while it is dark."""
        return random.uniform(10, 40) if state.on else random.uniform(15, 60)

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """Somebody pressed the switch."""
        del seconds, random
        return State(on=not state.on)


class Dimmer(Lamp):
    """A light whose brightness is the level that it has, or would have when on."""

    step = 0.1

    def aim(self, state: State, asked: State, random: Random) -> State:
        """A level without a word on the switch turns it on, 0 off; on at level 0 means full."""
        target = super().aim(state, asked, random)
        if asked.brightness is not None:
            on = asked.on if asked.on is not None else asked.brightness > 0
            return replace(target, on=on)
        if asked.on and target.brightness == 0:
            return replace(target, brightness=100)
        return target

    def seconds(self, origin: State, target: State) -> float:
        """The switch works at once, the level ramps."""
        return RAMP_SECONDS if origin.brightness != target.brightness else 0.0

    def between(self, origin: State, target: State, share: float) -> State:
        """Linear in the level; everything else is there already."""
        begin, end = origin.brightness or 0, target.brightness or 0
        return replace(target, brightness=round(begin + (end - begin) * share))


class Outlet(Behaviour):
    """A socket with a meter; what is plugged in draws 4–120 W."""

    def aim(self, state: State, asked: State, random: Random) -> State:
        """Switching on starts a load, switching off ends it."""
        target = super().aim(state, asked, random)
        if target.on == state.on or asked.power is not None:
            return target
        return replace(target, power=round(random.uniform(4, 120), 1) if target.on else 0.0)

    def idle(self, state: State, random: Random) -> float | None:
        """A load changes every ten to thirty seconds; no load never does."""
        return random.uniform(10, 30) if state.on and state.power else None

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """The load moves by up to a twentieth."""
        del seconds
        if not state.on or not state.power:
            return State()
        return State(power=max(0.1, round(state.power * random.uniform(0.95, 1.05), 1)))


class Bolt(Behaviour):
    """A lock: the bolt takes its time, and every tenth run or so costs 1 % of the battery."""

    def aim(self, state: State, asked: State, random: Random) -> State:
        """The bolt where it was asked, the battery perhaps a little lower."""
        target = super().aim(state, asked, random)
        if target.locked == state.locked or asked.battery is not None:
            return target
        return replace(target, battery=_drained(state.battery, 0.1, random))

    def seconds(self, origin: State, target: State) -> float:
        """The time that the motor needs."""
        return LOCK_SECONDS if origin.locked != target.locked else 0.0


class Thermostat(Behaviour):
    """A room with a heater: quickly up to the target, slowly down to it or the surroundings."""

    def idle(self, state: State, random: Random) -> float | None:
        """The time that 0.1 °C takes from here; near the goal, the time to the next wobble."""
        gap = _gap(state)
        if gap is None:
            return None
        if abs(gap) < NEAR:
            return random.uniform(20, 60)
        seconds = _inertia(gap) * math.log(abs(gap) / (abs(gap) - DEGREES))
        return max(DRIFT_SECONDS, seconds)

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """Newton's law of cooling towards the goal, rounded to 0.1 °C."""
        gap = _gap(state)
        if gap is None or state.temperature is None:
            return State()
        if abs(gap) < NEAR:
            left = random.choice((-DEGREES, 0, DEGREES))
        else:
            left = gap * math.exp(-seconds / _inertia(gap))
        return State(temperature=round(state.temperature + gap - left, 1))


class Motion(Behaviour):
    """A motion sensor: quiet for a while, then somebody walks by."""

    def idle(self, state: State, random: Random) -> float | None:
        """4–12 s of motion, 8–40 s of none."""
        return random.uniform(4, 12) if state.motion else random.uniform(8, 40)

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """Motion begins or ends."""
        del seconds
        return State(motion=not state.motion, battery=_drained(state.battery, 0.01, random))


class Contact(Behaviour):
    """A contact sensor on a door or window; true is closed."""

    def idle(self, state: State, random: Random) -> float | None:
        """Closed for 20–90 s, open for 5–20 s."""
        return random.uniform(20, 90) if state.contact else random.uniform(5, 20)

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """The door or window is opened or closed."""
        del seconds
        return State(contact=not state.contact, battery=_drained(state.battery, 0.01, random))


PLAIN: Final = Behaviour()
KINDS: Final[Mapping[DeviceKind, Mapping[Capability, Behaviour]]] = {
    DeviceKind.LIGHT: {Capability.BRIGHTNESS: Dimmer(), Capability.ON_OFF: Lamp()},
    DeviceKind.OUTLET: {Capability.POWER: Outlet()},
    DeviceKind.LOCK: {Capability.LOCK: Bolt()},
    DeviceKind.THERMOSTAT: {Capability.TARGET_TEMPERATURE: Thermostat()},
    DeviceKind.SENSOR: {Capability.MOTION: Motion(), Capability.CONTACT: Contact()},
}
"""By kind, then by the first capability that the device has; all else is PLAIN."""


def behaviour(kind: DeviceKind, capabilities: Iterable[Capability]) -> Behaviour:
    """How a device of this kind with these capabilities behaves."""
    owned = frozenset(capabilities)
    return next((how for need, how in KINDS.get(kind, {}).items() if need in owned), PLAIN)


def _gap(state: State) -> float | None:
    if state.temperature is None or state.target_temperature is None:
        return None
    return max(state.target_temperature, SURROUNDINGS) - state.temperature


def _inertia(gap: float) -> float:
    return HEATING_SECONDS if gap > 0 else COOLING_SECONDS


def _drained(battery: int | None, chance: float, random: Random) -> int | None:
    if battery is None or random.random() >= chance:
        return battery
    return max(1, battery - 1)
