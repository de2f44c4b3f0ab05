"""One simulated device: where it is, where it is going, and what it has said of it. No clock in it.

The rules of what a report speaks of live here. On the way it names what changed since the last
report; a settled one names all that changed or was asked since the last settled one, so that a
reader who trusts only settled reports, or lost some on the way, still ends up right.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from core.connectors.simulator.kinds import behaviour
from core.domain.devices import ATTRIBUTES, TABLE, Device, State
from core.domain.ports import Report

HAIR: Final = 1e-9
"""Seconds: a sum of steps may miss the end by the rounding of binary fractions."""


@dataclass(frozen=True, slots=True)
class Course:
    """A device on its way: since `began` (monotonic) and for so many seconds."""

    origin: State
    target: State
    began: float
    seconds: float

    def share(self, now: float) -> float:
        """How much of the time is over; 1 or more is all of it."""
        return (now - self.began + HAIR) / self.seconds


class Unit:
    """A device as the simulation knows it; `order` is that of its newest report.

    A `wordy` one says everything whenever it says something.
    """

    __slots__ = (
        "_owed",
        "_told",
        "_touched",
        "capabilities",
        "course",
        "how",
        "id",
        "order",
        "state",
        "wordy",
    )

    def __init__(self, device: Device, order: int) -> None:
        self.id = device.id
        self.capabilities = frozenset(device.capabilities)
        self.how = behaviour(device.kind, device.capabilities)
        self.order = order
        self.state = device.state
        self.course: Course | None = None
        self.wordy = False
        self._told = device.state
        self._touched: set[str] = set()
        self._owed = False

    def lacks(self, state: State) -> list[str]:
        """Names of the attributes in `state` that the device does not have."""
        return [name for name in state.values() if TABLE[name].capability not in self.capabilities]

    def ask(self, asked: State, now: float, random: Random) -> None:
        """Head for what is asked, from where the device is now; what it already does goes on."""
        self.look(now)
        base = self.course.target if self.course else self.state
        target = self.how.aim(base, asked, random)
        if target == base and self.course is None:
            return
        self._touched.update(asked.values())
        if target != base:
            self._head(target, now)

    def jump(self, changed: State, now: float, random: Random) -> None:
        """Be changed at once, by hand or by itself; whatever was under way ends where it is."""
        self.look(now)
        self.course = None
        self.state = self.how.aim(self.state, changed, random)

    def look(self, now: float) -> None:
        """Bring the state to `now`."""
        if self.course is None:
            return
        share = self.course.share(now)
        if share < 1:
            self.state = self.how.between(self.course.origin, self.course.target, share)
        else:
            self.state = self.course.target
            self.course = None

    def halt(self, now: float) -> None:
        """Stop where the device is."""
        self.look(now)
        self.course = None

    def pause(self, course: Course, now: float) -> float:
        """Seconds until a device on this course has something to say again."""
        left = course.began + course.seconds - now
        return max(0.0, left if self.how.step is None else min(left, self.how.step))

    def report(self, *, whole: bool = False, online: bool | None = None) -> Report | None:
        """What there is to say now; None if nothing. `whole` says everything.

        A whole report of a device on its way makes the settled one at the end whole, too.
        """
        changed = self._told.differences(self.state)
        self._touched.update(changed)
        settled = self.course is None
        self._owed = self._owed or whole
        names = frozenset(self._touched if settled else changed)
        if whole or (settled and self._owed) or (names and self.wordy):
            names = frozenset(ATTRIBUTES)
        if not names and online is None:
            return None
        self._told = self.state
        if settled:
            self._touched.clear()
            self._owed = False
        return self._numbered(self.state.only(names), settled=settled, online=online)

    def gone(self) -> Report:
        """That the device cannot be reached any more; says nothing of its state."""
        return self._numbered(State(), settled=True, online=False)

    def _head(self, target: State, now: float) -> None:
        seconds = self.how.seconds(self.state, target)
        if seconds > 0:
            self.course = Course(self.state, target, now, seconds)
        else:
            self.state, self.course = target, None

    def _numbered(self, state: State, *, settled: bool, online: bool | None) -> Report:
        self.order += 1
        return Report(self.id, self.order, state, settled, online)
