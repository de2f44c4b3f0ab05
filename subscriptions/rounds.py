"""Rounds: times from which on what waits may be taken, some seconds apart (`minIntervalMs`)."""

import asyncio
from collections.abc import Callable


class Rounds:
    """Those of one reader. A round is open until everything was taken."""

    __slots__ = ("_again", "_pause", "_seconds", "open")

    def __init__(self, seconds: float, again: Callable[[], None]) -> None:
        """`again` is called when there may be another round."""
        self.open = False
        self._seconds = seconds
        self._again = again
        self._pause: asyncio.TimerHandle | None = None

    def begun(self) -> bool:
        """Whether something may be taken now; a round begins with that, where one may."""
        if not self.open and self._pause is None:
            self.open = True
            self._pause = asyncio.get_running_loop().call_later(self._seconds, self._over)
        return self.open

    def cancel(self) -> None:
        """There are no more."""
        if self._pause is not None:
            self._pause.cancel()

    def _over(self) -> None:
        self._pause = None
        self._again()
