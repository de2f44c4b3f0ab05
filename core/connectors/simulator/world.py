"""What happens at the devices, whoever caused it: commands, hands, time, faults.

Everything here is synchronous and runs on the scheduler or in a caller's turn of the same loop. All
times are those of the device's home.
"""

from collections.abc import Callable, Sequence
from functools import partial

from core.connectors.simulator.dwelling import Dwelling, Seat
from core.connectors.simulator.faults import wrong
from core.connectors.simulator.line import HOLD_SECONDS
from core.connectors.simulator.outbox import Outbox
from core.connectors.simulator.rhythm import Moment
from core.connectors.simulator.scheduler import Scheduler
from core.connectors.simulator.timeline import Due
from core.connectors.simulator.unit import Course
from core.domain.devices import TABLE, State, spoken
from core.domain.ports import Declined, Report
from core.domain.sandbox import DeviceFault


class World:
    """The adopted devices and their homes by id, and how devices change and speak.

    A dwelling begins with its first device and ends with its last.
    """

    def __init__(self, scheduler: Scheduler, outbox: Outbox) -> None:
        self._scheduler = scheduler
        self._outbox = outbox
        self.seats: dict[str, Seat] = {}
        self.dwellings: dict[str, Dwelling] = {}

    def admit(self, seat: Seat) -> None:
        """Adopt a device, in place of how it was adopted before.

        Its life did not begin now, so its first change by itself may come at any moment of its
        usual pause; a house does not stir in unison after a start.
        """
        if before := self.seats.get(seat.unit.id):
            before.leave()
        self.seats[seat.unit.id] = seat
        seat.dwelling.seats.add(seat.unit.id)
        self.dwellings[seat.dwelling.id] = seat.dwelling
        self._plan(seat, share=seat.chance.random() if seat.unit.lively else 1.0)

    def dismiss(self, device_id: str) -> None:
        """Let go of a device, and of its home with the last of its devices."""
        seat = self.seats.pop(device_id, None)
        if seat is None:
            return
        seat.leave()
        self._outbox.drop(device_id)
        seat.dwelling.seats.discard(device_id)
        if not seat.dwelling.seats:
            del self.dwellings[seat.dwelling.id]
            self._scheduler.drop(seat.dwelling.timeline)

    def seated(self, seat: Seat) -> bool:
        """Whether this is how the device is adopted now, not how it once was."""
        return self.seats.get(seat.unit.id) is seat

    def now(self, seat: Seat) -> float:
        """How far the device's home has got."""
        return self._scheduler.now(seat.dwelling.timeline)

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
        seat.unit.ask(meant, self.now(seat), seat.chance)
        self._follow(seat, before)

    def read(self, seat: Seat) -> None:
        """Have the device report everything, as it is now."""
        seat.unit.look(self.now(seat))
        self._tell(seat, whole=True)

    def change(self, seat: Seat, changed: State) -> None:
        """Change the device at once, by hand; it tells unless it is offline."""
        before = seat.unit.course
        seat.unit.jump(changed, self.now(seat), seat.chance)
        self._follow(seat, before)

    def become(self, seat: Seat, fault: DeviceFault, seconds: float | None) -> None:
        """Let a fault begin in place of any other, and end after `seconds` if any are given."""
        self._suffer(seat, fault)
        seat.dwelling.timeline.cancel(seat.cure)
        seat.cure = None
        if seconds is not None and fault is not DeviceFault.NONE:
            heal = partial(self._suffer, seat, DeviceFault.NONE)
            seat.cure = self._after(seat, seconds, heal)

    def _follow(self, seat: Seat, before: Course | None) -> None:
        """Tell what became of the device, and go along with the course that it took since."""
        if not seat.offline:
            self._tell(seat)
        if seat.unit.course is not before:
            self._proceed(seat)
        self._plan(seat)

    def _proceed(self, seat: Seat) -> None:
        seat.dwelling.timeline.cancel(seat.step)
        seat.step = None
        if seat.unit.course is not None:
            pause = seat.unit.pause(seat.unit.course, self.now(seat))
            seat.step = self._after(seat, pause, partial(self._step, seat))

    def _step(self, seat: Seat) -> None:
        seat.unit.look(self.now(seat))
        self._tell(seat)
        self._proceed(seat)

    def _plan(self, seat: Seat, share: float = 1.0) -> None:
        """Plan the next change by itself, if there is one before the planned one.

        `share` is how much of the device's usual pause is still to come.
        """
        if not seat.unit.lively:
            return
        now = self.now(seat)
        pause = seat.unit.how.idle(seat.unit.state, self._moment(seat, now), seat.chance)
        if pause is None:
            return
        at = now + pause * share
        at = seat.dwelling.beat(at) if seat.calm else at
        if seat.whim is None or at < seat.whim.at:
            seat.dwelling.timeline.cancel(seat.whim)
            seat.since = now
            seat.whim = self._after(seat, at - now, partial(self._stir, seat))

    def _stir(self, seat: Seat) -> None:
        seat.whim = None
        now = self.now(seat)
        before = seat.unit.course
        if before is None and not seat.offline:
            seat.unit.stir(seat.since, now, self._moment(seat, now), seat.chance)
        self._follow(seat, before)

    def cut(self, seat: Seat, *, off: bool) -> None:
        """Cut a device off, or put it back; back, it is not out of reach by a fault either."""
        seat.line.cut = off
        if not off and seat.line.fault is DeviceFault.OFFLINE:
            self.become(seat, DeviceFault.NONE, None)
        else:
            self._reach(seat)

    def _suffer(self, seat: Seat, fault: DeviceFault) -> None:
        self._release(seat)
        seat.line.fault = fault
        # A report that overtakes the one before makes it void, so it must tell all.
        seat.unit.wordy = fault is DeviceFault.OUT_OF_ORDER
        self._reach(seat)

    def _reach(self, seat: Seat) -> None:
        """Tell where a device has come into reach or gone out of it."""
        if seat.offline is not seat.unit.online:
            return
        seat.unit.online = not seat.offline
        if seat.offline:
            seat.unit.halt(self.now(seat))
            self._proceed(seat)
            self._put((seat.unit.gone(),))
        else:
            seat.unit.look(self.now(seat))
            self._tell(seat, whole=True, online=True)

    def _tell(self, seat: Seat, *, whole: bool = False, online: bool | None = None) -> None:
        report = seat.unit.report(whole=whole, online=online)
        if report is None:
            return
        self._put(seat.line.carry(report))
        if seat.line.held is report:
            seat.release = self._after(seat, HOLD_SECONDS, partial(self._release, seat))
        else:
            seat.dwelling.timeline.cancel(seat.release)

    def _release(self, seat: Seat) -> None:
        seat.dwelling.timeline.cancel(seat.release)
        self._put(seat.line.release())

    def _put(self, reports: Sequence[Report]) -> None:
        for report in reports:
            self._outbox.put(report)

    def _moment(self, seat: Seat, now: float) -> Moment:
        return seat.dwelling.moment(now, calm=seat.calm)

    def _after(self, seat: Seat, seconds: float, act: Callable[[], None]) -> Due:
        return self._scheduler.after(seat.dwelling.timeline, seconds, act)
