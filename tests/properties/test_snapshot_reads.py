"""Reading from memory against reading from the store: the same answers, whatever was changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings, strategies as st

from app.compose import House
from core import feed
from core.domain.devices import Capability, Device, DeviceKind
from core.domain.errors import Missing
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Share, View
from core.domain.homes import Home
from core.domain.lists import DeviceFilter, DeviceOrder
from core.domain.ports import Report
from core.store.lists import DEVICES, HOMES
from resolvers.answers import settled
from resolvers.loaders import SnapshotLoaders, StoreLoaders
from resolvers.paging import Part
from tests.conftest import Run
from tests.core.services.estate import (
    MOST,
    SCOPES,
    Estate,
    another_home,
    eventually,
    lamp,
    settle,
)

T = TypeVar("T")
NAMES = ("b", "a", "B", "ä", "é", "straße", "STRASSE", "10", "9", "a_b", "aXb", "100 %")
ROOMS = ("Hall", "Study", "hall", None)


@dataclass(frozen=True, slots=True)
class Land:
    """Two processes on one database, three homes of one user, and a grant of all of it."""

    houses: tuple[House, House]
    estate: Estate
    homes: Sequence[Home]

    async def devices(self) -> list[Device]:
        """Every device that there is."""
        return [one for home in self.homes for one in await self.houses[0].devices_of(home.id)]

    async def change(self, random: Random) -> None:
        """Something happens somewhere, written by either process."""
        house, home = random.choice(self.houses), random.choice(self.homes)
        services, devices = house.services, await house.devices_of(home.id)
        rooms = await house.reads.rooms(whole([home.id]), [home.id])
        device = random.choice(devices) if devices else None
        name, room = random.choice(NAMES), random.choice([None, *rooms[home.id]])
        what = random.randrange(8)
        if what == 0 or device is None:
            found = replace(lamp(f"{random.random()}", random.choice(ROOMS)), name=name)
            kind = random.choice((DeviceKind.LIGHT, DeviceKind.LOCK))
            await services.devices.reconcile(home, [replace(found, kind=kind)])
        elif what == 1:
            await services.devices.remove(device)
        elif what == 2:
            await services.devices.describe(device, name, room)
        elif what == 3 and room is not None:
            await services.homes.rename_room(room, name)
        elif what == 4 and room is not None:
            await services.homes.remove_room(room)
        elif what == 5:
            await services.homes.rename(home.id, name)
        else:
            said = replace(device.state, brightness=random.randrange(100))
            online = random.choice((None, True, False))
            report = Report(device.id, device.order + 1, said, online=online)
            await services.reports.take(home.id, report, frozenset())

    async def shares(self, random: Random) -> list[Share]:
        """Some homes, rooms and devices, as a user may share them, with and without locks."""
        devices, locks = await self.devices(), random.random() < 0.5
        chosen = [Share(one.id, locks=locks) for one in self.homes if random.random() < 0.3]
        for device in devices:
            if random.random() < 0.2:
                chosen.append(Share(device.home.id, device_id=device.id))
            if device.room is not None and random.random() < 0.1:
                chosen.append(Share(device.home.id, room_id=device.room.id, locks=locks))
        return chosen

    async def settled(self, house: House) -> None:
        """Wait until a process has the snapshots of all homes as they are now."""
        ids = [home.id for home in self.homes]
        heads = await house.logs.heads(ids)

        async def there() -> bool:
            await house.homes.load(ids)
            found = house.homes.now(ids)
            return found is not None and {one.home.id: one.place for one in found} == heads

        await eventually(there)


@pytest.fixture
async def land(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Land]:
    """Two houses that poll often."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.02)
    async with run_house(database_url) as one, run_house(database_url) as two:
        estate = await settle(one, [lamp("1"), lamp("2"), lamp("3", "Study")])
        homes = [estate.home, *[await another_home(estate, name) for name in "ab"]]
        yield Land((one, two), estate, homes)


def whole(home_ids: Sequence[str]) -> View:
    """A view of all of these homes."""
    return View(frozenset(home_ids), frozenset(), frozenset(), frozenset(home_ids))


def view_of(shares: Sequence[Share]) -> View:
    """What these shares show."""
    grant = Grant("grant_1", "user_1", "client_1", SCOPES, tuple(shares), None)  # type: ignore[arg-type]  # no view asks for its time
    return grant.view


def bare(devices: Sequence[Device | None]) -> list[Device | None]:
    """Devices without what only the store knows of them."""
    return [one and replace(one, address="", order=0) for one in devices]


def filters_of(random: Random, devices: Sequence[Device], homes: Sequence[Home]) -> DeviceFilter:
    """A filter that finds something now and then."""
    device = random.choice(devices) if devices else None

    def sometimes(value: T) -> T | None:
        return value if random.random() < 0.3 else None

    return DeviceFilter(
        home_id=sometimes(random.choice(homes).id),
        room_id=sometimes(device.room.id if device and device.room else "room_none"),
        kinds=sometimes(frozenset({random.choice(tuple(DeviceKind)[:3])})),
        capabilities=sometimes(frozenset({random.choice(tuple(Capability)[:3])})),
        online=sometimes(random.random() < 0.5),
        name=sometimes(random.choice(NAMES)[:2]),
    )


