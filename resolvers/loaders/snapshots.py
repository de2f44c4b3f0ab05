"""Records from the snapshots of homes, and from the store what they cannot say for sure."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.grants import View
from core.domain.homes import Home, Room
from core.domain.lists import DeviceOrder
from core.snapshots import lists
from core.snapshots.homes import HomeSnapshot, HomeSnapshots
from core.store.logs import Logs
from core.store.reads import Reads
from resolvers.answers import Answer, settled
from resolvers.loaders.protocol import Filters
from resolvers.loaders.store import StoreLoaders, possible, sliced
from resolvers.paging import Part

T = TypeVar("T")
Homes = list[HomeSnapshot]


class SnapshotLoaders(StoreLoaders):
    """What one viewer sees of the homes in memory; what is not there comes as from the store."""

    def __init__(self, reads: Reads, logs: Logs, view: View, snapshots: HomeSnapshots) -> None:
        """Show what this view shows."""
        super().__init__(reads, logs, view)
        self._snapshots = snapshots
        self._moving = False

    def home(self, home_id: str) -> Answer[Home | None]:
        """As `Loaders.home`."""
        if home_id not in self._view.homes:
            return None
        stored = super().home
        return self._read((home_id,), lambda homes: homes[0].home, lambda: stored(home_id))

    def room(self, room_id: str) -> Answer[Room | None]:
        """As `Loaders.room`."""

        def found(homes: Homes) -> Room | None:
            for home in homes:
                if room_id in home.rooms:
                    seen = lists.rooms(home, self._view)
                    return next((room for room in seen if room.id == room_id), None)
            return None

        stored = super().room
        return self._read(self._view.homes, found, lambda: stored(room_id))

    def device(self, device_id: str) -> Answer[Device | None]:
        """As `Loaders.device`."""
        stored = super().device
        return self._read(
            self._view.homes, lambda homes: self._seen(homes, device_id), lambda: stored(device_id)
        )

    def pending(self, device: Device) -> Answer[Sequence[Command]]:
        """As `Loaders.pending`. How far an open command is, changes without an event."""
        if id(device) in self._carried:
            return super().pending(device)
        found = self._snapshots.pending(device)
        if found is None:
            return self._learned(device)
        self._moving = self._moving or bool(found)
        return found

    def in_memory(self) -> bool:
        """As `Loaders.in_memory`."""
        return super().in_memory() and not self._moving

    def commanded(self, command: Command) -> Answer[Device | None]:
        """As `Loaders.commanded`."""
        stored = super().commanded
        if id(command) in self._carried:
            return stored(command)
        if command.home_id not in self._view.homes:
            return None
        return self._read(
            (command.home_id,),
            lambda homes: self._seen(homes, command.device_id),
            lambda: stored(command),
        )

    def rooms(self, home: Home) -> Answer[Sequence[Room]]:
        """As `Loaders.rooms`."""
        stored = super().rooms
        return self._read(
            (home.id,), lambda homes: lists.rooms(homes[0], self._view), lambda: stored(home)
        )

    def homes(self, part: Part) -> Answer[Sequence[Home]]:
        """As `Loaders.homes`."""
        stored, asked = super().homes, sliced(part)
        return self._read(
            self._view.homes, lambda homes: lists.homes(homes, asked), lambda: stored(part)
        )

    def devices(self, part: Part, order: DeviceOrder, filters: Filters) -> Answer[Sequence[Device]]:
        """As `Loaders.devices`."""
        stored, asked = super().devices, sliced(part)
        return self._read(
            self._spoken_of(filters),
            lambda homes: lists.devices(homes, self._view, asked, order, filters),
            lambda: stored(part, order, filters),
        )

    def count_devices(self, filters: Filters) -> Answer[int]:
        """As `Loaders.count_devices`."""
        stored = super().count_devices
        return self._read(
            self._spoken_of(filters),
            lambda homes: lists.count(homes, self._view, filters),
            lambda: stored(filters),
        )

    def _seen(self, homes: Homes, device_id: str) -> Device | None:
        for home in homes:
            if (device := home.devices.get(device_id)) is not None:
                return device if self._view.sees(device) else None
        return None

    def _spoken_of(self, filters: Filters) -> Collection[str]:
        """The homes of the view that a list can have devices of."""
        if not all(map(possible, filters)):
            return ()
        named = [one.home_id for one in filters if one.home_id is not None]
        return (
            self._view.homes.intersection(*([one] for one in named)) if named else self._view.homes
        )

    def _read(
        self,
        home_ids: Collection[str],
        read: Callable[[Homes], T],
        stored: Callable[[], Answer[T]],
    ) -> Answer[T]:
        """What the snapshots say, now if they are there, or else what the store says."""
        homes = self._snapshots.now(home_ids)
        return read(homes) if homes is not None else self._loaded(home_ids, read, stored)

    async def _learned(self, device: Device) -> Sequence[Command]:
        await self._snapshots.learn(device.home.id)
        found = self._snapshots.pending(device)
        if found is None:
            return await settled(super().pending(device))
        self._moving = self._moving or bool(found)
        return found

    async def _loaded(
        self,
        home_ids: Collection[str],
        read: Callable[[Homes], T],
        stored: Callable[[], Answer[T]],
    ) -> T:
        await self._snapshots.load(home_ids)
        homes = self._snapshots.now(home_ids)
        return read(homes) if homes is not None else await settled(stored())
