"""One simulated device: where it is, where it is going, and what it has said of it. No clock in it.

The rules of what a report speaks of live here. On the way it names what changed since the last
report; a settled one names all that changed or was asked since the last settled one, so that a
reader who trusts only settled reports, or lost some on the way, still ends up right.
"""

from dataclasses import dataclass, replace
from typing import Final

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.kinds import behaviour
from core.connectors.simulator.meters import counted
from core.connectors.simulator.rhythm import Moment
from core.domain.devices import ATTRIBUTES, TABLE, Capability, Device, State
from core.domain.ports import Report

HAIR: Final = 1e-9
"""Seconds: a sum of steps may miss the end by the rounding of binary fractions."""


@dataclass(frozen=True, slots=True)
class Course:
    """A device on its way: since `began` (home time) and for so many seconds."""

    origin: State
    target: State
    began: float
    seconds: float

    def share(self, now: float) -> float:
        """How much of the time is over; 1 or more is all of it."""
        return (now - self.began + HAIR) / self.seconds


class Unit:
    """A device as the simulation knows it; `order` is that of its newest report.

    A `lively` one has a life of its own: it counts energy, may jam and may stir. A `wordy` one says
    everything whenever it says something.
    """

    __slots__ = (
        "_owed",
        "_seen",
        "_told",
        "_touched",
        "_unsaid",
        "capabilities",
        "course",
        "how",
        "id",
        "lively",
        "online",
        "order",
        "state",
        "wordy",
    )

    def __init__(
        self, device: Device, order: int, now: float = 0.0, *, lively: bool = True
    ) -> None:
        self.id = device.id
        self.lively = lively
        self.online = device.online
        self.capabilities = frozenset(device.capabilities)
        self.how = behaviour(device.kind, device.capabilities)
        self.order = order
        self.state = self._told = device.state
        if lively and device.state.energy is None and Capability.ENERGY in self.capabilities:
            self.state = replace(device.state, energy=0.0)  # stored before it could count
        self.course: Course | None = None
        self.wordy = False
        self._touched: frozenset[str] = frozenset()
        self._owed = False
        self._seen = now
        self._unsaid = 0.0

    def lacks(self, state: State) -> list[str]:
        """Names of the attributes in `state` that the device does not have."""
        return [name for name in state.values() if TABLE[name].capability not in self.capabilities]

    def ask(self, asked: State, now: float, chance: Chance) -> None:
        """Head for what is asked, from where the device is now; what it already does goes on.

        One that jams tries as long as the way would take, and stays as it is.
        """
        self.look(now)
        base = self.course.target if self.course else self.state
        target = self.how.aim(base, asked, chance)
        if target == base and self.course is None:
            return
        self._touched |= frozenset(asked.values())
        if target != base:
            seconds = self.how.seconds(self.state, target)
            stuck = self.lively and self.how.jams(self.state, target, chance)
            self._head(self.state if stuck else target, now, seconds)

    def stir(self, since: float, now: float, moment: Moment, chance: Chance) -> None:
        """Do what comes of itself `now`, of a wish that was there `since`."""
        self.look(now)
        drifted = self.how.drift(self.state, now - since, moment, chance)
        news = drifted.only(self.state.differences(drifted))
        if news != State():
            self.ask(news, now, chance)

    def jump(self, changed: State, now: float, chance: Chance) -> None:
        """Be changed at once, by hand; whatever was under way ends where it is."""
        self.look(now)
        self.course = None
        self.state = self.how.aim(self.state, changed, chance)
        if changed.energy is not None:
            self._unsaid = 0.0

    def look(self, now: float) -> None:
        """Bring the state to `now`."""
        before, seconds, self._seen = self.state, now - self._seen, now
        if self.course is not None:
            share = self.course.share(now)
            if share < 1:
                self.state = self.how.between(self.course.origin, self.course.target, share)
            else:
                self.state = self.course.target
                self.course = None
        if self.lively and before.energy is not None:
            energy, self._unsaid = counted(
                before.energy, self._unsaid, before.power or 0.0, seconds
            )
            self.state = replace(self.state, energy=energy)

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
        self._touched |= frozenset(changed)
        settled = self.course is None
        self._owed = self._owed or whole
        names = frozenset(self._touched if settled else changed)
        if whole or (settled and self._owed) or (names and self.wordy):
            names = frozenset(ATTRIBUTES)
        if not names and online is None:
            return None
        self._told = self.state
        if settled:
            self._touched = frozenset()
            self._owed = False
        return self._numbered(self.state.only(names), settled=settled, online=online)

    def gone(self) -> Report:
        """That the device cannot be reached any more; says nothing of its state."""
        return self._numbered(State(), settled=True, online=False)

    def _head(self, target: State, now: float, seconds: float) -> None:
        if seconds > 0:
            self.course = Course(self.state, target, now, seconds)
        else:
            self.state, self.course = target, None

    def _numbered(self, state: State, *, settled: bool, online: bool | None) -> Report:
        self.order += 1
        return Report(self.id, self.order, state, settled, online)
