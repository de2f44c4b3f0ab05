"""Lists from snapshots: the same rows, order and counts as the store's statements give. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import TypeVar

from core.domain.devices import Device
from core.domain.grants import View
from core.domain.homes import Home, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from core.snapshots.homes import HomeSnapshot
from core.store.lists import Key, Slice, by_name
from core.store.rows import name_key

T = TypeVar("T")
Test = Callable[[Device], bool]
_first = itemgetter(0)


def devices(
    homes: Sequence[HomeSnapshot],
    view: View,
    part: Slice,
    order: DeviceOrder,
    filters: Iterable[DeviceFilter],
) -> list[Device]:
    """A part of the visible devices of these homes for which all the filters hold."""
    tests = _tests(filters)
    if len(homes) == 1 and _all(_shown(homes[0], view), tests) is None:
        return _cut(homes[0], part, order)
    walks = [_walk(home, part, order, _all(_shown(home, view), tests)) for home in homes]
    walk = walks[0] if len(walks) == 1 else merge(*walks, key=_first, reverse=part.from_end)
    found = [device for _, device in islice(walk, part.limit)]
    return found[::-1] if part.from_end else found


def count(homes: Sequence[HomeSnapshot], view: View, filters: Iterable[DeviceFilter]) -> int:
    """How many devices the same list has in all."""
    tests = _tests(filters)
    return sum(_count(home, _all(_shown(home, view), tests)) for home in homes)


def homes(found: Sequence[HomeSnapshot], part: Slice) -> list[Home]:
    """A part of these homes, by name."""
    keys = sorted((by_name(one.home), one.home) for one in found)
    start = 0 if part.after is None else bisect_right(keys, part.after, key=_first)
    end = len(keys) if part.before is None else bisect_left(keys, part.before, key=_first)
    between = [home for _, home in keys[start:end]]
    return between[-part.limit :] if part.from_end else between[: part.limit]


def rooms(home: HomeSnapshot, view: View) -> list[Room]:
    """The visible rooms of a home, by name: its own, shared ones, those of shared devices."""
    if home.home.id in view.whole | view.homes_but_locks:
        return list(home.rooms.values())
    seen = set(view.rooms | view.rooms_but_locks)
    for device_id in view.devices:
        device = home.devices.get(device_id)
        if device is not None and device.room is not None:
            seen.add(device.room.id)
    return [room for room in home.rooms.values() if room.id in seen]


def _cut(home: HomeSnapshot, part: Slice, order: DeviceOrder) -> list[Device]:
    """A part of all of a home."""
    keys, here = home.ordered(order), home.devices
    start, end = _bounds(keys, part)
    if part.from_end:
        start = max(start, end - part.limit)
    else:
        end = min(end, start + part.limit)
    return [here[str(key[-1])] for key in keys[start:end]]


def _bounds(keys: Sequence[Key], part: Slice) -> tuple[int, int]:
    start = 0 if part.after is None else bisect_right(keys, part.after)
    return start, len(keys) if part.before is None else bisect_left(keys, part.before)


def _walk(
    home: HomeSnapshot, part: Slice, order: DeviceOrder, test: Test | None
) -> Iterator[tuple[Key, Device]]:
    keys, here = home.ordered(order), home.devices
    start, end = _bounds(keys, part)
    for at in range(end - 1, start - 1, -1) if part.from_end else range(start, end):
        key = keys[at]
        device = here[str(key[-1])]
        if test is None or test(device):
            yield key, device


def _count(home: HomeSnapshot, test: Test | None) -> int:
    if test is None:
        return len(home.devices)
    return sum(map(test, home.devices.values()))


def _shown(home: HomeSnapshot, view: View) -> Test | None:
    """What the view shows of a home; None for all of it."""
    return None if home.home.id in view.whole else view.sees


def _all(shown: Test | None, tests: Sequence[Test]) -> Test | None:
    every = tests if shown is None else (shown, *tests)
    if len(every) <= 1:
        return every[0] if every else None
    return lambda device: all(test(device) for test in every)


def _tests(filters: Iterable[DeviceFilter]) -> list[Test]:
    return [test for one in filters for test in _conditions(one)]


def _conditions(asked: DeviceFilter) -> Iterator[Test]:
    """The conditions of a filter; `core.store.lists.chosen` says the same in SQL."""
    home_id, room_id, kinds, able = asked.home_id, asked.room_id, asked.kinds, asked.capabilities
    online, part = asked.online, name_key(asked.name or "")
    if home_id is not None:
        yield lambda device: device.home.id == home_id
    if room_id is not None:
        yield lambda device: device.room is not None and device.room.id == room_id
    if kinds is not None:
        yield lambda device: device.kind in kinds
    if able:
        yield lambda device: able.issubset(device.capabilities)
    if online is not None:
        yield lambda device: device.online is online
    if part:
        yield lambda device: part in name_key(device.name)
