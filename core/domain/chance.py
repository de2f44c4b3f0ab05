"""Chance: random bytes of the system, fetched for many at a time, since each asking is dear."""

import os
from typing import Final

AT_ONCE: Final = 256


class Chance:
    """Pieces of so many bytes, each given out once. Threads may share it, and forked processes."""

    def __init__(self, size: int) -> None:
        """None fetched yet."""
        self._size = size
        self._pieces: list[bytes] = []
        os.register_at_fork(after_in_child=self._pieces.clear)  # else both would give out the same

    def piece(self) -> bytes:
        """The next one."""
        while True:
            try:
                return self._pieces.pop()
            except IndexError:
                fetched, size = os.urandom(self._size * AT_ONCE), self._size
                self._pieces += [fetched[at : at + size] for at in range(0, len(fetched), size)]
