"""Devices as a viewer finds them, on a real store."""

import pytest

from core.domain.commands import CommandStatus
from core.domain.devices import Device, State
from core.domain.errors import Invalid, Missing, Unauthenticated
from core.domain.grants import Share
from resolvers import devices, homes
from resolvers.answers import settled
from resolvers.paging import Page, window
from tests.resolvers.world import World, lamp, later

ODD_IDS = [
    "",
    "device",
    "device_",
    "home_" + "0" * 32,
    "device_\x00",
    "device_\ud800",
    "x" * 10_000,
]


async def test_pages_follow_their_cursors(any_world: World) -> None:
    """Forward and back, on both databases, by the bytes of the name without its case."""
    found = [lamp("d", "äpfel"), lamp("e", "Zoo"), lamp("f", "ATTIC")]
    await any_world.house.services.devices.reconcile(any_world.home, found)
    pages: list[Page[Device]] = []
    for _ in range(3):
        cursor = pages[-1].end_cursor if pages else None
        pages.append(await devices.listed(any_world.ask(), window(2, cursor)))
    seen = [device.name.casefold() for page in pages for device in page.nodes]
    assert seen == ["attic", "attic", "bath", "cellar", "zoo", "äpfel"]
    assert [await settled(page.has_next_page) for page in pages] == [True, True, False]
    assert [await settled(page.has_previous_page) for page in pages] == [False, True, True]
    assert await pages[0].total_count == 6
    back = await devices.listed(any_world.ask(), window(last=2, before=pages[2].start_cursor))
    assert [device.name for device in back.nodes] == ["Bath", "Cellar"]


async def test_a_cursor_is_its_list_s_and_its_grant_s(world: World) -> None:
    """A cursor of another list, of another grant or of nobody is refused with its argument."""
    page = await homes.listed(world.ask(), window())
    other = await world.give(Share(world.home.id))
    theirs = await devices.listed(world.ask(world.viewer(other)), window())
    for cursor in ("", "nonsense", "é", page.end_cursor, theirs.end_cursor):
        with pytest.raises(Invalid, match="before is not a cursor of this list") as refused:
            await devices.listed(world.ask(), window(last=1, before=cursor))
        assert refused.value.field == "before"


async def test_what_was_not_shared_is_not_there(world: World) -> None:
    """A share of one room and one device opens these and nothing else of the home."""
    attic, bath, _ = world.lamps
    assert bath.room is not None
    room, one = Share(world.home.id, room_id=bath.room.id), Share(world.home.id, device_id=attic.id)
    ask = world.ask(world.viewer(await world.give(room, one)))
    page = await devices.listed(ask, window())
    assert [device.name for device in page.nodes] == ["Attic", "Bath"]
    assert await page.total_count == 2
    found = [await settled(devices.find(ask, lamp.id)) for lamp in world.lamps]
    assert found == [attic, bath, None]
    assert [one.name for one in await settled(homes.rooms(ask, world.home))] == ["Bathroom", "Loft"]


@pytest.mark.parametrize("device_id", ODD_IDS)
async def test_an_id_that_cannot_be(any_world: World, device_id: str) -> None:
    """Null, as for any missing device, whatever the text."""
    ask = any_world.ask()
    assert await settled(devices.find(ask, device_id)) is None
    with pytest.raises(Missing):
        await devices.named(ask, device_id)


async def test_open_commands_are_what_is_desired(world: World) -> None:
    """The newest is pending; together they ask for what no newer one took over."""
    lamp = world.lamps[0]
    assert await settled(devices.pending(world.ask(), lamp)) is None
    assert await settled(devices.desired(world.ask(), lamp)) is None
    await world.accept(lamp, on=False, brightness=10)
    newer = await world.accept(lamp, brightness=20)
    pending = await settled(devices.pending(world.ask(), lamp))
    assert pending == newer
    desired = await settled(devices.desired(world.ask(), lamp))
    assert desired == State(on=False, brightness=20)


async def test_nothing_is_pending_past_its_deadline(world: World) -> None:
    """A command that nobody ended yet reads as over once its time has come."""
    lamp = world.lamps[0]
    command = await world.accept(lamp, on=False)
    assert command.status is CommandStatus.ACCEPTED
    ask = world.ask(clock=later(world.house.clock, 11))
    assert await settled(devices.pending(ask, lamp)) is None
    assert await settled(devices.desired(ask, lamp)) is None


async def test_nobody_has_no_devices(world: World) -> None:
    """Without a viewer there is no list."""
    ask = world.ask()
    ask.viewer = None
    with pytest.raises(Unauthenticated):
        await devices.listed(ask, window())
