"""The runner: owns the connectors of this process and turns command rows into sends.

Command rows are the queue: the feed tells of new ones, a poll finds the rest. A device has a lane,
where one is sent at a time. A report confirms a command only if it was made after that was sent.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core import observe
from core.domain.commands import Command, CommandErrorCode, CommandStatus
from core.domain.devices import Device
from core.domain.errors import LatchkeyError, Missing, Unavailable
from core.domain.events import Entry, Event, EventType
from core.domain.homes import Home
from core.domain.ports import Clock, Connector, Declined, Offline, Report
from core.domain.sandbox import Pacing, Sandbox, Simulation
from core.feed import Feed
from core.runner.stage import Stage
from core.services import Services
from core.store.backlog import Backlog

log = observe.logger(__name__)

POLL_SECONDS = 0.25
HOMES_SECONDS = 1.0
IN_FLIGHT = 1_000
READ_AFTER = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds after the acknowledgement, and between reads, at which a device is asked how it is."""


@dataclass(slots=True)
class Lane:
    """One device: who reaches it, what waits to be sent, and what was sent after which report."""

    home_id: str
    device_id: str
    connector: Connector
    waiting: deque[Command] = field(default_factory=deque)
    sent: dict[str, int] = field(default_factory=dict)
    sending: asyncio.Task[None] | None = None


