"""The lanes: the devices that are run here, each with its commands in order, and their reports.

One command of a device is sent at a time. A report confirms a command only if it was made after
that was sent. Whatever is done is done under the fence of the lane: no device is touched once the
lease is not ours, and what the store refuses for it ends the lease here too.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from core import observe
from core.domain.commands import Command, CommandErrorCode, CommandStatus
from core.domain.devices import Device
from core.domain.errors import LatchkeyError, Unavailable
from core.domain.events import Entry, Event, EventType
from core.domain.ports import Clock, Connector, Declined, Offline, Report
from core.domain.shards import Fence, Fenced
from core.runner.keeper import Keeper
from core.services import Services

log = observe.logger(__name__)

IN_FLIGHT = 1_000
PAUSE_SECONDS = 1.0
READ_AFTER = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds after the acknowledgement, and between reads, at which a device is asked how it is."""


@dataclass(slots=True)
class Lane:
    """One device: who reaches it, what waits to be sent, and what was sent after which report."""

    home_id: str
    device_id: str
    connector: Connector
    fence: Fence
    waiting: deque[Command] = field(default_factory=deque)
    sent: dict[str, int] = field(default_factory=dict)
    sending: asyncio.Task[None] | None = None


class Lanes:
    """Every lane of this process."""

    def __init__(self, services: Services, keeper: Keeper, clock: Clock) -> None:
        """No devices yet."""
        self._services = services
        self._keeper = keeper
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._homes: defaultdict[str, set[str]] = defaultdict(set)
        self._known: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def open(self, home_id: str, connector: Connector, device: Device, fence: Fence) -> None:
        """Run a device, if it is not run already.

        Raises:
            Fenced: it is not ours to run any more.
        """
        if leaving := self._leaving.get(home_id):  # how it was run here before
            await asyncio.wait({leaving})
        self._keeper.check(fence)
        if device.id not in self._lanes:
            self._lanes[device.id] = Lane(home_id, device.id, connector, fence)
            self._homes[home_id].add(device.id)
            await connector.adopt(device)

    def close(self, home_id: str) -> None:
        """Stop at once whatever is done at the devices of a home, and let go of them."""
        ours = [self._lanes[device_id] for device_id in self._homes.pop(home_id, ())]
        for lane in ours:
            self._drop(lane)
        if ours:
            leaving = self._start(_forget(ours))
            self._leaving[home_id] = leaving
            leaving.add_done_callback(lambda _: self._leaving.pop(home_id, None))

    def told(self, entry: Entry) -> None:
        """An event of a home that is run here: a new command, one that ended, a device gone."""
        if not isinstance(entry, Event) or entry.device is None:
            return
        lane = self._lanes.get(entry.device.id)
        if entry.type is EventType.COMMAND_UPDATED and entry.command is not None and lane:
            if entry.command.open:
                self.enqueue(entry.command)
            else:
                lane.sent.pop(entry.command.id, None)
        elif entry.type is EventType.DEVICE_REMOVED and lane:
            self._homes[lane.home_id].discard(lane.device_id)
            self._drop(lane)
            self._start(_forget([lane]))

    def enqueue(self, command: Command) -> None:
        """Send a command, if nobody has begun to."""
        lane = self._lanes.get(command.device_id)
        if lane is None or command.status is not CommandStatus.ACCEPTED:
            return
        # A poll may have read what has been sent meanwhile.
        if command.id not in self._known and command.id not in lane.sent:
            self._put(lane, command)

    def resume(self, command: Command) -> None:
        """Go on with a command that another owner began, or another life of this one."""
        lane = self._lanes.get(command.device_id)
        if lane is not None and command.id not in self._known and command.id not in lane.sent:
            self._put(lane, command)

    async def listen(self, connector: Connector) -> None:
        """Store what the devices say, for ever."""
        async for report in connector.reports():
            if lane := self._lanes.get(report.device_id):
                await self._room.acquire()
                sent = frozenset(key for key, mark in lane.sent.items() if report.order > mark)
                self._start(self._store(lane, report, sent))

    async def end(self) -> None:
        """End what is under way."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _drop(self, lane: Lane) -> None:
        del self._lanes[lane.device_id]
        self._known.difference_update(command.id for command in lane.waiting)
        lane.waiting.clear()
        lane.sent.clear()
        if lane.sending is not None:
            lane.sending.cancel()

    def _put(self, lane: Lane, command: Command) -> None:
        self._known.add(command.id)
        lane.waiting.append(command)
        if lane.sending is None:
            lane.sending = self._start(self._send_all(lane))

    async def _send_all(self, lane: Lane) -> None:
        try:
            while lane.waiting:
                command = lane.waiting.popleft()
                try:
                    await self._send(lane, command)
                except Fenced:
                    self._keeper.lose(lane.fence)  # its new owner finds the command
                    return
                except LatchkeyError as error:
                    # The deadline ends it, whatever we could not write of it.
                    log.warning("command_not_sent", command=command.id, reason=str(error))
                finally:
                    self._known.discard(command.id)
        finally:
            lane.sending = None

    async def _send(self, lane: Lane, command: Command) -> None:
        if command.status is CommandStatus.ACCEPTED:
            command = await self._services.commands.dispatch(command, lane.fence)
        if not command.open:
            return
        lane.sent[command.id] = lane.connector.latest(lane.device_id)
        if command.status is CommandStatus.DISPATCHED:
            command = await self._hand_over(lane, command)
        if command.open:
            self._start(self._ask(lane, command))
        else:
            lane.sent.pop(command.id, None)

    async def _hand_over(self, lane: Lane, command: Command) -> Command:
        left = (command.deadline - self._clock.now()).total_seconds()
        commands, fence = self._services.commands, lane.fence
        self._keeper.check(fence)
        try:
            async with asyncio.timeout(max(left, 0)):
                await lane.connector.send(lane.device_id, command.asks, fence.token)
        except Offline as error:
            code = CommandErrorCode.DEVICE_OFFLINE
            return await commands.reject(command, code, str(error), fence)
        except Declined as error:
            code = CommandErrorCode.DEVICE_REJECTED
            return await commands.reject(command, code, str(error), fence)
        except TimeoutError:
            return command
        return await commands.acknowledge(command, fence)

    async def _ask(self, lane: Lane, command: Command) -> None:
        """Have the device read until the command has ended, in case that it reports nothing."""
        for seconds in READ_AFTER:
            if seconds:
                await self._clock.sleep(seconds)
            if command.id not in lane.sent or self._clock.now() >= command.deadline:
                return
            await self._read(lane)

    async def _read(self, lane: Lane) -> None:
        if not self._keeper.holds(lane.fence):
            return
        try:
            await lane.connector.read(lane.device_id)
        except Offline:
            log.info("device_unread", device=lane.device_id)

    async def _store(self, lane: Lane, report: Report, sent: frozenset[str]) -> None:
        """Store a report; one that came too late or got lost is made good by reading the device."""
        try:
            heard = await self._services.reports.take(lane.home_id, report, sent, lane.fence)
            if heard.late:
                self._read_apart(lane)
        except Fenced:
            self._keeper.lose(lane.fence)  # its new owner hears the device
        except Unavailable:
            log.warning("report_not_stored", device=lane.device_id)
            await self._clock.sleep(PAUSE_SECONDS)
            self._read_apart(lane)
        finally:
            self._room.release()

    def _read_apart(self, lane: Lane) -> None:
        """Have a device read by a task of its own: it may take long to answer, or be held."""
        self._start(self._read(lane))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("runner_task_failed", exc_info=error)


async def _forget(lanes: list[Lane]) -> None:
    for lane in lanes:
        await lane.connector.forget(lane.device_id)
