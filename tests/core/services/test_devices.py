"""Devices: found, described anew, moved and removed, each with what that means for the rest."""

import asyncio
from dataclasses import replace

import pytest

from core.domain.commands import CommandErrorCode
from core.domain.devices import Capability, DeviceKind
from core.domain.errors import Missing
from core.domain.events import EventType
from core.domain.homes import Home
from core.services import Devices
from tests.core.services.estate import Estate, another_home, gaps, lamp

ADDED, UPDATED, REMOVED = (
    EventType.DEVICE_ADDED,
    EventType.DEVICE_UPDATED,
    EventType.DEVICE_REMOVED,
)


@pytest.fixture
def devices(estate: Estate) -> Devices:
    """The service."""
    return estate.house.services.devices


async def types(estate: Estate, after: int) -> list[EventType]:
    """What was told after a place."""
    return [event.type for event in (await estate.events())[after:]]


async def head(estate: Estate) -> int:
    """The newest place."""
    return len(await estate.events())


async def test_what_is_found_is_added(estate: Estate, devices: Devices) -> None:
    """A new device tells all that was found of it; a new room is told first, once."""
    before = await head(estate)
    found = [lamp("desk", "Study"), lamp("shelf", "Study"), lamp("nowhere", None)]
    made = await devices.reconcile(estate.home, found)
    assert await types(estate, before) == [EventType.HOME_UPDATED, ADDED, ADDED, ADDED]
    assert [device.room and device.room.name for device in made] == ["Study", "Study", None]
    assert await estate.now(made[0]) == made[0]
    assert (made[0].kind, made[0].state, made[0].model) == (DeviceKind.LIGHT, found[0].state, "L1")
    assert gaps(await estate.events()) == []


async def test_what_is_known_is_left_alone(estate: Estate, devices: Devices) -> None:
    """Finding the same again tells nothing, whatever the device has been called meanwhile."""
    await devices.describe(estate.lamp, "My lamp", None)
    before = await head(estate)
    (same,) = await devices.reconcile(estate.home, [lamp("lamp")])
    assert same.name == "My lamp"
    assert await types(estate, before) == []


async def test_what_has_changed_is_described_anew(estate: Estate, devices: Devices) -> None:
    """New abilities and firmware are taken in; name, room and state stay."""
    await estate.hear(1, on=True)
    able = (*lamp("lamp").capabilities, Capability.COLOR)
    newer = replace(lamp("lamp", "Attic"), name="x", firmware="2.0", capabilities=able)
    before = await head(estate)
    (changed,) = await devices.reconcile(estate.home, [newer])
    assert await types(estate, before) == [UPDATED]
    assert (changed.firmware, changed.capabilities) == ("2.0", able)
    assert (changed.name, changed.room) == ("lamp", estate.lamp.room)
    assert changed.state.on is True


async def test_what_is_not_found_stays(estate: Estate, devices: Devices) -> None:
    """A device that a connector does not find is only out of reach."""
    before = await head(estate)
    assert await devices.reconcile(estate.home, []) == []
    assert await types(estate, before) == []
    assert await estate.now() == estate.lamp


async def test_addresses_are_those_of_one_home(estate: Estate, devices: Devices) -> None:
    """The same address in another home is another device, in the same transaction, too."""
    cabin = await another_home(estate)
    both = await asyncio.gather(
        devices.reconcile(estate.home, [lamp("lamp"), lamp("new")]),
        devices.reconcile(cabin, [lamp("lamp"), lamp("new")]),
    )
    ids = {device.id for made in both for device in made}
    assert len(ids) == 4
    assert {device.room.home.id for device in both[1] if device.room} == {cabin.id}


async def test_finding_twice_at_once_adds_once(estate: Estate, devices: Devices) -> None:
    """Two that find the same device at the same moment make one of it."""
    found = [lamp("new")]
    one, other = await asyncio.gather(
        devices.reconcile(estate.home, found), devices.reconcile(estate.home, found)
    )
    assert one == other
    assert len(await estate.house.devices_of(estate.home.id)) == 2


async def test_a_home_that_is_not_there_gets_no_devices(devices: Devices) -> None:
    """Reconciling it is refused."""
    with pytest.raises(Missing):
        await devices.reconcile(Home("home_none", "x", "UTC"), [lamp("lamp")])


async def test_a_device_is_renamed_and_moved(estate: Estate, devices: Devices) -> None:
    """Both at once are one event, which carries the device as it is now."""
    room = await estate.house.services.homes.add_room(estate.home.id, "Study")
    before = await head(estate)
    moved = await devices.describe(estate.lamp, "Desk lamp", room)
    (event,) = (await estate.events())[before:]
    assert event.type is UPDATED
    assert event.device is not None
    assert (event.device.name, event.device.room) == ("Desk lamp", room)
    assert await estate.now() == moved


async def test_a_device_does_not_move_to_another_home(estate: Estate, devices: Devices) -> None:
    """A room of another home is none for it, even while that home is worked on, too."""
    cabin, homes = await another_home(estate), estate.house.services.homes
    room = await homes.add_room(cabin.id, "Loft")
    move = devices.describe(estate.lamp, "lamp", room)
    _, refused = await asyncio.gather(
        homes.rename_room(room, "Attic"), move, return_exceptions=True
    )
    assert isinstance(refused, Missing)
    assert await estate.now() == estate.lamp


async def test_a_removed_device_ends_its_commands(estate: Estate, devices: Devices) -> None:
    """First the commands end, rejected, and then the device is gone, as it was last."""
    command, before = await estate.ask(on=True), await head(estate)
    await devices.remove(estate.lamp)
    told = (await estate.events())[before:]
    assert [event.type for event in told] == [EventType.COMMAND_UPDATED, REMOVED]
    assert told[0].command is not None
    assert told[0].command.error is not None
    assert (told[0].command.id, told[0].command.error.code) == (
        command.id,
        CommandErrorCode.DEVICE_REJECTED,
    )
    assert told[1].device is not None
    assert told[1].device.name == "lamp"
    assert gaps(await estate.events()) == []


async def test_what_is_gone_is_gone(estate: Estate, devices: Devices) -> None:
    """A removed device can be neither removed, described, asked nor heard."""
    command = await estate.ask(on=True)
    await devices.remove(estate.lamp)
    before = await head(estate)
    for work in (
        devices.remove(estate.lamp),
        devices.describe(estate.lamp, "x", None),
        estate.ask(on=True),
    ):
        with pytest.raises(Missing):
            await work
    assert not (await estate.hear(1, command, on=True)).ended
    assert await types(estate, before) == []
