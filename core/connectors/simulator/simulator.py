"""The `simulator://` connector: devices on one scheduler, answering as real ones would.

    send, read → line (latency, faults) → unit (state, course) → line → outbox → reports

Everything random comes from one seeded source and everything happens on one task, so the same seed,
clock and calls give the same reports.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from random import Random

from core.connectors.simulator import plans
from core.connectors.simulator.faults import DeviceFault
from core.connectors.simulator.line import Line
from core.connectors.simulator.outbox import Outbox
from core.connectors.simulator.scheduler import Scheduler
from core.connectors.simulator.unit import Unit
from core.connectors.simulator.world import Seat, World
from core.domain.devices import Device, State, spoken
from core.domain.errors import Invalid, Missing
from core.domain.homes import Home
from core.domain.ports import Clock, Declined, Found, Offline, Report

Answer = asyncio.Future[None]
OUTAGE_SECONDS = 30.0


class Simulator:
    """A connector to simulated homes; see `core.domain.ports.Connector`.

    `latency` is in seconds, give or take half; a simulator that is not `lively` changes nothing by
    itself. Used from one loop; `reports` has one reader.
    """

    def __init__(
        self, clock: Clock, seed: int, *, latency: float = 0.02, lively: bool = True
    ) -> None:
        self._clock = clock
        self._random = Random(seed)  # noqa: S311 - a simulation must repeat; nothing here is secret
        self._latency = latency
        self._lively = lively
        self._answers: set[Answer] = set()
        self._outbox = Outbox()
        self._scheduler = Scheduler(clock, self._end)
        self._world = World(clock, self._random, self._scheduler, self._outbox)
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
        and how long an outage was to last is not stored, so it ends after `OUTAGE_SECONDS`.
        """
        before = self._world.seats.get(device.id)
        order = max(device.order, before.unit.order) if before else device.order
        line = Line(DeviceFault.NONE if device.online else DeviceFault.OFFLINE)
        lively = self._lively and not plans.steady(device.address)
        seat = Seat(Unit(device, order), line, lively)
        self._world.admit(seat)
        if not device.online:
            self._world.become(seat, DeviceFault.OFFLINE, OUTAGE_SECONDS)

    async def forget(self, device_id: str) -> None:
        """Let go of a device; requests on their way to it end as Offline."""
        self._world.seats.pop(device_id, None)
        self._outbox.drop(device_id)

    def reports(self) -> AsyncIterator[Report]:
        """What the devices say; how much may wait, and what then, is said at `Outbox`."""
        return self._outbox

    def latest(self, device_id: str) -> int:
        """The order of the device's newest report; 0 for one that is not adopted."""
        seat = self._world.seats.get(device_id)
        return seat.unit.order if seat else 0

    async def send(self, device_id: str, asked: State) -> None:
        """Ask for a state; returns when the device acknowledged, which may be before it is there.

        A device that is there already and not on its way reports nothing.

        Raises:
            Offline: the device cannot be reached, or is not adopted.
            Declined: the device refuses, or lacks what is asked.
        """
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

    def press(self, device_id: str, state: State) -> None:
        """Have somebody at home, or the weather, change the device at once, whatever its fault.

        Any attribute that the device has may change, measured ones too; a way that it was on ends.
        An offline device tells when it is back.

        Raises:
            Invalid: the device lacks an attribute that `state` names.
            Missing: the device is not adopted.
        """
        seat = self._seat(device_id)
        if lacking := seat.unit.lacks(state):
            field = f"state.{spoken(lacking[0])}"
            sentence = f"{field}: this device has none."
            raise Invalid(sentence, field)
        self._world.change(seat, state)

    def inject(self, device_id: str, fault: DeviceFault, seconds: float | None = None) -> None:
        """Let a fault begin in place of any other, and end after `seconds` (None: never).

        OFFLINE and its end are reported, the end with the whole state. NONE heals.

        Raises:
            Missing: the device is not adopted.
        """
        self._world.become(self._seat(device_id), fault, seconds)

    def _seat(self, device_id: str) -> Seat:
        seat = self._world.seats.get(device_id)
        if seat is None:
            sentence = f"The simulator has no device {device_id}."
            raise Missing(sentence)
        return seat

    async def _request(self, device_id: str, act: Callable[[Seat], None]) -> None:
        seat = self._world.seats.get(device_id)
        if seat is None or self._closed:
            raise _unreachable()
        now = self._clock.monotonic()
        arrival = seat.line.arrival(now, self._latency, self._random)
        answer: Answer = asyncio.get_running_loop().create_future()
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        self._scheduler.after(arrival - now, partial(self._arrive, seat, act, answer))
        await answer

    def _arrive(self, seat: Seat, act: Callable[[Seat], None], answer: Answer) -> None:
        refusal: Exception | None = None
        if seat.offline or not self._world.seated(seat):
            refusal = _unreachable()
        else:
            try:
                act(seat)
            except Declined as declined:
                refusal = declined
        _reply(answer, refusal)

    def _end(self, error: BaseException | None = None) -> None:
        self._closed = True
        self._outbox.close(error)
        for answer in tuple(self._answers):
            _reply(answer, error or _unreachable())


def _reply(answer: Answer, refusal: BaseException | None) -> None:
    if answer.done():
        return  # a caller who gave up has not stopped the device
    if refusal is None:
        answer.set_result(None)
    else:
        answer.set_exception(refusal)


def _unreachable() -> Offline:
    return Offline("The device does not answer.")
