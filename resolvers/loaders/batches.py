"""Batches: what is asked of the store in one turn of the loop is read at once, and read once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from strawberry.dataloader import DataLoader

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.grants import View
from core.domain.homes import Home, Room
from core.domain.lists import DeviceOrder
from core.store.lists import Slice
from core.store.reads import Reads
from resolvers.loaders.protocol import Filters

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Batches:
    """One loader per kind, made when first used; what is asked in one turn is read at once."""

    def __init__(self, reads: Reads, view: View, slots: asyncio.Semaphore) -> None:
        self._reads = reads
        self._view = view
        self._slots = slots

    @cached_property
    def page(self) -> DataLoader[tuple[Slice, DeviceOrder, Filters], Sequence[Device]]:
        """Pages of devices; the same page, asked for under many aliases, is read once."""
        return self._singly(lambda key: self._reads.devices(self._view, key[0], key[1], key[2]))

    @cached_property
    def count(self) -> DataLoader[Filters, int]:
        """How many devices there are; each list is counted once."""
        return self._singly(lambda filters: self._reads.count_devices(self._view, filters))

    @cached_property
    def home(self) -> DataLoader[str, Home | None]:
        """Homes by id."""
        return self._by_id(lambda ids: self._reads.homes_by_id(self._view, ids))

    @cached_property
    def room(self) -> DataLoader[str, Room | None]:
        """Rooms by id."""
        return self._by_id(lambda ids: self._reads.rooms_by_id(self._view, ids))

    @cached_property
    def device(self) -> DataLoader[str, Device | None]:
        """Devices by id."""
        return self._by_id(lambda ids: self._reads.devices_by_id(self._view, ids))

    @cached_property
    def command(self) -> DataLoader[str, Command | None]:
        """Commands by id."""
        return self._by_id(lambda ids: self._reads.commands_by_id(self._view, ids))

    @cached_property
    def pending(self) -> DataLoader[str, Sequence[Command]]:
        """The open commands of each device."""
        return self._of_each(self._reads.pending)

    @cached_property
    def rooms(self) -> DataLoader[str, Sequence[Room]]:
        """The rooms of each home."""
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
