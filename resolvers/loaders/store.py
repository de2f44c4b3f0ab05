"""Records from the store, in batches."""

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeVar

from strawberry.dataloader import DataLoader

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.events import Event, EventType
from core.domain.grants import View
from core.domain.homes import Home, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store.lists import Slice
from core.store.logs import Logs
from core.store.reads import Reads
from resolvers.answers import Answer
from resolvers.facts import EventFacts
from resolvers.loaders.batches import Batches
from resolvers.loaders.protocol import Filters
from resolvers.paging import Part

T = TypeVar("T")
SLOTS: Final = 2
"""Reads that one operation has under way, so that a greedy one waits for itself and not others."""
_ID: Final = re.compile(r"[a-z]+_[0-9a-z]{1,64}")
_UNSTORED: Final = re.compile("[\0\ud800-\udfff]")


class Slots(asyncio.Semaphore):
    """Through which every read of the store goes; `used` tells whether any has."""

    used = False

    async def acquire(self) -> Literal[True]:
        """Wait for a slot."""
        self.used = True
        return await super().acquire()


class StoreLoaders:
    """What one viewer sees of the store. Made anew for each operation."""

    def __init__(self, reads: Reads, logs: Logs, view: View) -> None:
        """Show what this view shows."""
        self._slots = Slots(SLOTS)
        self._reads = reads
        self._logs = logs
        self._view = view
        self._batches = Batches(reads, view, self._slots)
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

    def homes(self, part: Part) -> Answer[Sequence[Home]]:
        """As `Loaders.homes`."""
        return self._homes(part)

    def count_homes(self) -> int:
        """As `Loaders.count_homes`."""
        return len(self._view.homes)

    def devices(self, part: Part, order: DeviceOrder, filters: Filters) -> Answer[Sequence[Device]]:
        """As `Loaders.devices`."""
        if not all(map(possible, filters)):
            return ()
        return self._batches.page.load((sliced(part), order, filters))

    def count_devices(self, filters: Filters) -> Answer[int]:
        """As `Loaders.count_devices`."""
        if not all(map(possible, filters)):
            return 0
        return self._batches.count.load(filters)

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

    async def _homes(self, part: Part) -> Sequence[Home]:
        async with self._slots:
            return await self._reads.homes(self._view, sliced(part))

    def in_memory(self) -> bool:
        """As `Loaders.in_memory`."""
        return not self._slots.used

    def forget(self) -> None:
        """As `Loaders.forget`."""
        self._batches = Batches(self._reads, self._view, self._slots)


def _load(loader: DataLoader[str, T | None], record_id: str) -> Answer[T | None]:
    """The record, unless no record could have such an id; that is not worth a question."""
    return loader.load(record_id) if _ID.fullmatch(record_id) else None


def possible(asked: DeviceFilter) -> bool:
    """Whether any record could match; where none could, the store is not asked."""
    ids = [one for one in (asked.home_id, asked.room_id) if one is not None]
    return all(map(_ID.fullmatch, ids)) and not _UNSTORED.search(asked.name or "")


def sliced(part: Part) -> Slice:
    """The part of a list, as the store is asked for it."""
    return Slice(part.limit, part.after, part.before, part.from_end)
