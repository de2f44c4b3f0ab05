"""The sessions and event streams of this process, and how all of them are sent elsewhere."""

import asyncio
from typing import Final, TypeAlias

from core import observe
from subscriptions.session import Session
from subscriptions.stream import Stream

SPREAD: Final = 0.7
"""The part of a drain's time over which connections are closed; the rest is for what they send."""
RATE: Final = 200
"""How many are closed in a second where there is time: others have to take them in."""
STEPS: Final = 50
log = observe.logger(__name__)


Open: TypeAlias = Session | Stream


class Sessions:
    """Those that are open."""

    def __init__(self) -> None:
        """None yet, and whoever comes is taken in."""
        self._open: set[Open] = set()
        self.draining = False
        """Whether this process ends, and takes in nobody any more."""

    @property
    def sockets(self) -> list[Session]:
        """The sessions of sockets."""
        return [each for each in self._open if isinstance(each, Session)]

    @property
    def streams(self) -> list[Stream]:
        """The event streams."""
        return [each for each in self._open if isinstance(each, Stream)]

    def add(self, session: Open) -> None:
        """Take one in."""
        self._open.add(session)

    def discard(self, session: Open) -> None:
        """One is over."""
        self._open.discard(session)

    async def drain(self, seconds: float) -> None:
        """Take in nobody, and close all within a part of so many seconds: many not at one moment.

        Each is told the last cursors of its operations first, so that it goes on elsewhere from
        there (sockets: 1012, RFC 6455 §7.4.1).
        """
        self.draining = True
        waiting = list(self._open)
        step = max(1, len(waiting) // STEPS)
        groups = [waiting[at : at + step] for at in range(0, len(waiting), step)]
        pause = min(seconds * SPREAD, len(waiting) / RATE) / max(1, len(groups))
        leaving: list[asyncio.Task[None]] = []
        for group in groups:
            # Nobody waits for a peer that does not read: it has its second or two.
            leaving += [asyncio.create_task(session.drain()) for session in group]
            await asyncio.sleep(pause if group is not groups[-1] else 0)
        for problem in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(problem, Exception):
                log.error("session_not_drained", exc_info=problem)
