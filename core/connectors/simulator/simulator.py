"""The `simulator://` connector: devices on one scheduler, answering as real ones would.

    send, read → line (latency, faults) → unit (state, course) → line → outbox → reports

Each device draws from a source of chance of its own, which hangs on the simulator's seed, its
home's id and its address; the days of a home's people hang on seed, home and date. So two homes of
one plan differ, devices do not disturb each other, and the same seed, ids, clock and calls give the
same reports.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial

from core import observe
from core.connectors.simulator import plans
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.dwelling import Dwelling, Seat
from core.connectors.simulator.gate import Gate
from core.connectors.simulator.line import Answer, Line, reply, unreachable
from core.connectors.simulator.outbox import Outbox
from core.connectors.simulator.scheduler import Scheduler
from core.connectors.simulator.unit import Unit
from core.connectors.simulator.world import World
from core.domain.devices import Device, State, spoken, within
from core.domain.errors import Invalid, LatchkeyError, Missing
from core.domain.homes import Home
from core.domain.ports import Clock, Declined, Found, Report
from core.domain.sandbox import (
    HURRY_SECONDS,
    LONGEST_SCRIPT,
    MOST_STEPS,
    DeviceFault,
    HomeTime,
    Pacing,
    Simulation,
)

log = observe.logger(__name__)

OUTAGE_SECONDS = 30.0


class Simulator:
    """A connector to simulated homes: `core.domain.ports.Connector`, and the `Sandbox` of them.

    `latency` is in seconds, give or take half; a simulator that is not `lively` changes nothing by
    itself. Used from one loop; `reports` has one reader.
    """

    def __init__(
        self, clock: Clock, seed: int, *, latency: float = 0.02, lively: bool = True
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._latency = latency
        self._lively = lively
        self._outbox = Outbox()
        self._scheduler = Scheduler(clock, self._end)
        self._world = World(self._scheduler, self._outbox)
        self._gate = Gate()
        self._closed = False

    async def discover(self, home: Home, url: str) -> Sequence[Found]:
        """The devices of the house that the URL names; the same URL finds the same ones.

        Raises:
            Invalid: the URL is malformed or names no plan.
        """
        del home
        return plans.found(url)

    async def adopt(self, device: Device) -> None:
        """Go on from what the device last reported; one stored offline is back after a while.

        Nothing is reported. What was on its way when an earlier process ended stays where it was,
        and how long an outage was to last is not stored, so it ends after `OUTAGE_SECONDS`. A
        home's time begins with its first device, as the world's.
        """
        before = self._world.seats.get(device.id)
        order = max(device.order, before.unit.order) if before else device.order
        dwelling = self._dwelling_of(device.home)
        lively = self._lively and not plans.steady(device.address)
        seat = Seat(
            Unit(device, order, self._scheduler.now(dwelling.timeline), lively=lively),
            Line(DeviceFault.NONE if device.online else DeviceFault.OFFLINE),
            dwelling,
            Chance.of(self._seed, device.home.id, device.address),
            calm=plans.calm(device.address),
        )
        self._world.admit(seat)
        if not device.online:
            self._world.become(seat, DeviceFault.OFFLINE, OUTAGE_SECONDS)

    async def forget(self, device_id: str) -> None:
        """Let go of a device; requests on their way to it end as Offline."""
        self._world.dismiss(device_id)

    def reports(self) -> AsyncIterator[Report]:
        """What the devices say; how much may wait, and what then, is said at `Outbox`."""
        return self._outbox

    def latest(self, device_id: str) -> int:
        """The order of the device's newest report; 0 for one that is not adopted."""
        seat = self._world.seats.get(device_id)
        return seat.unit.order if seat else 0

    async def send(self, device_id: str, asked: State, token: int) -> None:
        """Ask for a state; returns when the device acknowledged, which may be before it is there.

        A device that is there already and not on its way reports nothing.

        Raises:
            Offline: the device cannot be reached, or is not adopted.
            Declined: the device refuses, lacks what is asked, or was sent to by a later owner.
        """
        if seat := self._world.seats.get(device_id):
            self._gate.check(seat.dwelling.id, token)
        await self._request(device_id, partial(self._world.ask, asked=asked))

    async def read(self, device_id: str) -> None:
        """Have the device report everything; one on its way does so again when it has arrived.

        Raises:
            Offline: the device cannot be reached, or is not adopted.
        """
        await self._request(device_id, self._world.read)

    async def close(self) -> None:
        """End the task; requests on their way end as Offline, `reports` after what still waits."""
        self._end()
        await self._scheduler.close()

    def simulate(self, simulation: Simulation) -> int:
        """Let it happen at once; the order of the device's newest report after it.

        OFFLINE and its end are reported, the end with the whole state. A hand ends whatever is
        under way; an offline device tells when it is back.

        Raises:
            Invalid: the device lacks an attribute that the report names.
            Missing: the device is not adopted.
        """
        seat = self._world.seats.get(simulation.device_id)
        if seat is None:
            sentence = f"The simulator has no device {simulation.device_id}."
            raise Missing(sentence)
        if simulation.report and (lacking := seat.unit.lacks(simulation.report)):
            field = f"report.{spoken(lacking[0])}"
            sentence = f"{field}: this device has none."
            raise Invalid(sentence, field)
        if simulation.online is not None:
            self._world.cut(seat, off=not simulation.online)
        if simulation.fault is not None:
            self._world.become(seat, simulation.fault, simulation.fault_seconds)
        if simulation.report and simulation.report.values():
            self._world.change(seat, simulation.report)
        return seat.unit.order

    def pace(self, pacing: Pacing) -> HomeTime:
        """Let the home's time go on like this; what was stepped over happens right after.

        Raises:
            Missing: no device of the home is adopted.
        """
        dwelling = self._dwelling(pacing.home_id)
        self._scheduler.pace(dwelling.timeline, pacing.speed, pacing.step_seconds)
        if pacing.speed is not None:
            self._bound_hurry(dwelling, pacing.speed)
        return dwelling.time(self._clock.monotonic())

    def script(self, home_id: str, steps: Iterable[tuple[float, Simulation | Pacing]]) -> None:
        """Let things happen in a home, each so many seconds of its time from now.

        What cannot happen when its time has come (the device is gone, or lacks what is reported)
        is left out and logged. All of it ends with the home's last device.

        Raises:
            Invalid: a step can never happen, or there are too many.
            Missing: no device of the home is adopted.
        """
        dwelling, planned = self._dwelling(home_id), list(steps)
        if len(planned) > MOST_STEPS:
            sentence = f"The script has {len(planned)} steps; {MOST_STEPS} are the most."
            raise Invalid(sentence, "steps")
        for seconds, step in planned:
            within("seconds", seconds, 0, LONGEST_SCRIPT, "s")
            step.check()
        for seconds, step in planned:
            self._scheduler.after(dwelling.timeline, seconds, partial(self._play, home_id, step))

    def _bound_hurry(self, dwelling: Dwelling, speed: float) -> None:
        """See that nobody who has gone away leaves a home hurried."""
        timeline = dwelling.timeline
        timeline.cancel(dwelling.hurry)
        dwelling.hurry = None
        if speed > 1:
            usual = partial(self._scheduler.pace, timeline, 1.0, 0.0)
            dwelling.hurry = self._scheduler.after(timeline, HURRY_SECONDS * speed, usual)

    def _play(self, home_id: str, step: Simulation | Pacing) -> None:
        try:
            if isinstance(step, Pacing):
                self.pace(step)
            else:
                self.simulate(step)
        except LatchkeyError as error:
            log.warning("script_step_skipped", home=home_id, reason=str(error))

    def _dwelling(self, home_id: str) -> Dwelling:
        dwelling = self._world.dwellings.get(home_id)
        if dwelling is None:
            sentence = f"The simulator has no device in home {home_id}."
            raise Missing(sentence)
        return dwelling

    def _dwelling_of(self, home: Home) -> Dwelling:
        known = self._world.dwellings.get(home.id)
        return known or Dwelling(home, self._seed, self._clock.now(), self._clock.monotonic())

    async def _request(self, device_id: str, act: Callable[[Seat], None]) -> None:
        seat = self._world.seats.get(device_id)
        if seat is None or self._closed:
            raise unreachable()
        answer: Answer = asyncio.get_running_loop().create_future()
        seat.line.call(answer)
        now = self._world.now(seat)
        arrival = seat.line.arrival(now, self._latency, seat.chance)
        arrive = partial(self._arrive, seat, act, answer)
        self._scheduler.after(seat.dwelling.timeline, arrival - now, arrive)
        await answer

    def _arrive(self, seat: Seat, act: Callable[[Seat], None], answer: Answer) -> None:
        seat.line.coming -= 1
        refusal: Exception | None = None
        if seat.offline or not self._world.seated(seat):
            refusal = unreachable()
        else:
            try:
                act(seat)
            except Declined as declined:
                refusal = declined
        reply(answer, refusal)

    def _end(self, error: BaseException | None = None) -> None:
        self._closed = True
        self._outbox.close(error)
        for seat in self._world.seats.values():
            seat.line.hang_up(error)
