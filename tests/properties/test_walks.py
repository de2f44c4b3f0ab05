"""Walks against a model: whatever changes meanwhile, what stays is shown exactly once."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.compose import House
from core.domain.devices import Device
from core.domain.grants import Share
from core.domain.homes import Room
from core.domain.lists import DeviceOrder
from resolvers import devices
from resolvers.answers import settled
from resolvers.paging import Page, window
from tests.resolvers.world import EVERY, World, furnished, lamp

NAMES = ("a", "B", "b", "ä", "Zoo", "%")
ROOMS = ("Attic", "hall")
FIRST = 8
MOST = 100
EVERYWHERE = frozenset(DeviceOrder)
IN_ROOMS = frozenset({DeviceOrder.ROOM, DeviceOrder.UPDATED_DESC})
names = st.sampled_from(NAMES)
places = st.sampled_from((*range(len(ROOMS)), None))
numbers = st.integers(0, FIRST + 3)
steps = (
    st.tuples(st.just("add"), names, places)
    | st.tuples(st.just("remove"), numbers)
    | st.tuples(st.just("rename"), numbers, names)
    | st.tuples(st.just("move"), numbers, places)
    | st.tuples(st.just("report"), numbers, st.integers(0, 100))
    | st.tuples(st.just("rename_room"), st.integers(0, len(ROOMS) - 1), names)
)
rounds = st.lists(st.lists(steps, max_size=4), max_size=6)
Step = tuple[Any, ...]


@dataclass
class Scene:
    """A home of its own, what is in it, and which devices stand elsewhere in which order."""

    world: World
    rooms: list[Room]
    devices: list[Device]
    gone: set[str] = field(default_factory=set)
    moved: dict[DeviceOrder, set[str]] = field(
        default_factory=lambda: {order: set() for order in DeviceOrder}
    )
    reports: int = 0

    async def run(self, steps: Iterable[Step]) -> None:
        """Let it happen, one after the other."""
        for name, *how in steps:
            await getattr(self, name)(*how)

    async def add(self, name: str, place: int | None) -> None:
        """A connector finds one more device."""
        room = None if place is None else self.rooms[place].name
        found = lamp(f"{len(self.devices)}", name, room)
        self.devices += await self.world.house.services.devices.reconcile(self.world.home, [found])

    async def remove(self, number: int) -> None:
        """A device is removed for good."""
        for device in self._alive(number):
            await self.world.house.services.devices.remove(device)
            self.gone.add(device.id)

    async def rename(self, number: int, name: str) -> None:
        """A device gets another name."""
        for device in self._alive(number):
            self.devices[number] = await self._describe(device, name, device.room)
            self._moves(device.id, EVERYWHERE)

    async def move(self, number: int, place: int | None) -> None:
        """A device is carried elsewhere."""
        for device in self._alive(number):
            room = None if place is None else self.rooms[place]
            self.devices[number] = await self._describe(device, device.name, room)
            self._moves(device.id, IN_ROOMS)

    async def report(self, number: int, brightness: int) -> None:
        """A device says something."""
        for device in self._alive(number):
            self.reports += 1
            await self.world.report(device, self.reports, brightness=brightness)
            self._moves(device.id, {DeviceOrder.UPDATED_DESC})

    async def rename_room(self, place: int, name: str) -> None:
        """A room gets another name, and all that is in it stands elsewhere."""
        room = self.rooms[place]
        self.rooms[place] = await self.world.house.services.homes.rename_room(room, name)
        for device in self.devices:
            if device.room is not None and device.room.id == room.id:
                self._moves(device.id, IN_ROOMS)

    async def page(
        self, order: DeviceOrder, size: int, cursor: str | None, *, back: bool
    ) -> Page[Device]:
        """The next page of a walk, as a request of its own reads it."""
        here = window(last=size, before=cursor) if back else window(size, cursor)
        return await settled(devices.listed(self.world.ask(), here, order))

    async def walk(
        self, order: DeviceOrder, sizes: Iterator[int], rounds: Sequence[list[Step]], *, back: bool
    ) -> list[str]:
        """What a walk shows, with a round of changes beside the reading of each of its pages."""
        seen: list[str] = []
        cursor, more, changes = None, True, iter(rounds)
        while more:
            page, _ = await asyncio.gather(
                self.page(order, next(sizes), cursor, back=back), self.run(next(changes, []))
            )
            ids = [device.id for device in page.nodes]
            seen += reversed(ids) if back else ids
            assert len(seen) < MOST, "the walk goes in a circle"
            cursor = page.start_cursor if back else page.end_cursor
            more = await settled(page.has_previous_page if back else page.has_next_page)
        return seen

    async def _describe(self, device: Device, name: str, room: Room | None) -> Device:
        return await self.world.house.services.devices.describe(device, name, room)

    def _alive(self, number: int) -> list[Device]:
        here = self.devices[number : number + 1]
        return [device for device in here if device.id not in self.gone]

    def _moves(self, device_id: str, orders: Iterable[DeviceOrder]) -> None:
        for order in orders:
            self.moved[order].add(device_id)


@pytest.fixture
async def world(house: House) -> World:
    """A furnished house, on both kinds of database."""
    return await furnished(house)


async def scene(world: World) -> Scene:
    """A new home of the user with two rooms and some devices, and a grant of just that."""
    services = world.house.services
    home, _ = await world.more("Elm")
    grant = await services.grants.give(world.user.id, world.client.id, EVERY, [Share(home.id)])
    here = World(world.house, world.user, world.client, home, grant, [])
    rooms = [await services.homes.add_room(home.id, name) for name in ROOMS]
    found = [
        lamp(f"{at}", NAMES[at % len(NAMES)], (*ROOMS, None)[at % (len(ROOMS) + 1)])
        for at in range(FIRST)
    ]
    return Scene(here, rooms, await services.devices.reconcile(home, found))


@given(
    st.sampled_from(DeviceOrder),
    st.booleans(),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    rounds,
)
async def test_what_stays_is_shown_exactly_once(
    world: World,
    order: DeviceOrder,
    back: bool,  # noqa: FBT001
    sizes: list[int],
    rounds: list[list[Step]],
) -> None:
    """In every order, from either end, whatever comes, goes, moves and reports meanwhile."""
    here = await scene(world)
    first = {device.id for device in here.devices}
    seen = Counter(await here.walk(order, cycle(sizes), rounds, back=back))
    stayed = first - here.gone - here.moved[order]
    assert {one: seen[one] for one in stayed} == dict.fromkeys(stayed, 1)
    assert max((seen[one] for one in seen if one not in here.moved[order]), default=1) == 1
    if order is DeviceOrder.UPDATED_DESC and not back:
        assert max(seen.values(), default=1) == 1  # what changes goes to the front, behind the walk


@settings(max_examples=settings().max_examples // 2)
@given(st.sampled_from(DeviceOrder), st.integers(1, 5), st.lists(steps, max_size=8))
async def test_the_way_back_is_the_way_there(
    world: World, order: DeviceOrder, size: int, changes: list[Step]
) -> None:
    """When all is quiet again: one list from both ends, each device once, all of them counted."""
    here = await scene(world)
    await here.run(changes)
    there = await here.walk(order, cycle([size]), [], back=False)
    assert await here.walk(order, cycle([size]), [], back=True) == there[::-1]
    alive = {device.id for device in here.devices} - here.gone
    assert sorted(there) == sorted(alive)
    page = await here.page(order, size, None, back=False)
    assert await settled(page.total_count) == len(alive)
