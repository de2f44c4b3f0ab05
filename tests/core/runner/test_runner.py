"""The runner: the life of a command, from the row that asks for it to the device that does it."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import make_url

from app.compose import House
from core.connectors.simulator import Simulator
from core.domain.commands import Command, CommandErrorCode, CommandStatus
from core.domain.devices import Device, State
from core.domain.errors import Unavailable
from core.domain.events import Event, EventType
from core.domain.ports import Report
from core.domain.sandbox import DeviceFault, Pacing, Simulation
from core.runner import lanes, runner as room
from core.services.orders import Order
from core.services.reports import Heard, Reports
from core.store.backlog import Backlog
from tests.conftest import Postgres, Run
from tests.core.services.estate import Estate, eventually, gaps, settle

URL = "simulator://?latency=0.002&still=1"
PLAN = "simulator://maple?still=1"
LAMP, LIGHT, LOCK = "Living room lamp", "Bedside lamp", "Front door"
C, S = EventType.COMMAND_UPDATED, EventType.DEVICE_STATUS_CHANGED

one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, slots=True)
class Owned:
    """An estate whose devices a runner owns."""

    estate: Estate
    owner: House
    devices: dict[str, Device]

    @property
    def simulator(self) -> Simulator:
        """The connector of the owning process."""
        assert self.owner.runner is not None
        found = self.owner.runner._connectors["simulator"]  # noqa: SLF001 - it makes things go wrong
        assert isinstance(found, Simulator)
        return found

    def press(self, device: Device) -> None:
        """Let somebody turn a device the other way round by hand."""
        turned = State(on=not device.state.on)
        self.simulator.simulate(Simulation(device.id, report=turned))

    def suffer(self, device: Device, fault: DeviceFault) -> None:
        """Let a device go wrong."""
        self.simulator.simulate(Simulation(device.id, fault=fault))

    async def control(
        self, name: str, *, ms: int = 10_000, wait: int = 10_000, **asked: Any
    ) -> Command:
        """Ask a device for a state, and wait for the end."""
        device, estate = self.devices[name], self.estate
        order = Order(device.id, State(**asked), timeout_ms=ms)
        control = estate.house.services.commands.control
        return await control(estate.viewer, device, order, wait)

    async def told(self, name: str) -> list[Event]:
        """What was told of a device since it was added."""
        events, device = await self.estate.events(), self.devices[name]
        return [one for one in events if one.device and one.device.id == device.id][1:]

    async def lives(self, name: str) -> list[list[str]]:
        """For each event of a device, its type or the status of its command, and its causes."""
        return [
            [event.command.status.value if event.command else event.type.value]
            + [cause.status.value for cause in event.caused_by]
            for event in await self.told(name)
        ]


@asynccontextmanager
async def owned(house: House) -> AsyncIterator[Owned]:
    """A simulated home of this house, adopted by it."""
    assert house.runner is not None
    estate = await settle(house, (), url=PLAN)
    devices = await house.runner.adopt(estate.home, PLAN)
    yield Owned(replace(estate, devices=tuple(devices)), house, by_name(devices))


def by_name(devices: Collection[Device]) -> dict[str, Device]:
    """Devices by their names."""
    return {device.name: device for device in devices}


@pytest.fixture
async def maple(database_url: str, run_house: Run) -> AsyncIterator[Owned]:
    """A house that owns the devices of its home."""
    async with run_house(database_url, devices_url=URL) as house, owned(house) as made:
        yield made
        assert house.dead == []


async def test_a_command_lives_until_the_device_confirms(maple: Owned) -> None:
    """Accepted, sent, and confirmed by the change that names it; the state is what was asked."""
    before = await maple.estate.now(maple.devices[LAMP])
    command = await maple.control(LAMP, brightness=(before.state.brightness or 0) // 2 + 7)
    assert command.status is CommandStatus.CONFIRMED
    lives = await maple.lives(LAMP)
    assert lives[0] == ["ACCEPTED"]
    assert lives[-2:] == [["DEVICE_STATUS_CHANGED", "CONFIRMED"], ["CONFIRMED"]]
    now = await maple.estate.now(maple.devices[LAMP])
    assert now.state.brightness == command.desired.brightness
    assert gaps(await maple.estate.events()) == []


async def test_what_is_so_already_is_confirmed_by_reading(maple: Owned) -> None:
    """A device that reports nothing is asked, and no change is told."""
    state = maple.devices[LIGHT].state
    async with asyncio.timeout(3):
        command = await maple.control(LIGHT, on=state.on, brightness=state.brightness)
    assert command.status is CommandStatus.CONFIRMED
    assert await maple.lives(LIGHT) == [["ACCEPTED"], ["CONFIRMED"]]


async def test_a_device_that_takes_its_time(maple: Owned) -> None:
    """A bolt is confirmed once it is there, not when it begins to move."""
    locked = maple.devices[LOCK].state.locked
    command = await maple.control(LOCK, locked=not locked)
    assert command.status is CommandStatus.CONFIRMED
    assert command.completed_at is not None
    assert (command.completed_at - command.issued_at).total_seconds() >= 1


@one_kind
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (DeviceFault.REFUSE, CommandErrorCode.DEVICE_REJECTED),
        (DeviceFault.OFFLINE, CommandErrorCode.DEVICE_OFFLINE),
    ],
)
async def test_a_device_that_does_not_take_it(
    maple: Owned, fault: DeviceFault, code: CommandErrorCode
) -> None:
    """The command ends rejected, by the send or because the device is known to be away."""
    maple.suffer(maple.devices[LAMP], fault)
    first = await maple.control(LAMP, on=True)
    await asyncio.sleep(0.05)  # its absence is stored
    second = await maple.control(LAMP, on=False)
    for command in (first, second):
        assert command.status is CommandStatus.REJECTED
        assert command.error is not None
        assert command.error.code is code


@one_kind
async def test_a_device_that_never_gets_there(maple: Owned) -> None:
    """One that goes elsewhere and one that is too slow time out, exactly at the deadline."""
    faults = {LAMP: DeviceFault.WRONG_STATE, LIGHT: DeviceFault.SLOW}
    for name, fault in faults.items():
        maple.suffer(maple.devices[name], fault)
    begun = asyncio.get_running_loop().time()
    ended = await asyncio.gather(*(maple.control(name, ms=1_000, brightness=33) for name in faults))
    assert asyncio.get_running_loop().time() - begun < 1.5
    for command in ended:
        assert command.status is CommandStatus.TIMED_OUT
        assert command.completed_at == command.deadline
    await eventually(partial(has_told, maple, 2))
    assert [cause for life in await maple.lives(LAMP) for cause in life[1:]] == []


async def has_told(maple: Owned, ends: int) -> bool:
    """Whether so many ends are written."""
    return len(await maple.estate.ends()) == ends


@one_kind
async def test_a_held_home_holds_up_nobody(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is to be read but does not answer keeps no report of others waiting."""
    monkeypatch.setattr(lanes, "IN_FLIGHT", 1)
    async with run_house(database_url, devices_url=URL) as house, owned(house) as made:
        lamp = made.devices[LAMP]
        made.simulator.pace(Pacing(made.estate.home.id, 0.0))
        made.suffer(lamp, DeviceFault.OUT_OF_ORDER)
        made.press(lamp)
        made.simulator.simulate(Simulation(lamp.id, report=lamp.state))
        made.press(made.devices[LIGHT])

        async def told() -> bool:
            return len(await made.told(LIGHT)) == 1

        await eventually(told)


