"""Reads: pages by key in both directions, full and right under whatever the view shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from core.domain.devices import Device
from core.domain.grants import View
from core.domain.homes import Home, Role, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store.lists import DEVICES, Slice
from core.store.reads import Reads
from core.store.rows import name_key
from tests.core.services.estate import Estate, another_home, lamp

NAMES = ("b", "a", "B", "ä", "Zebra", "zebra", "é", "a", "", "straße", "STRASSE", "10", "9")
NOTHING = View(frozenset(), frozenset(), frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Land:
    """Two homes with all their devices, by name as the lists have them."""

    estate: Estate
    homes: Sequence[Home]
    devices: Sequence[Device]
    rooms: Sequence[Room]

    @property
    def reads(self) -> Reads:
        """The read side of the house."""
        return self.estate.house.reads

    def view(self, *, whole: int = 0, rooms: int = 0, devices: int = 0) -> View:
        """A view of the first so many homes, rooms and devices."""
        shown: list[Room | Device] = [*self.rooms[:rooms], *self.devices[:devices]]
        homes = {one.home.id for one in shown} | {one.id for one in self.homes[:whole]}
        return View(
            frozenset(one.id for one in self.homes[:whole]),
            frozenset(one.id for one in self.rooms[:rooms]),
            frozenset(one.id for one in self.devices[:devices]),
            frozenset(homes),
        )

    def seen(self, view: View) -> list[Device]:
        """What the view shows, in order."""
        return [device for device in self.devices if view.sees(device)]


def in_order(record: Device | Home) -> tuple[bytes, str]:
    """As the database sorts."""
    return name_key(record.name).encode(), record.id


def by_room(device: Device) -> tuple[bool, bytes, bytes, str]:
    """As the order of rooms is promised: what is in none comes last."""
    room = name_key(device.room.name) if device.room else ""
    return (device.room is None, room.encode(), *in_order(device))


def by_update(device: Device) -> tuple[float, str]:
    """As the order of updates is promised."""
    return -device.updated_at.timestamp(), device.id


SORTS: dict[DeviceOrder, Callable[[Device], Any]] = {
    DeviceOrder.NAME: in_order,
    DeviceOrder.ROOM: by_room,
    DeviceOrder.UPDATED_DESC: by_update,
}
orders = st.sampled_from(DeviceOrder)


@pytest.fixture
async def land(estate: Estate) -> Land:
    """The estate's home and a cabin, with devices of many names in some rooms."""
    reconcile = estate.house.services.devices.reconcile
    cabin = await another_home(estate)
    for home in (estate.home, cabin):
        rooms = ("Hall", "Study", None)
        found = [lamp(f"{n}", rooms[n % 3]) for n in range(len(NAMES))]
        await reconcile(home, [replace(one, name=NAMES[int(one.address)]) for one in found])
    homes = sorted([estate.home, cabin], key=in_order)
    devices = [one for home in homes for one in await estate.house.devices_of(home.id)]
    rooms_seen = {one.room.id: one.room for one in devices if one.room is not None}
    return Land(estate, homes, sorted(devices, key=in_order), list(rooms_seen.values()))


async def forwards(land: Land, view: View, order: DeviceOrder, limit: int) -> list[Device]:
    """All devices, page by page from the start."""
    found: list[Device] = []
    while page := await land.reads.devices(
        view, Slice(limit, DEVICES[order].key(found[-1]) if found else None), order
    ):
        found += page
        if len(page) < limit:
            break
    last = Slice(1, DEVICES[order].key(found[-1])) if found else Slice(1)
    assert await land.reads.devices(view, last, order) == []
    return found


async def backwards(land: Land, view: View, order: DeviceOrder, limit: int) -> list[Device]:
    """All devices, page by page from the end."""
    found: list[Device] = []
    while page := await land.reads.devices(
        view,
        Slice(limit, before=DEVICES[order].key(found[0]) if found else None, from_end=True),
        order,
    ):
        found = [*page, *found]
    return found


some = st.integers(0, 3)


