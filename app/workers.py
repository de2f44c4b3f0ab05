"""Workers: several processes that serve one address, each a whole house; their parent is none.

The parent listens and never accepts: it hands each worker its socket (`app.address.spread`). Since
it keeps the sockets open, connections that come while a worker is replaced wait, and none is
refused. A worker ends with its parent, by its stdin.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from signal import SIGKILL, SIGTERM
from socket import socket as Listener  # noqa: N812 - as in `app.address`
from time import monotonic
from typing import Final

from app.ending import Ending
from core import observe
from core.domain.errors import Unavailable

log = observe.logger(__name__)

YOUNG_SECONDS: Final = 10.0
"""A worker that ends earlier than that ended at its start."""
QUICK: Final = 5
"""So many times in a row is one started that ends at its start, and no more."""
PAUSE_SECONDS: Final = 0.5
"""Before the first of them is replaced; twice that before the next, and so on."""


# -P: a folder named `app` where the operator happens to be is not ours.
COMMAND: Final = (sys.executable, "-P", "-m", "app", "serve", "--listener")
"""What a worker is, but for the number of its socket."""


class Worker:
    """One place among the workers: the process that is in it now, then the next."""

    def __init__(self, listener: Listener) -> None:
        """Nobody yet; who is in it accepts from this socket."""
        self._listener = listener
        self._process: Process | None = None
        self._over = asyncio.Event()

    async def keep(self) -> None:
        """Have a process serve, again and again; return when it was told to end and has ended.

        Raises:
            Unavailable: each ended as soon as it was started.
        """
        quick = 0
        while not self._over.is_set():
            began = monotonic()
            code = await self._live()
            if self._over.is_set():
                return
            quick = quick + 1 if monotonic() - began < YOUNG_SECONDS else 0
            log.warning("worker_ended", code=code, quick=quick)
            if quick >= QUICK:
                sentence = (
                    f"Gave up: a worker ended {QUICK} times within {YOUNG_SECONDS:g} s of its "
                    f"start, at last with exit code {code}. What it said before tells why."
                )
                raise Unavailable(sentence)
            await self._pause(PAUSE_SECONDS * 2 ** (quick - 1) if quick else 0)

    def tell(self, signal: int) -> None:
        """End, or by SIGKILL be ended; nobody comes after."""
        self._over.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal)

    async def _live(self) -> int:
        """One process from its start to its end; its exit code."""
        number = self._listener.fileno()
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND,
            str(number),
            stdin=PIPE,
            pass_fds=(number,),
            process_group=0,  # a terminal's Ctrl-C comes to us, and from us to it, once
        )
        log.info("worker_started", worker=self._process.pid)
        if self._over.is_set():  # it was told while there was nobody to hear it
            self._process.send_signal(SIGTERM)
        return await self._process.wait()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return


async def run(listeners: Sequence[Listener], ending: Ending) -> None:
    """Have a worker at each socket until the end is asked for, and they have drained.

    Asked a second time they hurry, a third time they are killed.

    Raises:
        Unavailable: one ends as soon as it starts, again and again; then all have ended.
    """
    workers = [Worker(listener) for listener in listeners]
    tasks = [asyncio.create_task(worker.keep()) for worker in workers]
    telling = asyncio.create_task(_tell(workers, listeners, ending))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for worker in workers:
            worker.tell(SIGTERM)  # where one gave up; else all are over
        await asyncio.wait(tasks)
    finally:
        telling.cancel()
        for worker in workers:
            worker.tell(SIGKILL)  # there are none, unless we ourselves failed
    for task in tasks:
        task.result()


async def _tell(workers: Sequence[Worker], listeners: Sequence[Listener], ending: Ending) -> None:
    """Pass on what is asked of us."""
    for times, signal in enumerate((SIGTERM, SIGTERM, SIGKILL), start=1):
        await ending.wait(times)
        for listener in listeners:
            listener.close()  # what its worker has closed must not go on taking connections
        for worker in workers:
            worker.tell(signal)
