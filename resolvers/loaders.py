"""Loaders: where resolvers get records from. The only room above core that reads the store.

`StoreLoaders` asks the store for what the viewer may see, in batches, once per operation; the other
kind of loaders, `resolvers.facts`, has it all from one event and never waits.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, Protocol, TypeAlias, TypeVar

from strawberry.dataloader import DataLoader

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.events import Event, EventType
from core.domain.grants import View
from core.domain.homes import Home, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store import lists
from core.store.lists import Slice
from core.store.logs import Logs
from core.store.reads import Reads
from resolvers.answers import Answer
from resolvers.facts import EventFacts
from resolvers.paging import Key, Part

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
SLOTS: Final = 2
"""Reads that one operation has under way, so that a greedy one waits for itself and not others."""
_ID: Final = re.compile(r"[a-z]+_[0-9a-z]{1,64}")
_UNSTORED: Final = re.compile("[\0\ud800-\udfff]")

Filters: TypeAlias = tuple[DeviceFilter, ...]
"""All of them hold together: of the place that a list belongs to, and of the partner."""


class Loaders(Protocol):
    """Records for one operation or one event. What is not awaited was carried by an event."""

    def home(self, home_id: str) -> Answer[Home | None]:
        """A home, where the viewer sees it."""

    def room(self, room_id: str) -> Answer[Room | None]:
        """A room, where the viewer sees it."""

    def device(self, device_id: str) -> Answer[Device | None]:
        """A device, where the viewer sees it."""

    def command(self, command_id: str) -> Answer[Command | None]:
        """A command as it is stored, where the viewer sees its device."""

    def pending(self, device: Device) -> Answer[Sequence[Command]]:
        """The device's commands that are stored as open, oldest first."""

    def commanded(self, command: Command) -> Answer[Device | None]:
        """The device of a command, where the viewer sees it."""

    def rooms(self, home: Home) -> Answer[Sequence[Room]]:
        """The rooms of a home that the viewer sees, by name."""

    def homes(self, part: Part) -> Awaitable[Sequence[Home]]:
        """A part of the homes that the viewer sees, by name."""

    def count_homes(self) -> Awaitable[int]:
        """How many homes the viewer sees."""

    def devices(
        self, part: Part, order: DeviceOrder, filters: Filters
    ) -> Awaitable[Sequence[Device]]:
        """A part of the devices that the viewer sees, of those for which all filters hold."""

    def count_devices(self, filters: Filters) -> Awaitable[int]:
        """How many devices that list has."""

    def events(
        self,
        home_id: str,
        after: int,
        limit: int,
        types: Collection[EventType] | None,
        device_ids: Collection[str] | None,
        *,
        or_home: bool,
    ) -> Awaitable[Sequence[Event]]:
        """Events of a home after a place, in order, whoever may see them; see `Logs.events`."""

    def whereabouts(self, home_id: str) -> Awaitable[Mapping[str, str | None]]:
        """Which devices are in a home now, each with its room."""

    def remember(self, events: Iterable[Event]) -> None:
        """Answer for the records of these events from the events."""

    def forget(self) -> None:
        """Read anew from now on: something has been changed."""


def key(record: Home | Device) -> Key:
    """Where a record stands among its kind by name."""
    return lists.by_name(record)


def device_key(order: DeviceOrder, device: Device) -> Key:
    """Where a device stands among the devices in this order."""
    return lists.DEVICES[order].key(device)


