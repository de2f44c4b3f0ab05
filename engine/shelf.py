"""A bounded cache: what was used longest ago goes first."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Values by key, at most `capacity` of them, and together at most `weight`.

    Not thread-safe: it belongs to one event loop.
    """

    def __init__(self, capacity: int, weight: int) -> None:
        self._capacity = capacity
        self._free = weight
        self._weight = weight
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def free(self) -> int:
        """The weight for which nothing has to go; 0 if there are as many values as there may be."""
        return self._free if len(self._held) < self._capacity else 0

    def get(self, key: str) -> T | None:
        """Give a value, which is now the last to go; None where there is none."""
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held[0]

    def put(self, key: str, value: T, weight: int) -> None:
        """Keep a value, at the cost of older ones; one too heavy for the whole is not kept."""
        self._drop(key)
        if weight > self._weight or not self._capacity:
            return
        while len(self._held) >= self._capacity or weight > self._free:
            self._drop(next(iter(self._held)))
        self._held[key] = value, weight
        self._free -= weight

    def _drop(self, key: str) -> None:
        if held := self._held.pop(key, None):
            self._free += held[1]
