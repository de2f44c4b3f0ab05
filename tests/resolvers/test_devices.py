"""Devices as a viewer finds them, on a real store."""

import pytest

from core.domain.commands import CommandStatus
from core.domain.devices import Device, State
from core.domain.errors import Invalid, Missing, Unauthenticated
from core.domain.grants import Share
from core.domain.lists import DeviceFilter, DeviceOrder
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
        pages.append(await settled(devices.listed(any_world.ask(), window(2, cursor))))
    seen = [device.name.casefold() for page in pages for device in page.nodes]
    assert seen == ["attic", "attic", "bath", "cellar", "zoo", "äpfel"]
    assert [await settled(page.has_next_page) for page in pages] == [True, True, False]
    assert [await settled(page.has_previous_page) for page in pages] == [False, True, True]
    assert await settled(pages[0].total_count) == 6
    back = await settled(
        devices.listed(any_world.ask(), window(last=2, before=pages[2].start_cursor))
    )
    assert [device.name for device in back.nodes] == ["Bath", "Cellar"]


async def test_a_cursor_is_its_list_s_and_its_grant_s(world: World) -> None:
    """A cursor of another list, of another grant or of nobody is refused with its argument."""
    page = await settled(homes.listed(world.ask(), window()))
    other = await world.give(Share(world.home.id))
    theirs = await settled(devices.listed(world.ask(world.viewer(other)), window()))
    for cursor in ("", "nonsense", "é", page.end_cursor, theirs.end_cursor):
        with pytest.raises(Invalid, match="before is not a cursor of this list") as refused:
            await settled(devices.listed(world.ask(), window(last=1, before=cursor)))
        assert refused.value.field == "before"


@pytest.mark.parametrize("order", DeviceOrder)
async def test_an_order_walks_both_ways(any_world: World, order: DeviceOrder) -> None:
    """Each page knows what is before and after it, and the way back is the way there."""
    found = [lamp("d", "Bath", "Loft"), lamp("e", "attic"), lamp("f", "Zoo", "bathroom")]
    await any_world.house.services.devices.reconcile(any_world.home, found)
    there: list[Page[Device]] = []
    for _ in range(3):
        cursor = there[-1].end_cursor if there else None
        there.append(await settled(devices.listed(any_world.ask(), window(2, cursor), order)))
    assert [await settled(page.has_next_page) for page in there] == [True, True, False]
    assert [await settled(page.has_previous_page) for page in there] == [False, True, True]
    back: list[Page[Device]] = []
    for _ in range(3):
        cursor = back[-1].start_cursor if back else None
        here = window(last=2, before=cursor)
        back.append(await settled(devices.listed(any_world.ask(), here, order)))
    assert [page.nodes for page in back] == [page.nodes for page in there[::-1]]
    assert [await settled(page.has_next_page) for page in back] == [False, True, True]
    assert [await settled(page.has_previous_page) for page in back] == [True, True, False]


async def test_what_is_in_no_room_comes_last(any_world: World) -> None:
    """By the name of the room without its case, then by that of the device."""
    found = [lamp("d", "Bath", "Loft"), lamp("e", "attic"), lamp("f", "Zoo", "bathroom")]
    await any_world.house.services.devices.reconcile(any_world.home, found)
    page = await settled(devices.listed(any_world.ask(), window(), DeviceOrder.ROOM))
    seen = [(one.room.name if one.room else None, one.name) for one in page.nodes]
    assert seen == [
        ("Bathroom", "Bath"),
        ("bathroom", "Zoo"),
        ("Loft", "Attic"),
        ("Loft", "Bath"),
        (None, "attic"),
        (None, "Cellar"),
    ]


async def test_what_changed_last_comes_first(any_world: World) -> None:
    """A report that changes something puts its device to the front."""
    attic, bath, _ = any_world.lamps
    await any_world.report(bath, 1, brightness=1)
    await any_world.report(attic, 1, brightness=1)
    page = await settled(devices.listed(any_world.ask(), window(2), DeviceOrder.UPDATED_DESC))
    assert [one.name for one in page.nodes] == ["Attic", "Bath"]


async def test_a_cursor_is_of_its_order_and_of_no_filter(world: World) -> None:
    """Another order refuses it; the same order goes on from it, whatever is filtered."""
    for order in DeviceOrder:
        page = await settled(devices.listed(world.ask(), window(1), order))
        for other in set(DeviceOrder) - {order}:
            with pytest.raises(Invalid, match="in the same order") as refused:
                await settled(devices.listed(world.ask(), window(1, page.end_cursor), other))
            assert refused.value.field == "after"
    page = await settled(devices.listed(world.ask(), window(1)))
    only = (DeviceFilter(home_id=world.home.id, name="a"),)
    rest = await settled(devices.listed(world.ask(), window(9, page.end_cursor), filters=only))
    assert [one.name for one in rest.nodes] == ["Bath", "Cellar"]


@pytest.mark.parametrize("odd", [*ODD_IDS, "nonsense", "room_1"])
async def test_an_unknown_place_has_no_devices(any_world: World, odd: str) -> None:
    """Whatever the text: the list is empty, and says nothing of what is hidden."""
    for only in (DeviceFilter(home_id=odd), DeviceFilter(room_id=odd)):
        page = await settled(devices.listed(any_world.ask(), window(), filters=(only,)))
        assert (list(page.nodes), await settled(page.total_count)) == ([], 0)
        assert page.end_cursor is None


async def test_a_hidden_place_has_no_devices(world: World) -> None:
    """A home or room that was not shared answers as one that is not there."""
    home, (device,) = await world.more("Elm", lamp("x", room="Den"))
    assert device.room is not None
    for only in (DeviceFilter(home_id=home.id), DeviceFilter(room_id=device.room.id)):
        page = await settled(devices.listed(world.ask(), window(), filters=(only,)))
        assert (list(page.nodes), await settled(page.total_count)) == ([], 0)


@pytest.mark.parametrize("name", ["\0", "\ud800", "a\0"])
async def test_a_name_that_no_device_can_have(any_world: World, name: str) -> None:
    """It matches nothing, and no database is asked what it could not store."""
    page = await settled(
        devices.listed(any_world.ask(), window(), filters=(DeviceFilter(name=name),))
    )
    assert (list(page.nodes), await settled(page.total_count)) == ([], 0)


async def test_what_was_not_shared_is_not_there(world: World) -> None:
    """A share of one room and one device opens these and nothing else of the home."""
    attic, bath, _ = world.lamps
    assert bath.room is not None
    room, one = Share(world.home.id, room_id=bath.room.id), Share(world.home.id, device_id=attic.id)
    ask = world.ask(world.viewer(await world.give(room, one)))
    page = await settled(devices.listed(ask, window()))
    assert [device.name for device in page.nodes] == ["Attic", "Bath"]
    assert await settled(page.total_count) == 2
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
        await settled(devices.listed(ask, window()))
