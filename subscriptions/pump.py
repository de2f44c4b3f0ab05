"""The pump: whose turn it is to write.

An event of one home may make a thousand sockets write, and they must not keep a socket of another
home waiting. So homes take turns, a slice of their sockets each, and the loop sees to everything
else in between.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

SLICE: Final = 16
"""Sockets of one home that write before another home has its turn."""
TURN: Final = 64
"""Sockets that write before the loop looks at what else there is to do; about a millisecond."""


class Pump:
    """Those who have something to write, by home."""

    def __init__(self) -> None:
        """Nobody."""
        self._lanes: dict[str, deque[Callable[[], None]]] = {}
        self._order: deque[str] = deque()
        self._turning = False

    def add(self, home_id: str, write: Callable[[], None]) -> None:
        """Have `write` called in its turn, once. It must not wait, nor raise."""
        lane = self._lanes.get(home_id)
        if lane is None:
            lane = self._lanes[home_id] = deque()
            self._order.append(home_id)
        lane.append(write)
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        left = TURN
        while left > 0 and self._order:
            home_id = self._order.popleft()
            lane = self._lanes[home_id]
            count = min(SLICE, len(lane))
            for _ in range(count):
                lane.popleft()()
            left -= count
            if lane:
                self._order.append(home_id)
            else:
                del self._lanes[home_id]
        self._turning = bool(self._order)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
