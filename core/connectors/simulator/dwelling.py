"""A home as the simulation runs it: its time, its people's days, and its devices."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.line import Line
from core.connectors.simulator.rhythm import Day, Moment, day_of
from core.connectors.simulator.timeline import Due, Timeline
from core.connectors.simulator.unit import Unit
from core.domain.homes import Home
from core.domain.sandbox import DeviceFault, HomeTime

BEAT: Final = 2.0
"""Seconds of the wall clock to which calm devices keep. All homes have the same beats, so reports
come together and are stored together, at a fraction of what each would cost alone."""


class Dwelling:
    """A home that has at least one adopted device; `began` is the world's time at its start."""

    __slots__ = ("_day", "_on", "_seed", "_zone", "began", "hurry", "id", "seats", "timeline")

    def __init__(self, home: Home, seed: int, began: datetime, world: float) -> None:
        self.id = home.id
        self.began = began
        self.timeline = Timeline(world)
        self.hurry: Due | None = None
        self.seats: set[str] = set()
        self._seed = seed
        self._zone = _zone(home.time_zone)
        self._on: object = None
        self._day: Day = Day(0.0, 0.0, 0.0, 24.0)

    def moment(self, at: float, *, calm: bool) -> Moment:
        """What it is like there at this second of the home."""
        local = (self.began + timedelta(seconds=at)).astimezone(self._zone)
        if local.date() != self._on:
            self._on = local.date()
            self._day = day_of(self._seed, self.id, local.date())
        return Moment(local, self._day, calm)

    def beat(self, at: float) -> float:
        """The first beat at this second of the home or after it."""
        off = self.began.timestamp() % BEAT
        return max(at, math.ceil((at + off) / BEAT) * BEAT - off)

    def time(self, world: float) -> HomeTime:
        """What the home's clocks show, and how fast they go."""
        now = self.began + timedelta(seconds=self.timeline.told(world))
        return HomeTime(now, self.timeline.speed)


@dataclass(slots=True, eq=False)
class Seat:
    """One adopted device: the unit, the line to it, its chance, and what is due of it.

    `step` is the next report on its way, `whim` its next change
    by itself (planned at `since`), `cure` the end of its fault, `release` that of a held report.
    """

    unit: Unit
    line: Line
    dwelling: Dwelling
    chance: Chance
    calm: bool
    since: float = 0.0
    step: Due | None = None
    whim: Due | None = None
    cure: Due | None = None
    release: Due | None = None

    @property
    def offline(self) -> bool:
        """Whether the device cannot be reached."""
        return self.line.cut or self.line.fault is DeviceFault.OFFLINE

    def leave(self) -> None:
        """Let nothing more be due of it, and nobody wait for it."""
        for due in (self.step, self.whim, self.cure, self.release):
            self.dwelling.timeline.cancel(due)
        self.line.hang_up()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC  # a zone that this machine does not know must not cost the home its devices