class StoreLoaders:
    """What one viewer sees of the store. Made anew for each operation."""

    def __init__(self, reads: Reads, logs: Logs, view: View) -> None:
        """Show what this view shows."""
        self._slots = asyncio.Semaphore(SLOTS)
        self._reads = reads
        self._logs = logs
        self._view = view
        self._batches = _Batches(reads, view, self._slots)
        self._carried: dict[int, EventFacts] = {}

    def home(self, home_id: str) -> Answer[Home | None]:
        """As `Loaders.home`."""
        return _load(self._batches.home, home_id)

    def room(self, room_id: str) -> Answer[Room | None]:
        """As `Loaders.room`."""
        return _load(self._batches.room, room_id)

    def device(self, device_id: str) -> Answer[Device | None]:
        """As `Loaders.device`."""
        return _load(self._batches.device, device_id)

    def command(self, command_id: str) -> Answer[Command | None]:
        """As `Loaders.command`."""
        return _load(self._batches.command, command_id)

    def pending(self, device: Device) -> Answer[Sequence[Command]]:
        """As `Loaders.pending`."""
        if (facts := self._carried.get(id(device))) is not None:
            return facts.pending(device)
        return self._batches.pending.load(device.id)

    def commanded(self, command: Command) -> Answer[Device | None]:
        """As `Loaders.commanded`."""
        if (facts := self._carried.get(id(command))) is not None:
            return facts.commanded(command)
        return self._batches.device.load(command.device_id)

    def rooms(self, home: Home) -> Answer[Sequence[Room]]:
        """As `Loaders.rooms`."""
        return self._batches.rooms.load(home.id)

    async def homes(self, part: Part) -> Sequence[Home]:
        """As `Loaders.homes`."""
        async with self._slots:
            return await self._reads.homes(self._view, _slice(part))

    async def count_homes(self) -> int:
        """As `Loaders.count_homes`."""
        return len(self._view.homes)

    async def devices(self, part: Part, order: DeviceOrder, filters: Filters) -> Sequence[Device]:
        """As `Loaders.devices`."""
        if not all(map(_possible, filters)):
            return ()
        return await self._batches.page.load((part, order, filters))

    async def count_devices(self, filters: Filters) -> int:
        """As `Loaders.count_devices`."""
        if not all(map(_possible, filters)):
            return 0
        return await self._batches.count.load(filters)

    async def events(
        self,
        home_id: str,
        after: int,
        limit: int,
        types: Collection[EventType] | None,
        device_ids: Collection[str] | None,
        *,
        or_home: bool,
    ) -> Sequence[Event]:
        """As `Loaders.events`."""
        async with self._slots:
            return await self._logs.events(
                home_id, after, limit, types, device_ids, or_home=or_home
            )

    async def whereabouts(self, home_id: str) -> Mapping[str, str | None]:
        """As `Loaders.whereabouts`."""
        async with self._slots:
            _, rooms = await self._logs.rooms_now(home_id)
        return rooms

    def remember(self, events: Iterable[Event]) -> None:
        """As `Loaders.remember`. The facts keep their event, so no identity is used twice."""
        for event in events:
            facts = EventFacts(event)
            for record in (event.device, event.command, *event.caused_by, *event.pending):
                if record is not None:
                    self._carried[id(record)] = facts

    def forget(self) -> None:
        """As `Loaders.forget`."""
        self._batches = _Batches(self._reads, self._view, self._slots)


class _Batches:
    """One loader per kind, made when first used; what is asked in one turn is read at once."""

    def __init__(self, reads: Reads, view: View, slots: asyncio.Semaphore) -> None:
        self._reads = reads
        self._view = view
        self._slots = slots

    @cached_property
    def page(self) -> DataLoader[tuple[Part, DeviceOrder, Filters], Sequence[Device]]:
        """Pages of devices; the same page, asked for under many aliases, is read once."""
        return self._singly(
            lambda key: self._reads.devices(self._view, _slice(key[0]), key[1], key[2])
        )

    @cached_property
    def count(self) -> DataLoader[Filters, int]:
        """How many devices there are; each list is counted once."""
        return self._singly(lambda filters: self._reads.count_devices(self._view, filters))

    @cached_property
    def home(self) -> DataLoader[str, Home | None]:
        return self._by_id(lambda ids: self._reads.homes_by_id(self._view, ids))

    @cached_property
    def room(self) -> DataLoader[str, Room | None]:
        return self._by_id(lambda ids: self._reads.rooms_by_id(self._view, ids))

    @cached_property
    def device(self) -> DataLoader[str, Device | None]:
        return self._by_id(lambda ids: self._reads.devices_by_id(self._view, ids))

    @cached_property
    def command(self) -> DataLoader[str, Command | None]:
        return self._by_id(lambda ids: self._reads.commands_by_id(self._view, ids))

    @cached_property
    def pending(self) -> DataLoader[str, Sequence[Command]]:
        return self._of_each(self._reads.pending)

    @cached_property
    def rooms(self) -> DataLoader[str, Sequence[Room]]:
        return self._of_each(lambda ids: self._reads.rooms(self._view, ids))

    def _singly(self, read: Callable[[K], Awaitable[V]]) -> DataLoader[K, V]:
        async def one(key: K) -> V:
            async with self._slots:
                return await read(key)

        async def load(keys: list[K]) -> list[V]:
            return await asyncio.gather(*map(one, keys))

        return DataLoader(load)

    def _by_id(
        self, read: Callable[[Collection[str]], Awaitable[Mapping[str, T]]]
    ) -> DataLoader[str, T | None]:
        async def load(ids: list[str]) -> list[T | None]:
            async with self._slots:
                found = await read(ids)
            return [found.get(one) for one in ids]

        return DataLoader(load)

    def _of_each(
        self, read: Callable[[Collection[str]], Awaitable[Mapping[str, Sequence[T]]]]
    ) -> DataLoader[str, Sequence[T]]:
        async def load(ids: list[str]) -> list[Sequence[T]]:
            async with self._slots:
                found = await read(ids)
            return [found[one] for one in ids]

        return DataLoader(load)


def _load(loader: DataLoader[str, T | None], record_id: str) -> Answer[T | None]:
    """The record, unless no record could have such an id; that is not worth a question."""
    return loader.load(record_id) if _ID.fullmatch(record_id) else None


def _possible(asked: DeviceFilter) -> bool:
    """Whether any record could match; where none could, the store is not asked."""
    ids = [one for one in (asked.home_id, asked.room_id) if one is not None]
    return all(map(_ID.fullmatch, ids)) and not _UNSTORED.search(asked.name or "")


def _slice(part: Part) -> Slice:
    return Slice(part.limit, part.after, part.before, part.from_end)
