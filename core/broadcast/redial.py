"""How a connection is kept: whenever it breaks it is dialled anew, ever more seldom."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from core import observe

log = observe.logger(__name__)

FIRST_SECONDS = 0.05
MOST_SECONDS = 5.0
DIAL_SECONDS = 5.0
"""How long dialling may take, with everything that has to be said first."""
PING_SECONDS = 1.0
SILENT_SECONDS = 3.0
"""A server that says nothing for so long, though it is asked each `PING_SECONDS`, is given up."""


class Lost(Exception):
    """A server that we talked with is no good any more; the text says why."""


async def redial(talk: Callable[[], Awaitable[None]], server: str) -> None:
    """Talk for ever: `talk` dials, and raises when the connection is lost, whatever the reason."""
    failures = 0
    while True:
        began = time.monotonic()
        try:
            await talk()
        except Exception as error:  # noqa: BLE001 - nothing that a server does may end it
            failures = 1 if time.monotonic() - began > MOST_SECONDS else failures + 1
            log.warning("broadcast_lost", server=server, problem=_why(error))
        await asyncio.sleep(_pause(failures))


def _pause(failures: int) -> float:
    """Seconds to wait; no two processes wait alike, so that a restarted server is not overrun."""
    longest = min(FIRST_SECONDS * 2.0 ** min(failures - 1, 20), MOST_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


def _why(error: BaseException) -> str:
    """The first reason in a group of tasks that ended together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    return f"{type(error).__name__}: {error}"