@settings(max_examples=settings().max_examples // 4)
@given(whole=st.integers(0, 2), rooms=some, devices=some, order=orders, limit=st.integers(1, 9))
async def test_pages_walk_both_ways(
    land: Land, whole: int, rooms: int, devices: int, order: DeviceOrder, limit: int
) -> None:
    """From either end, pages of any size give exactly what the view shows, in order."""
    view = land.view(whole=whole, rooms=rooms, devices=devices)
    expected = sorted(land.seen(view), key=SORTS[order])
    assert await forwards(land, view, order, limit) == expected
    assert await backwards(land, view, order, limit) == expected
    assert await land.reads.count_devices(view) == len(expected)


@settings(max_examples=settings().max_examples // 2)
@given(st.data(), orders)
async def test_a_slice_is_a_slice(land: Land, data: st.DataObject, order: DeviceOrder) -> None:
    """What lies strictly between two keys, from the named end, at most so many."""
    everything = sorted(land.devices, key=SORTS[order])
    places = st.none() | st.integers(0, len(everything) - 1)
    limit, low, high = data.draw(st.integers(1, 30)), data.draw(places), data.draw(places)
    after, before = (
        None if at is None else DEVICES[order].key(everything[at]) for at in (low, high)
    )
    part = Slice(limit, after, before, data.draw(st.booleans()))
    between = everything[0 if low is None else low + 1 : high]
    kept = between[-limit:] if part.from_end else between[:limit]
    assert await land.reads.devices(land.view(whole=2), part, order) == kept


@pytest.mark.parametrize("order", DeviceOrder)
async def test_keys_ascend_as_the_list_goes_on(land: Land, order: DeviceOrder) -> None:
    """In the order of Python, by which pages know whether there is something beyond them."""
    found = await land.reads.devices(land.view(whole=2), Slice(100), order)
    keys = [DEVICES[order].key(one) for one in found]
    assert keys == sorted(keys)
    assert len(found) == len(land.devices)


async def test_lists_of_one_home_or_room(land: Land) -> None:
    """A list of one home or room holds what the view shows of it, and counts that."""
    reads, view = land.reads, land.view(whole=1, devices=4)
    for home in land.homes:
        expected = [one for one in land.seen(view) if one.home.id == home.id]
        only = [DeviceFilter(home_id=home.id)]
        assert await reads.devices(view, Slice(100), filters=only) == expected
        assert await reads.count_devices(view, only) == len(expected)
    for room in land.rooms:
        expected = [one for one in land.seen(view) if one.room and one.room.id == room.id]
        only = [DeviceFilter(room_id=room.id)]
        assert await reads.devices(view, Slice(100), filters=only) == expected
        assert await reads.count_devices(view, only) == len(expected)


async def test_an_empty_view_sees_nothing(land: Land) -> None:
    """Who was shared nothing is told of nothing, by whatever way they ask."""
    reads, ids = land.reads, [one.id for one in land.devices]
    homes, rooms = [one.id for one in land.homes], [one.id for one in land.rooms]
    assert await reads.devices(NOTHING, Slice(9)) == []
    assert await reads.count_devices(NOTHING) == 0
    assert await reads.devices_by_id(NOTHING, ids) == {}
    assert await reads.homes(NOTHING, Slice(9)) == []
    assert await reads.homes_by_id(NOTHING, homes) == {}
    assert await reads.rooms(NOTHING, homes) == {home: [] for home in homes}
    assert await reads.rooms_by_id(NOTHING, rooms) == {}


async def test_records_by_id_are_the_visible_ones(land: Land) -> None:
    """Hidden and unknown ids are left out alike."""
    view = land.view(rooms=1, devices=1)
    shown = {device.id: device for device in land.seen(view)}
    ids = [*(device.id for device in land.devices), "device_none"]
    assert await land.reads.devices_by_id(view, ids) == shown


async def test_homes_are_those_that_the_view_touches(land: Land) -> None:
    """A single device is enough to see its home, and homes come by name."""
    reads, view = land.reads, land.view(devices=1)
    ids = [home.id for home in land.homes]
    assert await reads.homes(land.view(whole=2), Slice(9)) == list(land.homes)
    assert await reads.homes(land.view(whole=2), Slice(1, from_end=True)) == [land.homes[-1]]
    assert await reads.homes(view, Slice(9)) == [land.devices[0].home]
    assert list(await reads.homes_by_id(view, ids)) == [land.devices[0].home.id]


async def test_rooms_are_seen_by_their_devices(land: Land) -> None:
    """A room is seen with its home, by itself, or because one of its devices is shared."""
    reads, ids = land.reads, [home.id for home in land.homes]
    lodged = next(device for device in land.devices if device.room is not None)
    only = View(frozenset(), frozenset(), frozenset({lodged.id}), frozenset({lodged.home.id}))
    for view in (land.view(whole=2), land.view(whole=1), land.view(rooms=2), only):
        shown = {room.id for room in land.rooms if room.home.id in view.whole} | view.rooms
        shown |= {device.room.id for device in land.seen(view) if device.room}
        found = await reads.rooms(view, ids)
        assert {room.id for rooms in found.values() for room in rooms} == shown
        assert set(await reads.rooms_by_id(view, [room.id for room in land.rooms])) == shown


async def test_removed_devices_are_gone_from_every_read(land: Land) -> None:
    """Whoever saw a device sees it no more, nor counts it, nor finds its commands."""
    estate, view = land.estate, land.view(whole=2)
    gone = estate.lamp
    command = await estate.ask(on=True)
    await estate.house.services.devices.remove(gone)
    assert gone.id not in {device.id for device in await land.reads.devices(view, Slice(100))}
    assert await land.reads.count_devices(view) == len(land.devices) - 1
    assert await land.reads.devices_by_id(view, [gone.id]) == {}
    assert await land.reads.commands_by_id(view, [command.id]) == {}


async def test_commands_are_seen_with_their_device(land: Land) -> None:
    """A command is shown to whoever sees its device, and pending ones come oldest first."""
    estate = land.estate
    first, second = await estate.ask(on=True), await estate.ask(brightness=7)
    seen = View(frozenset(), frozenset(), frozenset({estate.lamp.id}), frozenset({estate.home.id}))
    ids = [first.id, second.id]
    assert set(await land.reads.commands_by_id(seen, ids)) == set(ids)
    assert await land.reads.commands_by_id(NOTHING, ids) == {}
    pending = await land.reads.pending([estate.lamp.id, land.devices[0].id])
    assert pending == {estate.lamp.id: [first, second], land.devices[0].id: []}


async def test_roles_are_those_of_the_user(land: Land) -> None:
    """A user's role in each home that they belong to."""
    estate = land.estate
    bob = await estate.house.services.accounts.create_user("Bob")
    await estate.house.services.homes.set_member(estate.home.id, bob.id, Role.GUEST)
    assert await land.reads.roles(bob.id) == {estate.home.id: Role.GUEST}
    assert set((await land.reads.roles(estate.user.id)).values()) == {Role.OWNER}


async def test_a_home_with_all_that_is_in_it(land: Land) -> None:
    """One look: place, home, rooms by name, devices as events carry them, open commands."""
    estate = land.estate
    await estate.ask(on=True)
    await estate.hear(9, brightness=3)
    now = await land.reads.home_now(estate.home.id, 100)
    assert now is not None
    assert now.place == (await estate.house.logs.heads([estate.home.id]))[estate.home.id]
    assert now.home == estate.home
    assert [now.rooms] == list(
        (await land.reads.rooms(land.view(whole=2), [estate.home.id])).values()
    )
    stored = await estate.house.devices_of(estate.home.id)
    assert {one.id: one for one in now.devices} == {
        one.id: replace(one, address="", order=0) for one in stored
    }
    assert now.pending.keys() == {estate.lamp.id}


async def test_a_home_that_is_missing_or_too_large(land: Land) -> None:
    """Neither is read whole; a device that was removed does not count."""
    estate = land.estate
    count = len(await estate.house.devices_of(estate.home.id))
    assert await land.reads.home_now("home_none", 100) is None
    assert await land.reads.home_now(estate.home.id, count - 1) is None
    await estate.house.services.devices.remove(estate.lamp)
    assert await land.reads.home_now(estate.home.id, count - 1) is not None
