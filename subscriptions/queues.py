"""What waits for one reader: all of it, or the newest of each device."""

from collections import OrderedDict
from typing import Protocol

from core.domain.events import EventType
from core.domain.seen import Seen


class Queue(Protocol):
    """Events in the order of their places."""

    skipped: int
    """How many the event that was taken last has overtaken."""

    def put(self, seen: Seen) -> None:
        """One more."""

    def take(self) -> Seen:
        """The first one, which waits no more."""

    def first(self) -> Seen:
        """The first one, which goes on waiting."""

    def clear(self) -> None:
        """Nothing waits."""

    def __len__(self) -> int:
        """How many wait."""


class All(list[Seen]):
    """`delivery: ALL`. A list takes less room than a deque, and is as quick while it is short."""

    __slots__ = ()
    skipped = 0
    put = list.append

    def take(self) -> Seen:
        """The first one."""
        return self.pop(0)

    def first(self) -> Seen:
        """The first one."""
        return self[0]


class Latest(OrderedDict[str, Seen]):
    """`delivery: LATEST`: a state makes way for a newer one of its device; all else stays."""

    def __init__(self) -> None:
        """Nothing waits."""
        super().__init__()
        self.skipped = 0
        self._overtaken: dict[str, int] = {}

    def put(self, seen: Seen) -> None:
        """One more; it stands where its place is, at the end."""
        event = seen.event
        key = event.id
        if event.type is EventType.DEVICE_STATUS_CHANGED and event.device is not None:
            key = event.device.id
            if self.pop(key, None) is not None:
                self._overtaken[key] = self._overtaken.get(key, 0) + 1
        self[key] = seen

    def take(self) -> Seen:
        """The first one."""
        key, seen = self.popitem(last=False)
        self.skipped = self._overtaken.pop(key, 0)
        return seen

    def first(self) -> Seen:
        """The first one."""
        return next(iter(self.values()))

    def clear(self) -> None:
        """Nothing waits."""
        super().clear()
        self._overtaken.clear()
