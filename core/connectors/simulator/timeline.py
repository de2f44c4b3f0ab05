"""The time of one simulated home, and what is due in it. It reads no clock: it is told the world's.

While an action runs, it is exactly when the action was due. So what happens in a home hangs on its
own time alone: not on how fast that passes, nor on how late the world got round to it.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

SLOPPY: Final = 64
"""How many cancelled actions may lie about before they are swept out."""


class Due:
    """One action, and when (home time) it is due; it happens once unless it is cancelled."""

    __slots__ = ("act", "at")

    def __init__(self, at: float, act: Callable[[], None]) -> None:
        self.at = at
        self.act: Callable[[], None] | None = act


class Timeline:
    """Seconds of a home since it began, and its actions in order; ties go by age.

    `world` is always the world's monotonic clock, in seconds.
    """

    def __init__(self, world: float) -> None:
        self.speed = 1.0
        self.acting = False
        self._world = world
        self._home = 0.0
        self._done = 0.0
        self._heap: list[tuple[float, int, Due]] = []
        self._ages = count()
        self._cancelled = 0

    def __len__(self) -> int:
        """How many actions wait."""
        return len(self._heap) - self._cancelled

    def told(self, world: float) -> float:
        """What the home's clocks show, whether everything up to then has happened or not."""
        return self._home + (world - self._world) * self.speed

    def now(self, world: float) -> float:
        """How far the home has got: never past an action that is due and has not happened."""
        if self.acting:
            return self._done
        first = self._first()
        told = self.told(world) if first is None else min(self.told(world), first)
        return max(self._done, told)

    def after(self, world: float, seconds: float, act: Callable[[], None]) -> Due:
        """Have `act` done that many seconds of the home from now."""
        due = Due(self.now(world) + seconds, act)
        heappush(self._heap, (due.at, next(self._ages), due))
        return due

    def cancel(self, due: Due | None) -> None:
        """Have an action not done, if it was not yet."""
        if due is None or due.act is None:
            return
        due.act = None
        self._cancelled += 1
        if self._cancelled > SLOPPY and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].act is not None]
            heapify(self._heap)
            self._cancelled = 0

    def due(self, world: float) -> float | None:
        """When (world time) the next action is due, as things are; None is never."""
        first = self._first()
        if first is None:
            return None
        ahead = first - self.told(world)
        if ahead <= 0:
            return world
        return world + ahead / self.speed if self.speed > 0 else None

    def act(self) -> None:
        """Do the next action, at its own time."""
        if self._first() is None:
            return
        self._done, _, due = heappop(self._heap)
        act, due.act = due.act, None
        self.acting = True
        try:
            if act is not None:
                act()
        finally:
            self.acting = False

    def pace(self, world: float, speed: float | None, step: float) -> None:
        """Go on at this speed, with so many seconds put in.

        Held by one of its own actions, a home stands at that action's time, however late it is.
        """
        held = self.acting and speed == 0
        self._home = (self._done if held else self.told(world)) + step
        self._world = world
        self.speed = self.speed if speed is None else speed

    def _first(self) -> float | None:
        while self._heap and self._heap[0][2].act is None:
            heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None
