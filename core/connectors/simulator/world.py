"""What happens at the devices, whoever caused it: commands, hands, time, faults.

Everything here is synchronous and runs on the scheduler or in a caller's turn of the same loop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from core.connectors.simulator.faults import DeviceFault, wrong
from core.connectors.simulator.line import HOLD_SECONDS, Line, Spell
from core.connectors.simulator.outbox import Outbox
from core.connectors.simulator.scheduler import Scheduler
from core.connectors.simulator.unit import Course, Unit
from core.domain.devices import TABLE, State, spoken
from core.domain.ports import Clock, Declined, Report


@dataclass(frozen=True, slots=True, eq=False)
class Whim:
    """A device's next change by itself: planned when, and due when (monotonic)."""

    since: float
    due: float


@dataclass(slots=True, eq=False)
class Seat:
    """One adopted device: the unit, the line to it, and whether it changes by itself."""

    unit: Unit
    line: Line
    lively: bool
    whim: Whim | None = None

    @property
    def offline(self) -> bool:
        """Whether the device cannot be reached."""
        return self.line.fault is DeviceFault.OFFLINE


class World:
    """The adopted devices by id, and how they change and speak."""

    def __init__(self, clock: Clock, random: Random, scheduler: Scheduler, outbox: Outbox) -> None:
        self._clock = clock
        self._random = random
        self._scheduler = scheduler
        self._outbox = outbox
        self.seats: dict[str, Seat] = {}

    def admit(self, seat: Seat) -> None:
        """Adopt a device, in place of how it was adopted before.

        Its life did not begin now, so its first change by itself may come at any moment of its
        usual pause; a house does not stir in unison after a start.
        """
        self.seats[seat.unit.id] = seat
        self._plan(seat, share=self._random.random())

    def seated(self, seat: Seat) -> bool:
        """Whether this is how the device is adopted now, not how it once was."""
        return self.seats.get(seat.unit.id) is seat

    def ask(self, seat: Seat, asked: State) -> None:
        """Let a command arrive.

        Raises:
            Declined: the device refuses, or lacks what is asked.
        """
        if seat.line.fault is DeviceFault.REFUSE:
            sentence = "The device refused: it takes no commands at the moment."
            raise Declined(sentence)
        strange = seat.unit.lacks(asked)
        strange += [name for name in asked.values() if not TABLE[name].writable]
        if strange:
            sentence = f"The device refused: it cannot be asked for {spoken(strange[0])}."
            raise Declined(sentence)
        meant = wrong(asked) if seat.line.fault is DeviceFault.WRONG_STATE else asked
        before = seat.unit.course
        seat.unit.ask(meant, self._clock.monotonic(), self._random)
        self._tell(seat)
        if seat.unit.course is not before:
            self._proceed(seat)
        self._plan(seat)

    def read(self, seat: Seat) -> None:
        """Have the device report everything, as it is now."""
        seat.unit.look(self._clock.monotonic())
        self._tell(seat, whole=True)

    def change(self, seat: Seat, changed: State) -> None:
        """Change the device at once; it tells unless it is offline."""
        seat.unit.jump(changed, self._clock.monotonic(), self._random)
        if not seat.offline:
            self._tell(seat)
        self._plan(seat)

    def become(self, seat: Seat, fault: DeviceFault, seconds: float | None) -> None:
        """Let a fault begin in place of any other, and end after `seconds` if any are given."""
        self._suffer(seat, fault)
        spell = seat.line.spell = Spell()
        if seconds is not None and fault is not DeviceFault.NONE:
            self._after(seconds, seat, partial(self._heal, spell=spell))

    def _proceed(self, seat: Seat) -> None:
        course = seat.unit.course
        if course is not None:
            pause = seat.unit.pause(course, self._clock.monotonic())
            self._after(pause, seat, partial(self._step, course=course))

    def _step(self, seat: Seat, course: Course) -> None:
        if seat.unit.course is not course:
            return  # another began, and has its own steps
        seat.unit.look(self._clock.monotonic())
        self._tell(seat)
        self._proceed(seat)

    def _plan(self, seat: Seat, share: float = 1.0) -> None:
        """Plan the next change by itself, if there is one before the planned one.

        `share` is how much of the device's usual pause is still to come.
        """
        pause = seat.unit.how.idle(seat.unit.state, self._random) if seat.lively else None
        if pause is None:
            return
        pause *= share
        now = self._clock.monotonic()
        if seat.whim is None or now + pause < seat.whim.due:
            seat.whim = Whim(now, now + pause)
            self._after(pause, seat, partial(self._stir, whim=seat.whim))

    def _stir(self, seat: Seat, whim: Whim) -> None:
        if seat.whim is not whim:
            return
        seat.whim = None
        if seat.unit.course is not None or seat.offline:
            self._plan(seat)
            return
        seconds = self._clock.monotonic() - whim.since
        self.change(seat, seat.unit.how.drift(seat.unit.state, seconds, self._random))

    def _suffer(self, seat: Seat, fault: DeviceFault) -> None:
        was_offline = seat.offline
        self._put(seat.line.release())
        seat.line.fault = fault
        # A report that overtakes the one before makes it void, so it must tell all.
        seat.unit.wordy = fault is DeviceFault.OUT_OF_ORDER
        if seat.offline and not was_offline:
            seat.unit.halt(self._clock.monotonic())
            self._put((seat.unit.gone(),))
        elif was_offline and not seat.offline:
            self._tell(seat, whole=True, online=True)

    def _heal(self, seat: Seat, spell: Spell) -> None:
        if seat.line.spell is spell:
            self._suffer(seat, DeviceFault.NONE)

    def _tell(self, seat: Seat, *, whole: bool = False, online: bool | None = None) -> None:
        report = seat.unit.report(whole=whole, online=online)
        if report is None:
            return
        self._put(seat.line.carry(report))
        if seat.line.held is report:
            self._after(HOLD_SECONDS, seat, partial(self._release, held=report))

    def _release(self, seat: Seat, held: Report) -> None:
        if seat.line.held is held:
            self._put(seat.line.release())

    def _put(self, reports: Sequence[Report]) -> None:
        for report in reports:
            self._outbox.put(report)

    def _after(self, seconds: float, seat: Seat, act: Callable[[Seat], None]) -> None:
        self._scheduler.after(seconds, partial(self._due, seat, act))

    def _due(self, seat: Seat, act: Callable[[Seat], None]) -> None:
        if self.seated(seat):
            act(seat)
