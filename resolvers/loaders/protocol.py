"""What resolvers may ask for, whoever answers."""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.events import Event, EventType
from core.domain.homes import Home, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from resolvers.answers import Answer
from resolvers.paging import Part

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
        """The device's open commands, oldest first; awaited, those that are stored as open."""

    def commanded(self, command: Command) -> Answer[Device | None]:
        """The device of a command, where the viewer sees it."""

    def rooms(self, home: Home) -> Answer[Sequence[Room]]:
        """The rooms of a home that the viewer sees, by name."""

    def homes(self, part: Part) -> Answer[Sequence[Home]]:
        """A part of the homes that the viewer sees, by name."""

    def count_homes(self) -> int:
        """How many homes the viewer sees."""

    def devices(self, part: Part, order: DeviceOrder, filters: Filters) -> Answer[Sequence[Device]]:
        """A part of the devices that the viewer sees, of those for which all filters hold."""

    def count_devices(self, filters: Filters) -> Answer[int]:
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

    def in_memory(self) -> bool:
        """Whether all that was answered so far came from homes in memory and changes by events."""

    def forget(self) -> None:
        """Read anew from now on: something has been changed."""
