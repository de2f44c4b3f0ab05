"""The day of a home: when its people sleep, bustle, are out and are in; and what the weather does.

Pure. A day hangs on the seed, the home and the date alone, so each device of a home sees the same
people without asking any other.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final

from core.connectors.simulator.chance import Chance

SATURDAY: Final = 5
BUSTLE_HOURS: Final = 2.0
HOUR: Final = 3600.0
DUSK: Final = 17.0
DAWN: Final = 8.0
CALM: Final = 10.0
"""How much more rarely people touch things in a calm home."""
SETTLING: Final = (5.0, 600.0)
"""Seconds within which a device notices that a new part of the day has begun."""


class Phase(Enum):
    """What the people of a home are doing."""

    ASLEEP = "ASLEEP"
    MORNING = "MORNING"
    AWAY = "AWAY"
    HOME = "HOME"


@dataclass(frozen=True, slots=True)
class Day:
    """Hours of one local day, in this order; who does not go out leaves and is back at once."""

    wake: float
    leave: float
    back: float
    bed: float

    @property
    def bustle(self) -> float:
        """The hour at which the morning is over."""
        return min(self.wake + BUSTLE_HOURS, self.leave)

    def phase(self, hour: float) -> Phase:
        """What the people are doing at this hour."""
        if not self.wake <= hour < self.bed:
            return Phase.ASLEEP
        if hour < self.bustle:
            return Phase.MORNING
        return Phase.AWAY if self.leave <= hour < self.back else Phase.HOME

    def left(self, hour: float) -> float:
        """Seconds until the phase ends, or the day."""
        ends = (self.wake, self.bustle, self.leave, self.back, self.bed, 24.0)
        return (min((end for end in ends if end > hour), default=24.0) - hour) * HOUR


def day_of(seed: int, home_id: str, on: date) -> Day:
    """The day of this home on this date."""
    chance = Chance.of(seed, home_id, on)
    if on.weekday() < SATURDAY:
        wake = chance.uniform(6.0, 7.5)
        leave = wake + chance.uniform(1.0, 1.75)
        return Day(wake, leave, chance.uniform(16.0, 18.5), chance.uniform(22.0, 23.5))
    wake = chance.uniform(7.5, 9.5)
    leave = chance.uniform(11.5, 13.0)
    hours = chance.uniform(1.0, 4.0) if chance.happens(0.5) else 0.0
    return Day(wake, leave, leave + hours, chance.uniform(22.5, 23.9))


def outdoor(local: datetime) -> float:
    """°C outside: coldest in mid-January and before dawn, warmest in July afternoons."""
    season = -math.cos((local.timetuple().tm_yday - 15) / 365.25 * math.tau)
    daytime = -math.cos((hour_of(local) - 4.0) / 24.0 * math.tau)
    return 10.0 + 9.5 * season + 4.0 * daytime


def hour_of(local: datetime) -> float:
    """The hour of the day, with its fraction."""
    return local.hour + local.minute / 60 + (local.second + local.microsecond / 1e6) / HOUR


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens in a home, by its own clocks; in a calm home less happens."""

    local: datetime
    day: Day
    calm: bool = False

    @property
    def hour(self) -> float:
        """The hour of the day."""
        return hour_of(self.local)

    @property
    def phase(self) -> Phase:
        """What the people are doing."""
        return self.day.phase(self.hour)

    @property
    def dark(self) -> bool:
        """Whether one needs light."""
        return not DAWN <= self.hour < DUSK

    @property
    def outdoor(self) -> float:
        """°C outside."""
        return outdoor(self.local)

    def soon(self, chance: Chance) -> float:
        """Seconds until a little after the next part of the day has begun."""
        return self.day.left(self.hour) + chance.uniform(*SETTLING)

    def pause(self, chance: Chance, usual: Mapping[Phase, tuple[float, float]]) -> float:
        """Seconds until people next touch what they usually touch that often; later is `soon`."""
        span = usual.get(self.phase)
        soon = self.soon(chance)
        if span is None:
            return soon
        return min(chance.uniform(*span) * (CALM if self.calm else 1.0), soon)

    def every(
        self, chance: Chance, lively: tuple[float, float], calm: tuple[float, float]
    ) -> float:
        """Seconds until a device next measures."""
        return chance.uniform(*(calm if self.calm else lively))
