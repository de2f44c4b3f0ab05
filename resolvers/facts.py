"""Facts: what one event carries, in the place of loaders. Nothing here waits or reads."""

from collections.abc import Sequence
from typing import Any, NoReturn

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.events import Event


class EventFacts:
    """`Loaders` of one event. What no event carries is refused before (`schema.UNCARRIED`)."""

    def __init__(self, event: Event) -> None:
        """Answer from this event."""
        self._event = event

    def pending(self, device: Device) -> Sequence[Command]:
        """As `Loaders.pending`, when the event had happened."""
        del device  # an event is of one device
        return self._event.pending

    def commanded(self, command: Command) -> Device | None:
        """As `Loaders.commanded`, when the event had happened."""
        del command  # an event's commands are of its device
        return self._event.device

    def _uncarried(self, *_: Any, **__: Any) -> NoReturn:
        sentence = f"event {self._event.id} was asked for what no event carries"
        raise LookupError(sentence)

    home = room = device = command = rooms = _uncarried
    homes = count_homes = devices = count_devices = _uncarried
    events = whereabouts = remember = forget = in_memory = _uncarried