@one_kind
@pytest.mark.parametrize("fault", [DeviceFault.DUPLICATE, DeviceFault.OUT_OF_ORDER])
async def test_a_line_that_repeats_or_mixes_reports(maple: Owned, fault: DeviceFault) -> None:
    """The command is confirmed once, and in the end the state is what the device has."""
    maple.suffer(maple.devices[LAMP], fault)
    for brightness in (11, 83):
        command = await maple.control(LAMP, brightness=brightness)
        assert command.status is CommandStatus.CONFIRMED
    now = await maple.estate.now(maple.devices[LAMP])
    assert now.state.brightness == 83
    assert len(await maple.estate.ends()) == 2
    assert gaps(await maple.estate.events()) == []


async def test_the_newest_command_wins(maple: Owned) -> None:
    """Of many for the same attribute the last one is confirmed, and the others are superseded."""
    works = [maple.control(LAMP, brightness=10 * number) for number in range(1, 10)]
    asked = sorted(await asyncio.gather(*works), key=lambda one: one.id)
    for one in asked:  # a wait may end before its command
        await eventually(partial(has_ended, maple.estate, one))
    *older, newest = [await maple.estate.command(one) for one in asked]
    assert {command.status for command in older} <= {
        CommandStatus.SUPERSEDED,
        CommandStatus.CONFIRMED,
    }
    now = await maple.estate.now(maple.devices[LAMP])
    (last,) = [end for end, status in (await maple.estate.ends())[-1:]]
    winner = next(one for one in [*older, newest] if one.id == last)
    assert winner.status is CommandStatus.CONFIRMED
    assert now.state.brightness == winner.desired.brightness


