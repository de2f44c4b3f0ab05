"""Batches of one operation, and what events carry."""

import asyncio

import pytest

from core.domain.commands import CommandStatus
from core.domain.events import EventType
from core.domain.grants import Share
from core.domain.lists import DeviceFilter, DeviceOrder
from core.snapshots import homes
from resolvers import devices
from resolvers.answers import settled
from resolvers.facts import EventFacts
from resolvers.loaders import Loaders
from resolvers.paging import Part
from tests.resolvers.world import World, lamp, later, statements

CARRIED = {"pending", "commanded"}


async def test_what_is_asked_in_one_turn_is_read_at_once(world: World) -> None:
    """Any number of devices and commands, one statement each; asked again, none."""
    ask = world.unkept()
    with statements() as ran:
        for _ in range(2):
            found = await asyncio.gather(*(devices.named(ask, one.id) for one in world.lamps))
            await asyncio.gather(*(settled(devices.pending(ask, one)) for one in found))
    assert len(ran) == 2


async def test_what_was_changed_is_read_anew(world: World) -> None:
    """A mutation lets the operation forget what it had read."""
    lamp, ask = world.lamps[0], world.unkept()
    assert (await devices.named(ask, lamp.id)).state == lamp.state
    await world.report(lamp, 1, brightness=7)
    assert (await devices.named(ask, lamp.id)).state.brightness == 50
    ask.loaders.forget()
    assert (await devices.named(ask, lamp.id)).state.brightness == 7


async def test_an_event_never_waits_and_never_guesses(world: World) -> None:
    """What it carries is there at once; everything else is a bug of ours, whatever is asked."""
    command = await world.accept(world.lamps[0], on=False)
    events = await world.house.logs.events(world.home.id, 0, 100, {EventType.COMMAND_UPDATED})
    facts = EventFacts(events[-1])
    assert facts.pending(world.lamps[0]) == (command,)
    assert facts.commanded(command) == events[-1].device
    names = {name for name in vars(Loaders) if not name.startswith("_")}
    for name in names - CARRIED:
        with pytest.raises(LookupError, match="no event carries"):
            getattr(facts, name)("x")


async def test_records_of_a_remembered_event_stay_as_they_were(world: World) -> None:
    """Beside what is read now, an event's device shows what was pending then."""
    lamp, ask = world.lamps[0], world.ask()
    command = await world.accept(lamp, on=False)
    (event,) = await world.house.logs.events(world.home.id, 0, 9, {EventType.COMMAND_UPDATED})
    await world.house.services.commands.cancel(ask.who, command)
    ask.loaders.remember([event])
    assert event.device is not None
    assert await settled(devices.pending(ask, event.device)) == command
    assert await settled(devices.pending(ask, lamp)) is None


async def test_a_view_of_nothing_shows_nothing(world: World) -> None:
    """Who lost everything sees nothing, and no statement fails over it."""
    grant = await world.give(Share(world.home.id))
    await world.house.services.grants.revoke(grant)
    ask = world.ask(world.viewer(grant))
    assert await settled(ask.loaders.home(world.home.id)) is None
    assert await settled(ask.loaders.device(world.lamps[0].id)) is None
    assert await settled(ask.loaders.count_devices(())) == ask.loaders.count_homes() == 0


async def test_homes_in_memory_need_no_statement(world: World) -> None:
    """After the first look: devices, homes, rooms, lists and counts, and that nothing is asked."""
    ask = world.ask()
    first = await devices.named(ask, world.lamps[0].id)
    with statements() as ran:
        assert await devices.named(ask, first.id) is first
        home = await settled(ask.loaders.home(world.home.id))
        assert home == world.home
        rooms = await settled(ask.loaders.rooms(home))
        assert await settled(ask.loaders.room(rooms[0].id)) == rooms[0]
        assert await settled(devices.pending(ask, first)) is None
        assert await settled(ask.loaders.count_devices(())) == len(world.lamps)
        assert await settled(ask.loaders.devices(Part(9), DeviceOrder.NAME, ())) == world.lamps
        assert await settled(ask.loaders.homes(Part(9))) == [home]
    assert ran == []


async def test_how_far_a_command_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its moves are no events; and a command past its deadline is over, written or not."""
    first, other, ask = world.lamps[0], world.lamps[1], world.ask()
    command = await world.accept(first, on=False)
    await devices.named(ask, first.id)
    await world.dispatch(command)
    shown = await settled(devices.pending(ask, first))
    assert shown is not None
    assert shown.status is CommandStatus.DISPATCHED
    assert ask.loaders.pending(other) == ()
    too_late = later(world.house.clock, 11)
    monkeypatch.setattr(world.house.homes, "_clock", too_late)
    for ask in (world.ask(), world.ask(clock=too_late)):  # from memory, and then from the store
        assert await settled(devices.pending(ask, first)) is None
        monkeypatch.setattr(world.house.homes, "pending", lambda _: None)


async def test_what_one_does_is_seen_at_once(world: World) -> None:
    """Without forgetting anything: memory is told of a commit before its writer is."""
    first, ask = world.lamps[0], world.ask()
    for order in range(1, 9):
        await world.report(first, order, brightness=order)
        assert (await devices.named(ask, first.id)).state.brightness == order


async def test_a_home_too_many_is_read_from_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 32 homes, where each is small; one of them by name still comes from memory."""
    monkeypatch.setattr(homes, "MOST_HOMES", 1)
    other, (far,) = await world.more("Elm", lamp("far"))
    ask = world.ask(world.viewer(await world.give(Share(world.home.id), Share(other.id))))
    assert await settled(ask.loaders.count_devices(())) == len(world.lamps) + 1
    assert (await devices.named(ask, far.id)).name == "far"
    here = (DeviceFilter(home_id=other.id),)
    assert await settled(ask.loaders.devices(Part(9), DeviceOrder.NAME, here)) == [far]
    with statements() as ran:
        assert await settled(ask.loaders.count_devices(here)) == 1
    assert ran == []


async def test_what_a_grant_no_longer_shows_is_gone_at_once(world: World) -> None:
    """The snapshot is everybody's, the view is each asker's own."""
    attic, bath, _ = world.lamps
    grant = await world.give(Share(world.home.id, device_id=attic.id))
    ask = world.ask(world.viewer(grant))
    assert await settled(ask.loaders.device(attic.id)) == attic
    assert await settled(ask.loaders.device(bath.id)) is None
    assert await settled(ask.loaders.count_devices(())) == 1
    await world.house.services.grants.revoke(grant)
    ask = world.ask(world.viewer(grant))
    assert await settled(ask.loaders.device(attic.id)) is None
    assert await settled(ask.loaders.count_devices(())) == 0
