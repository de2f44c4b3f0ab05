"""Commands, as far as they are written: taken, sent, taken over, ended, and only once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from core.domain.commands import Command, CommandErrorCode, CommandStatus
from core.domain.devices import State
from core.domain.errors import Conflict, Invalid, Missing
from core.domain.events import EventType
from core.domain.grants import Share
from core.domain.ports import Report
from core.services import Commands, commands as room, orders
from core.services.orders import Order
from core.store.database import Database
from tests.conftest import Run
from tests.core.services.estate import (
    SCOPES,
    Estate,
    LeapClock,
    eventually,
    gaps,
    lamp,
    settle,
    viewer_of,
)

C = EventType.COMMAND_UPDATED


@pytest.fixture
def commands(estate: Estate) -> Commands:
    """The service."""
    return estate.house.services.commands


@pytest.fixture
async def leaping(database_url: str, run_house: Run) -> AsyncIterator[tuple[Estate, LeapClock]]:
    """An estate whose wall clock a test may set."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        yield await settle(house), clock


async def status(estate: Estate, command: Command) -> str:
    """Where a command is, as it is stored."""
    return (await estate.command(command)).status.value


async def test_an_order_is_taken(estate: Estate) -> None:
    """A command is stored and told as it was accepted, with its deadline."""
    command = await estate.ask(on=True, ms=5_000)
    assert await estate.command(command) == command
    (event,) = await estate.events(C)
    assert (event.command, event.pending) == (command, (command,))
    assert command.status is CommandStatus.ACCEPTED
    assert (command.holds, command.awaits) == (("on",), ("on",))
    assert command.deadline - command.issued_at == timedelta(seconds=5)
    assert (command.grant_id, command.client_id) == (estate.grant.id, estate.client.id)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (Order("", State(on=True), timeout_ms=999), "timeoutMs"),
        (Order("", State(on=True), timeout_ms=60_001), "timeoutMs"),
        (Order("", State(on=True), key=""), "idempotencyKey"),
        (Order("", State(on=True), key="k" * 256), "idempotencyKey"),
        (Order("", State(on=True), key="nul \0"), "idempotencyKey"),
        (Order("", State()), "state"),
        (Order("", State(brightness=400)), "state.brightness"),
        (Order("", State(locked=True)), "state.locked"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_can_never_work_is_refused(estate: Estate, order: Order, field: str) -> None:
    """No command comes of it, and the field is named."""
    order, before = replace(order, device_id=estate.lamp.id), await estate.events()
    with pytest.raises(Invalid) as refused:
        await estate.house.services.commands.accept(estate.viewer, estate.lamp, order)
    assert refused.value.field == field
    assert await estate.events() == before


async def test_an_order_for_what_is_not_shared_is_refused(estate: Estate) -> None:
    """What the grant does not show now cannot be asked, whatever the caller has read before."""
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    give = estate.house.services.grants.give
    shares = [Share(estate.home.id, device_id=other.id)]
    grant = await give(estate.user.id, estate.client.id, SCOPES, shares)
    accept, viewer = estate.house.services.commands.accept, viewer_of(estate.house, grant)
    with pytest.raises(Missing):
        await accept(viewer, estate.lamp, Order(estate.lamp.id, State(on=True)))
    assert (await accept(viewer, other, Order(other.id, State(on=True)))).open


async def test_a_device_out_of_reach_rejects(estate: Estate) -> None:
    """The command is told twice: that it was accepted, and that it has ended."""
    await estate.take(Report(estate.lamp.id, 1, online=False))
    command = await estate.ask(on=True)
    assert command.status is CommandStatus.REJECTED
    assert command.error is not None
    assert command.error.code is CommandErrorCode.DEVICE_OFFLINE
    told = [event.command and event.command.status.value for event in await estate.events(C)]
    assert told == ["ACCEPTED", "REJECTED"]
    assert await estate.command(command) == command


async def test_the_steps_of_a_life(estate: Estate, commands: Commands) -> None:
    """Each step is written once, and a step that does not fit changes nothing."""
    command = await estate.ask(on=True)
    assert await commands.acknowledge(command) == command
    sent = await commands.dispatch(command)
    assert await commands.dispatch(command) == sent
    taken = await commands.acknowledge(command)
    assert (sent.status, taken.status) == (CommandStatus.DISPATCHED, CommandStatus.ACKNOWLEDGED)
    assert await commands.dispatch(sent) == await commands.acknowledge(sent) == taken
    over = await commands.reject(taken, CommandErrorCode.DEVICE_REJECTED, "No.")
    assert over.status is CommandStatus.REJECTED
    assert await commands.reject(taken, CommandErrorCode.DEVICE_OFFLINE, "Again.") == over
    assert await estate.ends() == [(command.id, "REJECTED")]


async def test_cancelling(estate: Estate, commands: Commands) -> None:
    """What is open can be given up at any step, and what has ended cannot."""
    for command in (await estate.ask(on=True), await estate.sent(brightness=1)):
        assert (await commands.cancel(estate.viewer, command)).status is CommandStatus.CANCELLED
        with pytest.raises(Conflict, match="it is CANCELLED"):
            await commands.cancel(estate.viewer, command)
    await estate.house.services.devices.remove(estate.lamp)


async def test_a_command_that_is_not_there(estate: Estate, commands: Commands) -> None:
    """It cannot be cancelled."""
    command = await estate.ask(on=True)
    with pytest.raises(Missing):
        await commands.cancel(estate.viewer, replace(command, id="command_none"))


async def test_a_newer_command_takes_over_what_it_names(estate: Estate) -> None:
    """One that is left with nothing is superseded, one that keeps something goes on with that."""
    both = await estate.ask(on=True, brightness=10)
    dim = await estate.ask(brightness=20)
    assert (await estate.command(both)).holds == ("on",)
    assert (await estate.command(both)).asks == State(on=True)
    off = await estate.ask(on=False)
    assert await estate.ends() == [(both.id, "SUPERSEDED")]
    pending = await estate.house.reads.pending([estate.lamp.id])
    assert pending[estate.lamp.id] == [dim, off]


async def test_a_command_whose_rest_was_taken_over_is_confirmed(estate: Estate) -> None:
    """What the device has confirmed stays confirmed when the rest is no longer asked."""
    both = await estate.sent(on=True, brightness=10)
    await estate.hear(1, both, on=True)
    await estate.ask(brightness=20)
    assert await estate.ends() == [(both.id, "CONFIRMED")]


async def test_devices_do_not_take_over_from_each_other(estate: Estate) -> None:
    """Commands for different devices live side by side."""
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    one, two = await estate.ask(on=True), await estate.ask(other, on=True)
    assert [await status(estate, command) for command in (one, two)] == ["ACCEPTED"] * 2


async def test_a_key_gives_the_same_command(estate: Estate) -> None:
    """The same order under the same key is one command, wherever its life has come."""
    first = await estate.ask(on=True, key="key")
    sent = await estate.house.services.commands.dispatch(first)
    assert await estate.ask(on=True, key="key") == sent
    await estate.hear(1, sent, on=True)
    again = await estate.ask(on=True, key="key")
    assert (again.id, again.status) == (first.id, CommandStatus.CONFIRMED)
    assert len(await estate.events(C)) == 2


async def test_a_key_is_good_for_one_input(estate: Estate) -> None:
    """Another device, state or timeout under the same key contradicts it, and changes nothing."""
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    await estate.ask(on=True, key="key")
    for work in (
        estate.ask(on=False, key="key"),
        estate.ask(on=True, brightness=1, key="key"),
        estate.ask(on=True, key="key", ms=9_999),
        estate.ask(other, on=True, key="key"),
    ):
        with pytest.raises(Conflict, match="'key' was used"):
            await work
    assert len(await estate.events(C)) == 1


async def test_a_key_is_the_grants_own(estate: Estate) -> None:
    """Another grant, even of the same client, may use the same key."""
    give = estate.house.services.grants.give
    grant = await give(estate.user.id, estate.client.id, SCOPES, [Share(estate.home.id)])
    one = await estate.ask(on=True, key="key")
    two = await replace(estate, grant=grant).ask(on=True, key="key")
    assert one.id != two.id


async def test_a_refused_order_leaves_its_key_free(estate: Estate) -> None:
    """What never became a command is not remembered."""
    with pytest.raises(Invalid):
        await estate.ask(brightness=400, key="key")
    assert (await estate.ask(brightness=40, key="key")).open


async def test_a_key_used_at_once_gives_one_command(estate: Estate) -> None:
    """Many askers in the same moment share one command, and one transaction does not matter."""
    many = await asyncio.gather(*(estate.ask(on=True, key="key") for _ in range(20)))
    assert len({command.id for command in many}) == 1
    assert len(await estate.events(C)) == 1


async def test_a_key_used_at_once_in_two_processes_gives_one_command(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """Likewise across processes; and for two devices one of the two orders is refused."""
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    async with run_house(database_url) as second:
        await eventually(lambda: estate.grant.id in second.access.grants)
        both = (estate, replace(estate, house=second))
        for turn in range(5):
            works = [one.ask(on=True, key=f"{turn}") for one in both for _ in range(3)]
            assert len({command.id for command in await asyncio.gather(*works)}) == 1
        clash = [both[0].ask(on=True, key="k"), both[1].ask(other, on=True, key="k")]
        found = await asyncio.gather(*clash, return_exceptions=True)
    assert [isinstance(one, Conflict) for one in found].count(True) == 1
    assert len(await estate.events(C)) - len(await estate.ends()) == 6
    assert gaps(await estate.events()) == []


async def test_a_key_is_free_again_after_a_day(leaping: tuple[Estate, LeapClock]) -> None:
    """Until then it gives the command as it ended; from then on it makes a new one."""
    estate, clock = leaping
    day = orders.KEY_LIFE.total_seconds()
    first = await estate.ask(on=True, key="key")
    clock.leap(day - 60)
    kept = await estate.ask(on=True, key="key")
    assert (kept.id, kept.status) == (first.id, CommandStatus.TIMED_OUT)
    with pytest.raises(Conflict):
        await estate.ask(on=False, key="key")
    clock.leap(60)
    later = await estate.ask(on=False, key="key")
    assert later.id != first.id
    assert await estate.ask(on=False, key="key") == later


async def test_the_deadline_ends_a_command(leaping: tuple[Estate, LeapClock]) -> None:
    """At every step of its life, exactly at the deadline however late it is written."""
    estate, clock = leaping
    accepted, sent = await estate.ask(on=True), await estate.sent(brightness=9)
    clock.leap(3_600)
    await eventually(lambda: has_ended(estate, sent))
    for command in (accepted, sent):
        ended = await estate.command(command)
        assert (ended.status, ended.completed_at) == (CommandStatus.TIMED_OUT, command.deadline)
        assert ended.error is not None
        assert ended.error.code is CommandErrorCode.DEVICE_TIMEOUT
    assert len(await estate.ends()) == 2


async def has_ended(estate: Estate, command: Command) -> bool:
    """Whether a command's end is written."""
    return not (await estate.command(command)).open


async def test_a_deadline_is_told_once_by_many(
    leaping: tuple[Estate, LeapClock], database_url: str, run_house: Run
) -> None:
    """Every process keeps time, and none repeats what another has told."""
    estate, clock = leaping
    asked = [await estate.ask(on=True), await estate.ask(brightness=9)]
    async with run_house(database_url, clock), run_house(database_url, clock):
        clock.leap(60)
        await eventually(lambda: has_ended(estate, asked[-1]))
        await asyncio.sleep(0.3)  # everybody has looked again
    assert sorted(await estate.ends()) == sorted((one.id, "TIMED_OUT") for one in asked)
    assert gaps(await estate.events()) == []


async def test_a_step_after_the_deadline_ends_the_command_first(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, database_url: str, run_house: Run
) -> None:
    """Neither sent, acknowledged, rejected nor cancelled: timed out, whoever comes first."""
    monkeypatch.setattr(room, "SWEEP_SECONDS", 99)
    clock = LeapClock()
    async with run_house(database_url, clock) as late:
        await eventually(lambda: estate.grant.id in late.access.grants)
        service = late.services.commands
        cancel = partial(service.cancel, estate.viewer)
        for step in (service.dispatch, service.acknowledge, cancel):
            command = await replace(estate, house=late).ask(on=True)
            clock.leap(11)
            assert (await step(command)).status is CommandStatus.TIMED_OUT
    assert {end for _, end in await estate.ends()} == {"TIMED_OUT"}


async def test_a_new_order_first_ends_what_is_over(
    leaping: tuple[Estate, LeapClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command past its deadline is timed out, not superseded."""
    monkeypatch.setattr(room, "SWEEP_SECONDS", 99)
    estate, clock = leaping
    command = await estate.ask(on=True)
    clock.leap(11)
    await estate.ask(on=False)
    assert await estate.ends() == [(command.id, "TIMED_OUT")]


async def test_old_keys_are_pruned(
    leaping: tuple[Estate, LeapClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-keeper forgets keys that nobody can use any more."""
    monkeypatch.setattr(room, "PRUNE_SECONDS", 0.0)
    estate, clock = leaping
    await estate.ask(on=True, key="key")
    clock.leap(orders.KEY_LIFE.total_seconds() + 60)
    await eventually(lambda: no_keys(estate.house.database))


async def no_keys(database: Database) -> bool:
    """Whether no idempotency key is stored."""
    async with database.read() as connection:
        found = await connection.exec_driver_sql("SELECT key FROM idempotency_keys")
        return not found.all()


async def test_waiting_returns_the_end(estate: Estate, commands: Commands) -> None:
    """Whoever waits has the command as soon as it has ended, and not later."""

    async def end() -> None:
        await eventually(lambda: told(estate, 1))
        (command,) = (await estate.house.reads.pending([estate.lamp.id]))[estate.lamp.id]
        await estate.hear(1, await commands.dispatch(command), on=True)

    order = Order(estate.lamp.id, State(on=True))
    async with asyncio.timeout(3):
        waiting = commands.control(estate.viewer, estate.lamp, order, 10_000)
        command, _ = await asyncio.gather(waiting, end())
    assert command.status is CommandStatus.CONFIRMED


async def told(estate: Estate, count: int) -> bool:
    """Whether so many events of commands were told."""
    return len(await estate.events(C)) >= count


async def test_waiting_ends_with_patience(estate: Estate, commands: Commands) -> None:
    """After the wait the command comes as it is, and nobody listens any more."""
    order = Order(estate.lamp.id, State(on=True))
    command = await commands.control(estate.viewer, estate.lamp, order, 50)
    assert command.status is CommandStatus.ACCEPTED
    assert (await commands.control(estate.viewer, estate.lamp, order, 0)).open
    assert listeners(estate) == 0


async def test_waiting_ends_at_the_deadline(
    estate: Estate, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command past its deadline is over for whoever waits, though nobody has written that."""
    monkeypatch.setattr(orders, "TIMEOUT_MS", (1, 60_000))
    order = Order(estate.lamp.id, State(on=True), timeout_ms=60)
    async with asyncio.timeout(2):
        command = await commands.control(estate.viewer, estate.lamp, order, 10_000)
    assert (command.status, command.completed_at) == (CommandStatus.TIMED_OUT, command.deadline)


@pytest.mark.parametrize("wait", [-1, 10_001])
async def test_nobody_waits_for_too_long(commands: Commands, estate: Estate, wait: int) -> None:
    """A wait out of range is refused before anything is done."""
    order = Order(estate.lamp.id, State(on=True))
    with pytest.raises(Invalid, match="waitMs"):
        await commands.control(estate.viewer, estate.lamp, order, wait)
    assert await estate.events(C) == []


async def test_who_stops_waiting_leaves_nothing_behind(estate: Estate, commands: Commands) -> None:
    """A caller who goes away is not told any more, and the command goes on."""
    order = Order(estate.lamp.id, State(on=True))
    waits = asyncio.create_task(commands.control(estate.viewer, estate.lamp, order, 10_000))
    await eventually(lambda: told(estate, 1))
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert listeners(estate) == 0
    assert len((await estate.house.reads.pending([estate.lamp.id]))[estate.lamp.id]) == 1


def listeners(estate: Estate) -> int:
    """How many are told of the home's events in this process."""
    tail = estate.house.feed._tails.get(estate.home.id)  # noqa: SLF001 - leaks do not show outside
    return len(tail.listeners) if tail else 0