def part_of(random: Random, keys: Sequence[object]) -> Part:
    """A part of a list between any two of its keys, from either end."""
    pick = [None, *keys]
    after, before = random.choice(pick), random.choice(pick)
    return Part(random.randint(1, 6), after, before, from_end=random.random() < 0.5)  # type: ignore[arg-type]  # keys of the list


@dataclass(frozen=True, slots=True)
class Both:
    """The two ways to answer one viewer."""

    kept: SnapshotLoaders
    stored: StoreLoaders

    async def compare(self, random: Random, land: Land, view: View) -> None:
        """Ask both for everything, and for some lists."""
        devices, ids = await land.devices(), ["device_none", "home_none", "room_none"]
        ids += [one.id for one in devices] + [one.room.id for one in devices if one.room]
        for one in (*ids, *(home.id for home in land.homes)):
            for name in ("device", "home", "room"):
                kept = await settled(getattr(self.kept, name)(one))
                stored = await settled(getattr(self.stored, name)(one))
                assert kept == (bare([stored])[0] if isinstance(stored, Device) else stored)
        for home in land.homes:
            if home.id in view.homes:
                assert await settled(self.kept.rooms(home)) == await settled(
                    self.stored.rooms(home)
                )
        for _ in range(6):
            await self.compare_lists(random, land, devices)

    async def compare_lists(self, random: Random, land: Land, devices: Sequence[Device]) -> None:
        """One list of devices and one of homes."""
        order = random.choice(tuple(DeviceOrder))
        part = part_of(random, [DEVICES[order].key(one) for one in devices])
        count = random.randrange(3)
        asked = tuple(filters_of(random, devices, land.homes) for _ in range(count))
        kept, stored = [
            await settled(one.devices(part, order, asked)) for one in (self.kept, self.stored)
        ]
        assert list(kept) == bare(stored)
        counts = [await settled(one.count_devices(asked)) for one in (self.kept, self.stored)]
        assert counts[0] == counts[1]
        homes = part_of(random, [HOMES.key(home) for home in land.homes])
        theirs = [await settled(one.homes(homes)) for one in (self.kept, self.stored)]
        assert theirs[0] == theirs[1]


@settings(max_examples=settings().max_examples // 2)
@given(seed=st.integers(0, 2**32))
async def test_memory_answers_as_the_store_does(land: Land, seed: int) -> None:
    """After any changes, under any view, in any process: the same records, lists and counts."""
    random = Random(seed)
    house = random.choice(land.houses)
    await land.settled(house)
    for _ in range(random.randrange(4)):
        await land.change(random)
    view = view_of(await land.shares(random))
    await land.settled(house)
    kept = SnapshotLoaders(house.reads, house.logs, view, house.homes)
    await Both(kept, StoreLoaders(house.reads, house.logs, view)).compare(random, land, view)


def folded(events: Sequence[Event], place: int) -> tuple[dict[str, Device], set[str]]:
    """The devices of a home, and which have open commands, as its log says up to a place."""
    devices: dict[str, Device] = {}
    busy: set[str] = set()
    for event in events[:place]:
        if event.device is None:
            continue
        busy.discard(event.device.id)
        if event.type is EventType.DEVICE_REMOVED:
            devices.pop(event.device.id)
            continue
        devices[event.device.id] = event.device
        if event.pending:
            busy.add(event.device.id)
    return devices, busy


@settings(max_examples=settings().max_examples // 10)
@given(seed=st.integers(0, 2**32))
async def test_a_snapshot_is_its_place_in_the_log(land: Land, seed: int) -> None:
    """While both processes write: what a snapshot shows is what happened up to its place."""
    random = Random(seed)
    looks: list[tuple[str, int, dict[str, Device], set[str]]] = []
    ids = [home.id for home in land.homes]

    async def look(house: House) -> None:
        for _ in range(40):
            await house.homes.load(ids)
            looks.extend(
                (found.home.id, found.place, dict(found.devices), set(found.pending.devices))
                for found in house.homes.now(ids) or ()
            )
            await asyncio.sleep(random.choice((0, 0.002)))

    async def write(number: int) -> None:
        ours = Random(seed + number)
        for _ in range(6):
            with suppress(Missing):  # somebody else was faster
                await land.change(ours)

    await asyncio.gather(*map(look, land.houses), *map(write, range(3)))
    logs = {key: await land.houses[0].logs.events(key, 0, MOST) for key in ids}
    assert looks
    for home_id, place, devices, busy in looks:
        truth, open_ones = folded(logs[home_id], place)
        assert {key: facts(one) for key, one in devices.items()} == {
            key: facts(one) for key, one in truth.items()
        }
        assert busy == open_ones


def facts(device: Device) -> tuple[object, ...]:
    """What only events of the device change; the home's name is told by the home alone."""
    room = (device.room.id, device.room.name) if device.room else None
    return device.name, device.online, device.state, device.sequence, device.updated_at, room
