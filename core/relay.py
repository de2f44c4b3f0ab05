"""The relay: makes known what was committed. The log is the truth; what goes out is only a hint.

The database marks each log that moved as dirty, in the transaction that moved it. A mark is taken
off once somebody has broadcast it and every process has had two seconds to read it. So a process
that dies between commit and hint leaves the mark for others to broadcast.
"""

import asyncio
from collections.abc import Callable, Sequence

from core import observe
from core.broadcast import Hints
from core.store.committer import Committed
from core.store.logs import Logs, Mark

log = observe.logger(__name__)


def channel(log_id: str) -> str:
    """The broadcast channel of a log."""
    return f"latchkey:{log_id}"


class Relay:
    """Owns the hints of this process. `say` runs as a task; the feed calls `keep_house`."""

    def __init__(self, logs: Logs, hints: Hints) -> None:
        """Nothing said yet."""
        self._logs = logs
        self._hints = hints
        self._unsaid: dict[str, int] = {}
        self._said: dict[str, int] = {}
        self._lingering: dict[str, int] = {}
        self._some = asyncio.Event()
        self.taps: list[Callable[[Committed], None]] = []

    def committed(self, facts: Committed) -> None:
        """Called by the committer after each transaction; tells this process at once."""
        self._unsaid.update(facts.places)
        self._some.set()
        for tap in self.taps:
            tap(facts)

    async def say(self) -> None:
        """Broadcast what was committed, for ever. A broadcast that fails costs only time."""
        while True:
            await self._some.wait()
            self._some.clear()
            unsaid, self._unsaid = self._unsaid, {}
            await self._publish(unsaid)

    async def keep_house(self, marks: Sequence[Mark]) -> None:
        """See that each of these dirty rows is broadcast once and later taken off.

        Raises:
            Unavailable: the database does not answer.
        """
        unhinted = {mark.log_id: mark.place for mark in marks if not mark.hinted}
        said = {key: place for key, place in self._said.items() if unhinted.get(key) == place}
        # Seen twice without a hint: whoever wrote it has died or lost its broadcast.
        left = {
            key: place
            for key, place in unhinted.items()
            if key not in said and self._lingering.get(key) == place
        }
        self._lingering = {key: place for key, place in unhinted.items() if key not in left}
        self._said = {}
        if left:
            await self._publish(left)
        if said or left:
            await self._logs.hinted({**said, **left})
        if any(mark.hinted for mark in marks):
            await self._logs.forget_old_marks()

    async def _publish(self, places: dict[str, int]) -> None:
        if self._hints.far:  # this process has been told already
            for log_id, place in places.items():
                try:
                    await self._hints.publish(channel(log_id), str(place))
                except Exception:
                    log.warning("hint_lost", log_id=log_id, exc_info=True)
        self._said |= places