class Runner:
    """Owns every device whose home names one of its connectors. `run` is its one task."""

    def __init__(
        self,
        services: Services,
        backlog: Backlog,
        feed: Feed,
        clock: Clock,
        connectors: Mapping[str, Connector],
    ) -> None:
        """`connectors` by the scheme of the home's connector URL."""
        self._services = services
        self._backlog = backlog
        self._feed = feed
        self._clock = clock
        self._connectors = connectors
        self._homes: set[str] = set()
        self._adopting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sandboxes: dict[str, Sandbox] = {}
        self._stage = Stage(services.simulations, backlog, clock, self._sandboxes)
        self._lanes: dict[str, Lane] = {}
        self._known: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(IN_FLIGHT)

    async def run(self) -> None:
        """Run the devices until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._find_homes())
                group.create_task(self._find_commands())
                group.create_task(self._stage.run())
                for connector in self._connectors.values():
                    group.create_task(self._listen(connector))
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for home_id in tuple(self._homes):
                self._unfollow(home_id)
            for connector in self._connectors.values():
                await connector.close()

    async def adopt(self, home: Home, url: str) -> list[Device]:
        """Take charge of a home's devices: add what is found, run what is known, finish commands.

        Raises:
            Unavailable: the database does not answer.
            Invalid: the connector cannot read its URL.
        """
        connector = self._connectors[url.partition("://")[0]]
        found = await connector.discover(home, url)
        async with self._adopting[home.id]:
            new = await self._follow(home.id)
            try:
                await self._services.devices.reconcile(home, found)
                devices = await self._backlog.devices_of(home.id)
            except BaseException:
                if new:  # an earlier adoption that stands goes on being told
                    self._unfollow(home.id)
                raise
        for device in devices:
            await self._take(connector, device)
        if isinstance(connector, Sandbox):
            self._sandboxes[home.id] = connector
        for command in await self._backlog.open_commands(home.id):
            self._resume(command)
        return devices

    def script(self, home_id: str, steps: Iterable[tuple[float, Simulation | Pacing]]) -> None:
        """Let things happen in a simulated home that is run here; see `Sandbox.script`.

        Raises as that does, and Missing where the home is not simulated here.
        """
        if home_id not in self._sandboxes:
            sentence = f"The home {home_id} is not simulated by this process."
            raise Missing(sentence)
        self._sandboxes[home_id].script(home_id, steps)

    async def _follow(self, home_id: str) -> bool:
        if home_id in self._homes:
            return False
        self._homes.add(home_id)  # at once, so that it is not found and adopted a second time
        try:
            await self._feed.follow(home_id, self._told)
        except BaseException:
            self._homes.discard(home_id)
            raise
        return True

    def _unfollow(self, home_id: str) -> None:
        if home_id in self._homes:
            self._homes.discard(home_id)
            self._feed.drop(home_id, self._told)

    async def _find_homes(self) -> None:
        while True:
            try:
                for scheme in self._connectors:
                    for home, url in await self._backlog.connected(scheme):
                        await self._find_home(home, url)
            except Unavailable:
                log.warning("homes_unreadable")
            await self._clock.sleep(HOMES_SECONDS)

    async def _find_home(self, home: Home, url: str) -> None:
        """Adopt a home; one that cannot be adopted costs the others nothing."""
        if home.id in self._homes:
            return
        try:
            await self.adopt(home, url)
        except LatchkeyError as error:
            log.warning("home_not_adopted", home=home.id, reason=str(error))

    async def _find_commands(self) -> None:
        while True:
            try:
                for command in await self._backlog.unsent_commands():
                    self._enqueue(command)
            except Unavailable:
                log.warning("commands_unreadable")
            await self._clock.sleep(POLL_SECONDS)

    async def _take(self, connector: Connector, device: Device) -> None:
        if device.id not in self._lanes:
            self._lanes[device.id] = Lane(device.home.id, device.id, connector)
            await connector.adopt(device)

    def _told(self, entry: Entry) -> None:
        """An event of an owned home: a new command, one that ended, a device come or gone."""
        if not isinstance(entry, Event) or entry.device is None:
            return
        lane = self._lanes.get(entry.device.id)
        if entry.type is EventType.COMMAND_UPDATED and entry.command is not None and lane:
            if entry.command.open:
                self._enqueue(entry.command)
            else:
                lane.sent.pop(entry.command.id, None)
        elif entry.type is EventType.DEVICE_REMOVED and lane:
            del self._lanes[entry.device.id]
            self._start(lane.connector.forget(entry.device.id))

    def _enqueue(self, command: Command) -> None:
        lane = self._lanes.get(command.device_id)
        if lane is None or command.status is not CommandStatus.ACCEPTED:
            return
        # A poll may have read what has been sent meanwhile.
        if command.id not in self._known and command.id not in lane.sent:
            self._known.add(command.id)
            self._put(lane, command)

    def _resume(self, command: Command) -> None:
        """Go on with a command that another life of the runner began."""
        lane = self._lanes.get(command.device_id)
        if lane is not None and command.id not in self._known:
            self._known.add(command.id)
            self._put(lane, command)

    def _put(self, lane: Lane, command: Command) -> None:
        lane.waiting.append(command)
        if lane.sending is None:
            lane.sending = self._start(self._send_all(lane))

    async def _send_all(self, lane: Lane) -> None:
        try:
            while lane.waiting:
                command = lane.waiting.popleft()
                try:
                    await self._send(lane, command)
                except LatchkeyError as error:
                    # The deadline ends it, whatever we could not write of it.
                    log.warning("command_not_sent", command=command.id, reason=str(error))
                finally:
                    self._known.discard(command.id)
        finally:
            lane.sending = None

    async def _send(self, lane: Lane, command: Command) -> None:
        if command.status is CommandStatus.ACCEPTED:
            command = await self._services.commands.dispatch(command)
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
        commands = self._services.commands
        try:
            async with asyncio.timeout(max(left, 0)):
                await lane.connector.send(lane.device_id, command.asks)
        except Offline as error:
            return await commands.reject(command, CommandErrorCode.DEVICE_OFFLINE, str(error))
        except Declined as error:
            return await commands.reject(command, CommandErrorCode.DEVICE_REJECTED, str(error))
        except TimeoutError:
            return command
        return await commands.acknowledge(command)

    async def _ask(self, lane: Lane, command: Command) -> None:
        """Have the device read until the command has ended, in case that it reports nothing."""
        for seconds in READ_AFTER:
            if seconds:
                await self._clock.sleep(seconds)
            if command.id not in lane.sent or self._clock.now() >= command.deadline:
                return
            await self._read(lane)

    async def _read(self, lane: Lane) -> None:
        try:
            await lane.connector.read(lane.device_id)
        except Offline:
            log.info("device_unread", device=lane.device_id)

    async def _listen(self, connector: Connector) -> None:
        async for report in connector.reports():
            if lane := self._lanes.get(report.device_id):
                await self._room.acquire()
                sent = frozenset(key for key, mark in lane.sent.items() if report.order > mark)
                self._start(self._store(lane, report, sent))

    async def _store(self, lane: Lane, report: Report, sent: frozenset[str]) -> None:
        """Store a report; one that came too late or got lost is made good by reading the device."""
        try:
            heard = await self._services.reports.take(lane.home_id, report, sent)
            if heard.late:
                self._read_apart(lane)
        except Unavailable:
            log.warning("report_not_stored", device=lane.device_id)
            await self._clock.sleep(HOMES_SECONDS)
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
