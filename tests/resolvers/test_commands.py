"""Commands as a viewer gives and finds them."""

import asyncio

import pytest

from core.domain.commands import CommandErrorCode, CommandStatus
from core.domain.devices import State
from core.domain.errors import Conflict, Invalid, Missing
from core.domain.grants import Share
from core.services.orders import Order
from resolvers import commands, devices
from resolvers.answers import settled
from resolvers.commands import Wish
from tests.resolvers.world import World, lamp, later


def wish(device_id: str, wait_ms: int = 0, **values: object) -> Wish:
    """A wish for these values."""
    return Wish(Order(device_id, State(**values)), wait_ms)  # type: ignore[arg-type]  # by name


async def test_a_command_is_given_and_found(any_world: World) -> None:
    """What comes back is what is found, with its device and its giver."""
    device, ask = any_world.lamps[0], any_world.ask()
    command = await commands.control(ask, wish(device.id, on=False))
    assert command.status is CommandStatus.ACCEPTED
    assert await settled(commands.find(ask, command.id)) == command
    assert (await settled(commands.device(ask, command))).id == device.id
    assert commands.issuer(ask, command) == any_world.client


async def test_another_client_s_command_has_no_giver(world: World) -> None:
    """Both see the command; who gave it is told to that client alone."""
    other = world.ask(world.viewer(await world.give(Share(world.home.id))))
    command = await world.accept(world.lamps[0], on=False)
    assert await settled(commands.find(other, command.id)) == command
    assert commands.issuer(other, command) is None


async def test_a_hidden_device_s_command_is_missing(world: World) -> None:
    """Neither found nor given nor cancelled, like a command that never was."""
    hidden, shown, _ = world.lamps
    grant = await world.give(Share(world.home.id, device_id=shown.id))
    ask = world.ask(world.viewer(grant))
    command = await world.accept(hidden, on=False)
    assert await settled(commands.find(ask, command.id)) is None
    with pytest.raises(Missing, match=command.id):
        await commands.cancel(ask, command.id)
    with pytest.raises(Missing, match=hidden.id):
        await commands.control(ask, wish(hidden.id, on=True))
    with pytest.raises(Missing):
        await commands.cancel(ask, "nonsense")


async def test_after_a_command_everything_is_read_anew(world: World) -> None:
    """The mutation's own answer shows what it changed."""
    device, ask = world.lamps[0], world.ask()
    assert await settled(devices.pending(ask, device)) is None
    command = await commands.control(ask, wish(device.id, on=False))
    assert await settled(devices.pending(ask, device)) == command
    await commands.cancel(ask, command.id)
    assert await settled(devices.pending(ask, device)) is None


async def test_past_its_deadline_a_command_is_over(world: World) -> None:
    """A read says TIMED_OUT before anybody has written it."""
    command = await world.accept(world.lamps[0], on=False)
    ask = world.ask(clock=later(world.house.clock, 11))
    found = await settled(commands.find(ask, command.id))
    assert found is not None
    assert found.status is CommandStatus.TIMED_OUT
    assert found.completed_at == command.deadline
    assert found.error is not None
    assert found.error.code is CommandErrorCode.DEVICE_TIMEOUT


async def test_a_command_is_cancelled_once(world: World) -> None:
    """After its end, that is a conflict that says where it is."""
    command = await world.accept(world.lamps[0], on=False)
    cancelled = await commands.cancel(world.ask(), command.id)
    assert cancelled.status is CommandStatus.CANCELLED
    with pytest.raises(Conflict, match="it is CANCELLED"):
        await commands.cancel(world.ask(), command.id)


async def test_cancelling_too_late_is_a_conflict(world: World) -> None:
    """A command whose deadline has come ends by it, whoever writes that."""
    order = Order(world.lamps[0].id, State(on=False), timeout_ms=1_000)
    command = await world.house.services.commands.accept(world.viewer(), world.lamps[0], order)
    await asyncio.sleep(1.01)
    with pytest.raises(Conflict, match="it is TIMED_OUT"):
        await commands.cancel(world.ask(), command.id)


async def test_several_are_each_for_themselves(any_world: World) -> None:
    """One refusal costs the others nothing, and results come in the given order."""
    one, two, _ = any_world.lamps
    wishes = [
        wish(one.id, on=False),
        wish("nonsense", on=False),
        wish(one.id, brightness=400),
        wish(two.id, wait_ms=10_001, on=False),
        wish(two.id, brightness=5),
        Wish(Order(two.id, State(on=True), timeout_ms=1), 0),
    ]
    outcomes = await commands.control_all(any_world.ask(), wishes)
    assert [outcome.device_id for outcome in outcomes] == [one.order.device_id for one in wishes]
    assert [outcome.command is not None for outcome in outcomes] == [
        True, False, False, False, True, False,
    ]  # fmt: skip
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None), Missing, Invalid, Invalid, type(None), Invalid,
    ]  # fmt: skip


async def test_several_on_one_device_keep_their_order(world: World) -> None:
    """The later in the list takes over from the earlier."""
    device = world.lamps[0]
    wishes = [wish(device.id, brightness=value) for value in range(10)]
    outcomes = await commands.control_all(world.ask(), wishes)
    statuses = [outcome.command.status for outcome in outcomes if outcome.command]
    assert statuses == [CommandStatus.SUPERSEDED] * 9 + [CommandStatus.ACCEPTED]


async def test_all_are_waited_for_at_once(world: World) -> None:
    """By the longest wait, and no longer than the last end."""
    one, two, _ = world.lamps
    wishes = [wish(one.id, 0, on=False), wish(two.id, 10_000, on=False)]
    asked = asyncio.create_task(commands.control_all(world.ask(), wishes))
    for device in (one, two):
        command = await world.pending(device)
        assert not asked.done()
        sent = await world.dispatch(command)
        await world.report(device, 1, sent, on=False)
    outcomes = await asyncio.wait_for(asked, 2)
    assert [one.command and one.command.status for one in outcomes] == [CommandStatus.CONFIRMED] * 2


@pytest.mark.parametrize("many", [0, 51])
async def test_none_and_too_many_are_refused(world: World, many: int) -> None:
    """Between one and fifty at once."""
    wishes = [wish(world.lamps[0].id, on=False)] * many
    with pytest.raises(Invalid, match=f"commands has {many} entries; give between 1 and 50"):
        await commands.control_all(world.ask(), wishes)


async def test_a_device_that_went_takes_its_commands_along(world: World) -> None:
    """The command of a removed device is missing; one that is still held has no device."""
    device, ask = world.lamps[0], world.ask()
    command = await world.accept(device, on=False)
    await world.house.services.devices.remove(device)
    assert await settled(commands.find(ask, command.id)) is None
    with pytest.raises(Missing, match=device.id):
        await settled(commands.device(ask, command))


async def test_homes_do_not_wait_for_each_other(world: World) -> None:
    """Commands to several homes go in one request."""
    elm, (far,) = await world.more("Elm", lamp("x"))
    grant = await world.give(Share(world.home.id), Share(elm.id))
    ask = world.ask(world.viewer(grant))
    outcomes = await commands.control_all(
        ask, [wish(far.id, on=False), wish(world.lamps[0].id, on=False)]
    )
    assert [one.command is not None for one in outcomes] == [True, True]
