"""What has a motor: fans, blinds, garage doors and locks. Each takes its time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.connectors.simulator.behaviour import Behaviour, along, drained
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import DAWN, HOUR, Moment, Phase
from core.domain.devices import State

SPIN_SECONDS: Final = 2.0
BREEZE: Final = 60
"""The speed of a fan that is only told to turn on, in percent."""
SPEEDS: Final = (30, 60, 100)
AIRED: Final[Mapping[Phase, tuple[float, float]]] = {
    Phase.MORNING: (600.0, 2400.0),
    Phase.HOME: (900.0, 5400.0),
}
BLIND_SECONDS: Final = 20.0
GARAGE_SECONDS: Final = 12.0
SUNSET: Final = 20.0
PASSAGE: Final = 0.1
"""Hours around leaving and coming back in which the garage door is used."""
LOCK_SECONDS: Final = 1.0
JAM: Final = 0.01


class Fan(Behaviour):
    """A fan: off is speed 0, and no speed but 0 is off, unless it is asked for both."""

    step = 0.5

    def aim(self, state: State, asked: State, chance: Chance) -> State:
        """What is said of one of switch and speed decides the other."""
        target = super().aim(state, asked, chance)
        if asked.on is not None and asked.fan_speed is not None:
            return target
        if asked.fan_speed is not None:
            return replace(target, on=asked.fan_speed > 0)
        if asked.on is False:
            return replace(target, fan_speed=0)
        if asked.on and not target.fan_speed:
            return replace(target, fan_speed=BREEZE)
        return target

    def seconds(self, origin: State, target: State) -> float:
        """Two seconds from standstill to full speed."""
        return SPIN_SECONDS * abs((origin.fan_speed or 0) - (target.fan_speed or 0)) / 100

    def between(self, origin: State, target: State, share: float) -> State:
        """The switch is there at once, the blades are not."""
        return replace(target, fan_speed=round(along(origin.fan_speed, target.fan_speed, share)))

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Now and then while people are about."""
        del state
        return moment.pause(chance, AIRED)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Off when nobody is about; otherwise somebody wants some air, or has had enough."""
        del seconds
        if state.on or moment.phase in {Phase.ASLEEP, Phase.AWAY}:
            return State(on=False)
        return State(fan_speed=chance.pick(SPEEDS))


class Travel(Behaviour):
    """Something that moves between 0 (closed) and 100 (open), at an even pace.

    Asked for the position where it is, it has arrived: that is how it is stopped.
    """

    step = 1.0
    whole: float
    """Seconds from closed to open."""

    def seconds(self, origin: State, target: State) -> float:
        """As far as it is."""
        return self.whole * abs((origin.position or 0) - (target.position or 0)) / 100

    def between(self, origin: State, target: State, share: float) -> State:
        """Linear."""
        return replace(target, position=round(along(origin.position, target.position, share)))


class Blind(Travel):
    """A blind: up by day, down by night."""

    whole = BLIND_SECONDS

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """With the parts of the day, and with the light."""
        del state
        return min(moment.soon(chance), chance.uniform(0.5, 1.5) * HOUR)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Down while it is dark, or while people sleep."""
        del state, seconds, chance
        up = DAWN - 1 <= moment.hour < SUNSET and moment.phase is not Phase.ASLEEP
        return State(position=100 if up else 0)


class GarageDoor(Travel):
    """A garage door: open for a minute or two when people leave or come back."""

    whole = GARAGE_SECONDS

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Closed until the next part of the day; open only as long as a car needs."""
        if state.position:
            return chance.uniform(60, 120)
        return moment.day.left(moment.hour) + chance.uniform(10, 120)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Open where somebody passes, closed behind them."""
        del seconds, chance
        day, hour = moment.day, moment.hour
        passed = min(abs(hour - day.leave), abs(hour - day.back)) < PASSAGE
        opens = passed and not state.position and day.leave < day.back
        return State(position=100 if opens else 0)


class Bolt(Behaviour):
    """A lock: the bolt takes its time, may jam, and every tenth run or so costs 1 % of battery."""

    def aim(self, state: State, asked: State, chance: Chance) -> State:
        """The bolt where it was asked, the battery perhaps a little lower."""
        target = super().aim(state, asked, chance)
        if target.locked == state.locked or asked.battery is not None:
            return target
        return replace(target, battery=drained(state.battery, 0.1, chance))

    def seconds(self, origin: State, target: State) -> float:
        """The time that the motor needs."""
        return LOCK_SECONDS if origin.locked != target.locked else 0.0

    def jams(self, state: State, target: State, chance: Chance) -> bool:
        """One run in a hundred; the next one is free again."""
        return state.locked != target.locked and chance.happens(JAM)
