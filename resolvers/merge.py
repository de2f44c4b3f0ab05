"""The logs of several homes read as one: by time, then home, then place. Pure but for `read`.

Within a home the order is that of places, whatever its clock said. So what comes next depends on
nothing but the places that were reached, and a cursor that holds them goes on without gap or
duplicate.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from core.domain.events import Event

CHUNK: Final = 500

Read = Callable[[str, int, int], Awaitable[Sequence[Event]]]
"""Events of a home after a place, in order, at most so many."""


@dataclass(slots=True)
class _Tail:
    """One home's log as far as it is read: what is read and not yet taken."""

    home_id: str
    read_to: int
    chunk: int
    ended: bool = False
    ahead: deque[Event] = field(default_factory=deque)

    @property
    def dry(self) -> bool:
        """Whether nothing can be said of what comes next without reading."""
        return not self.ahead and not self.ended


@dataclass(slots=True)
class Budget:
    """Events that one operation may still read to find those that are shown."""

    left: int = 5_000


class Merge:
    """Reads on from `places`, over what is left of `budget`; `places` is how far it has come.

    `spent` tells that it stopped because the budget was used up, not because nothing is left.
    """

    def __init__(self, read: Read, places: Mapping[str, int], chunk: int, budget: Budget) -> None:
        """Read `chunk` events of each home at first, and more at a time later."""
        self._read = read
        self._tails = [_Tail(home_id, place, max(1, chunk)) for home_id, place in places.items()]
        self._budget = budget
        self.places = dict(places)
        self.spent = False

    async def peek(self) -> Event | None:
        """The next event; None where nothing is left, or not within the budget."""
        while dry := [tail for tail in self._tails if tail.dry]:
            if self._budget.left < len(dry):
                self.spent = True
                return None
            share = self._budget.left // len(dry)
            await asyncio.gather(*(self._fill(tail, min(tail.chunk, share)) for tail in dry))
        heads = [tail.ahead[0] for tail in self._tails if tail.ahead]
        return min(heads, key=_order, default=None)

    def take(self, event: Event) -> None:
        """Move past the event that `peek` gave."""
        self.places[event.home.id] = event.place
        for tail in self._tails:
            if tail.home_id == event.home.id:
                tail.ahead.popleft()

    async def _fill(self, tail: _Tail, limit: int) -> None:
        self._budget.left -= limit
        found = await self._read(tail.home_id, tail.read_to, limit)
        self._budget.left += limit - len(found)
        tail.ahead.extend(found)
        tail.ended = len(found) < limit
        tail.chunk = min(CHUNK, 2 * tail.chunk)
        if found:
            tail.read_to = found[-1].place


def _order(event: Event) -> tuple[datetime, str]:
    return event.occurred_at, event.home.id
