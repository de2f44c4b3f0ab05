"""Batches of one operation, and what events carry."""

import asyncio

import pytest

from core.domain.events import EventType
from core.domain.grants import Share
from resolvers import devices
from resolvers.answers import settled
from resolvers.facts import EventFacts
from resolvers.loaders import Loaders
from tests.resolvers.world import World, statements

CARRIED = {"pending", "commanded"}


async def test_what_is_asked_in_one_turn_is_read_at_once(world: World) -> None:
    """Any number of devices and commands, one statement each; asked again, none."""
    ask = world.ask()
    with statements() as ran:
        for _ in range(2):
            found = await asyncio.gather(*(devices.named(ask, one.id) for one in world.lamps))
            await asyncio.gather(*(settled(devices.pending(ask, one)) for one in found))
    assert len(ran) == 2


async def test_what_was_changed_is_read_anew(world: World) -> None:
    """A mutation lets the operation forget what it had read."""
    lamp, ask = world.lamps[0], world.ask()
    assert await devices.named(ask, lamp.id) == lamp
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
    assert await ask.loaders.count_devices(()) == await ask.loaders.count_homes() == 0