@one_kind
async def test_commands_of_a_device_are_sent_in_their_order(
    maple: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, each once, however long each takes; other devices do not wait."""
    sent, send = list[tuple[str, State]](), maple.simulator.send

    async def noted(device_id: str, asked: State, token: int) -> None:
        await asyncio.sleep(0.02)
        sent.append((device_id, asked))
        await send(device_id, asked, token)

    monkeypatch.setattr(maple.simulator, "send", noted)
    lamp = maple.devices[LAMP]
    asked = [State(on=not lamp.state.on), State(brightness=40)]
    order = maple.estate.house.services.commands.accept
    for state in asked:
        await order(maple.estate.viewer, lamp, Order(lamp.id, state))
    other = await maple.control(LIGHT, brightness=5)
    await eventually(partial(has_told, maple, 3))
    assert other.status is CommandStatus.CONFIRMED
    assert [state for device_id, state in sent if device_id == lamp.id] == asked


@one_kind
async def test_a_cancelled_command_is_not_confirmed(maple: Owned) -> None:
    """What the device already does it goes on to do, and nobody is said to have caused it."""
    locked = maple.devices[LOCK].state.locked
    command = await maple.control(LOCK, wait=100, locked=not locked)
    assert command.open
    cancel = maple.estate.house.services.commands.cancel
    assert (await cancel(maple.estate.viewer, command)).status is CommandStatus.CANCELLED
    await eventually(partial(is_locked, maple, not locked))
    assert await maple.lives(LOCK) == [["ACCEPTED"], ["CANCELLED"], ["DEVICE_STATUS_CHANGED"]]


async def is_locked(maple: Owned, locked: bool) -> bool:  # noqa: FBT001 - as `partial` gives it
    """Whether the front door is stored as locked, or not."""
    return (await maple.estate.now(maple.devices[LOCK])).state.locked is locked


@one_kind
async def test_what_has_ended_while_it_waited_is_not_sent(
    maple: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands behind a slow one that were superseded or cancelled never reach the device."""
    sent, go, send = list[State](), asyncio.Event(), maple.simulator.send

    async def slow(device_id: str, asked: State, token: int) -> None:
        sent.append(asked)
        await go.wait()
        await send(device_id, asked, token)

    monkeypatch.setattr(maple.simulator, "send", slow)
    ask, lamp = maple.estate.ask, maple.devices[LAMP]
    await ask(lamp, on=True)
    await eventually(lambda: bool(sent))
    await ask(lamp, brightness=10)
    await maple.estate.house.services.commands.cancel(
        maple.estate.viewer, await ask(lamp, brightness=20)
    )
    await ask(lamp, brightness=30)
    go.set()
    await eventually(partial(has_told, maple, 4))
    assert sent == [State(on=True), State(brightness=30)]


async def test_one_process_accepts_and_another_owns(database_url: str, run_house: Run) -> None:
    """Wherever it was accepted, the command is sent by the owner and confirmed for the asker."""
    async with run_house(database_url, devices_url=URL) as owner, owned(owner) as maple:
        async with run_house(database_url) as edge:
            await eventually(lambda: maple.estate.grant.id in edge.access.grants)
            there = replace(maple, estate=replace(maple.estate, house=edge))
            async with asyncio.timeout(4):
                commands = await asyncio.gather(
                    there.control(LAMP, brightness=37), there.control(LIGHT, brightness=38)
                )
        assert [one.status for one in commands] == [CommandStatus.CONFIRMED] * 2
        assert (await maple.lives(LAMP))[-2] == ["DEVICE_STATUS_CHANGED", "CONFIRMED"]


@pytest.mark.parametrize("step", ["ACCEPTED", "DISPATCHED", "ACKNOWLEDGED"])
async def test_an_owner_that_starts_again_finishes_what_is_open(
    database_url: str, run_house: Run, step: str
) -> None:
    """Wherever the command was when its owner ended, the next owner brings it to its end."""
    async with run_house(database_url, devices_url=URL) as first, owned(first) as maple:
        pass
    async with run_house(database_url) as edge:
        estate = replace(maple.estate, house=edge)
        lamp, service = maple.devices[LAMP], edge.services.commands
        state = State(brightness=41) if step != "ACKNOWLEDGED" else State(on=lamp.state.on)
        command = await estate.ask(lamp, **state.values())
        if step != "ACCEPTED":
            command = await service.dispatch(command)
        if step == "ACKNOWLEDGED":
            command = await service.acknowledge(command)
        assert command.status.value == step
        async with run_house(database_url, devices_url=URL):
            await eventually(partial(has_ended, estate, command))
        assert await estate.ends() == [(command.id, "CONFIRMED")]


async def has_ended(estate: Estate, command: Command) -> bool:
    """Whether a command's end is written."""
    return not (await estate.command(command)).open


@one_kind
async def test_an_owner_that_ends_amid_a_command_leaves_it_to_the_next(
    database_url: str, run_house: Run
) -> None:
    """A bolt that had not arrived is not there after a restart; the command ends in time."""
    async with run_house(database_url, devices_url=URL) as first, owned(first) as maple:
        locked = maple.devices[LOCK].state.locked
        command = await maple.control(LOCK, ms=1_500, wait=100, locked=not locked)
        assert command.open
    async with run_house(database_url, devices_url=URL) as second:
        estate = replace(maple.estate, house=second)
        await eventually(partial(has_ended, estate, command))
        ended = await estate.command(command)
    assert ended.completed_at is not None
    assert ended.completed_at <= command.deadline


@one_kind
async def test_homes_are_found(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New homes are adopted by themselves, and one that cannot be costs the others nothing."""
    monkeypatch.setattr(room, "HOMES_SECONDS", 0.1)
    async with run_house(database_url, devices_url=URL) as house:
        bad = await settle(house, (), name="Ada", url="simulator://nowhere")
        good = await settle(house, (), name="Bob", url=PLAN)
        await eventually(partial(furnished, house, good))
        assert await house.devices_of(bad.home.id) == []
        assert listeners(house, bad) == 0
        assert house.dead == []


async def furnished(house: House, estate: Estate) -> bool:
    """Whether the home's devices were found."""
    return len(await house.devices_of(estate.home.id)) > 0


def listeners(house: House, estate: Estate) -> int:
    """How many are told of the home's events in this process."""
    tail = house.feed._tails.get(estate.home.id)  # noqa: SLF001 - leaks do not show outside
    return len(tail.listeners) if tail else 0


@one_kind
async def test_a_home_is_adopted_once(maple: Owned) -> None:
    """However often it is asked for, by whomever, each event is taken in once."""
    assert maple.owner.runner is not None
    adopt = maple.owner.runner.adopt
    again = await asyncio.gather(*(adopt(maple.estate.home, PLAN) for _ in range(3)))
    assert [by_name(devices) for devices in again] == [maple.devices] * 3
    assert listeners(maple.owner, maple.estate) == 1


@one_kind
async def test_a_home_that_could_not_be_adopted_is_tried_again(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a lost database nothing is left over, and the next try succeeds."""
    monkeypatch.setattr(room, "HOMES_SECONDS", 99)
    read, calls = Backlog.devices_of, list[int]()

    async def none(self: Backlog, *which: object) -> list[Any]:  # or the runner may find it first
        del self, which
        return []

    monkeypatch.setattr(Backlog, "connected", none)

    async def fails_once(self: Backlog, home_id: str) -> list[Device]:
        calls.append(1)
        if len(calls) == 1:
            raise Unavailable("no")
        return await read(self, home_id)

    async with run_house(database_url, devices_url=URL) as house:
        assert house.runner is not None
        estate = await settle(house, (), url=PLAN)
        monkeypatch.setattr(Backlog, "devices_of", fails_once)
        with pytest.raises(Unavailable):
            await house.runner.adopt(estate.home, PLAN)
        assert listeners(house, estate) == 0
        assert len(await house.runner.adopt(estate.home, PLAN)) == 20
        assert listeners(house, estate) == 1


@one_kind
async def test_adoptions_of_one_home_that_overlap(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, first or last, takes nothing from the one that succeeds."""
    monkeypatch.setattr(room, "HOMES_SECONDS", 99)
    async with run_house(database_url, devices_url=URL) as house:
        assert house.runner is not None
        estate = await settle(house, (), url=PLAN)
        read, calls = Backlog.devices_of, list[int]()

        async def fails_in_turn(self: Backlog, home_id: str) -> list[Device]:
            calls.append(1)
            if len(calls) % 2:
                raise Unavailable("no")
            return await read(self, home_id)

        monkeypatch.setattr(Backlog, "devices_of", fails_in_turn)
        for _ in range(3):
            adoptions = (house.runner.adopt(estate.home, PLAN) for _ in range(2))
            found = await asyncio.gather(*adoptions, return_exceptions=True)
            assert sorted(type(one).__name__ for one in found) == ["Unavailable", "list"]
            assert listeners(house, estate) == 1


@one_kind
async def test_a_removed_device_is_let_go(maple: Owned) -> None:
    """Its connector forgets it, and the others go on."""
    lamp = maple.devices[LAMP]
    await maple.estate.house.services.devices.remove(lamp)
    await eventually(lambda: lamp.id not in maple.simulator._world.seats)  # noqa: SLF001 - as a house sees it
    assert (await maple.control(LIGHT, brightness=5)).status is CommandStatus.CONFIRMED


@one_kind
async def test_a_stale_poll_changes_nothing(maple: Owned, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a poll still has as accepted is not begun again once it was sent."""
    maple.suffer(maple.devices[LAMP], DeviceFault.WRONG_STATE)
    accepted = await maple.estate.ask(maple.devices[LAMP], brightness=33)
    assert maple.owner.runner is not None
    lane = maple.owner.runner._lanes._lanes[accepted.device_id]  # noqa: SLF001 - the mark is the point
    await eventually(lambda: accepted.id in lane.sent and lane.sending is None)
    mark, polls = lane.sent[accepted.id], list[int]()
    maple.press(maple.devices[LAMP])

    async def stale(_: Backlog, __: object) -> list[Command]:
        polls.append(1)
        return [accepted]

    monkeypatch.setattr(Backlog, "unsent_commands", stale)
    await eventually(lambda: len(polls) >= 2)
    assert lane.sent[accepted.id] == mark < maple.simulator.latest(accepted.device_id)


@one_kind
async def test_a_report_that_could_not_be_stored_is_made_good(
    maple: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the database is back the device is read, so nothing stays untold."""
    monkeypatch.setattr(lanes, "PAUSE_SECONDS", 0.1)
    take, lost = Reports.take, list[Report]()

    async def fails_once(self: Reports, home_id: str, report: Report, *more: Any) -> Heard:
        if not lost:
            lost.append(report)
            raise Unavailable("no")
        return await take(self, home_id, report, *more)

    monkeypatch.setattr(Reports, "take", fails_once)
    lamp = maple.devices[LAMP]
    maple.press(lamp)
    await eventually(partial(is_on, maple, on=not lamp.state.on))
    assert len(lost) == 1


async def is_on(maple: Owned, *, on: bool) -> bool:
    """Whether the lamp is stored as on, or not."""
    return (await maple.estate.now(maple.devices[LAMP])).state.on is on


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_lost_database_does_not_end_the_runner(maple: Owned, postgres: Postgres) -> None:
    """What the devices said meanwhile is stored afterwards, and commands go on."""
    name = make_url(maple.owner.settings.database_url).database
    lamp, light = maple.devices[LAMP], maple.devices[LIGHT]
    postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    served = f"pg_stat_activity WHERE datname = '{name}'"
    postgres.psql(f"SELECT pg_terminate_backend(pid) FROM {served}")  # noqa: S608 - our own words
    maple.press(lamp)
    await asyncio.sleep(0.4)
    postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await eventually(partial(is_on, maple, on=not lamp.state.on))
    assert (await maple.control(LIGHT, on=not light.state.on)).status is CommandStatus.CONFIRMED


@one_kind
async def test_a_runner_that_ends_leaves_nothing(database_url: str, run_house: Run) -> None:
    """No listener, no task, no device that still speaks."""
    async with run_house(database_url, devices_url=URL) as house, owned(house) as maple:
        await maple.control(LOCK, wait=0, locked=not maple.devices[LOCK].state.locked)
    assert listeners(house, maple.estate) == 0
    assert house.runner is not None
    assert house.runner._lanes._tasks == set()  # noqa: SLF001 - leaks do not show outside
    assert house.dead == []
