"""A shelf: one table's rows in a ledger, as they were loaded and as they are now."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """One table's rows: what was loaded and what changed since. None stands for a removed row."""

    def __init__(self, journal: list[Callable[[], None]]) -> None:
        """An empty shelf that writes how to undo each change into the ledger's journal."""
        self._journal = journal
        self._rows: dict[K, V | None] = {}
        self._loaded: dict[K, V] = {}
        self._changed: dict[K, None] = {}

    def load(self, key: K, value: V) -> None:
        """Take in a row as the database has it."""
        self._rows[key] = self._loaded[key] = value

    def get(self, key: K) -> V | None:
        """The row, or None where it is not there or removed."""
        return self._rows.get(key)

    def put(self, key: K, value: V | None) -> None:
        """Insert, change or (None) remove a row."""
        known, old, touched = key in self._rows, self._rows.get(key), key in self._changed

        def undo() -> None:
            if known:
                self._rows[key] = old
            else:
                self._rows.pop(key, None)
            if not touched:
                self._changed.pop(key, None)

        self._journal.append(undo)
        self._rows[key] = value
        self._changed[key] = None

    def values(self) -> Iterator[V]:
        """Every row that is there."""
        return (value for _, value in self.items())

    def items(self) -> Iterator[tuple[K, V]]:
        """Every row that is there, with its key."""
        return ((key, value) for key, value in self._rows.items() if value is not None)

    def written(self) -> Iterator[tuple[K, V | None, V | None]]:
        """What changed: key, the row (None: removed), and as it was loaded (None: it is new)."""
        for key in self._changed:
            value, before = self._rows.get(key), self._loaded.get(key)
            if value is not None or before is not None:
                yield key, value, before
