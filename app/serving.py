"""Serving: what `latchkey serve` is, by itself, as a parent of workers, or as one of them."""

import asyncio
import sys
from collections.abc import Coroutine
from socket import socket as Listener  # noqa: N812 - as in `app.address`
from typing import Any, Final

import migrations
from app import workers
from app.address import bound, handed, spread
from app.compose import build, running
from app.ending import Ending, asked_to_end
from core import observe
from core.settings import Settings

log = observe.logger(__name__)

MOST_WORKERS: Final = 64


def alone(settings: Settings, host: str, port: int) -> None:
    """One process, without a parent."""

    async def work() -> None:
        ending = asked_to_end()
        with bound(host, port) as listener:
            await _serve(settings, listener, ending)

    forever(work())


def as_worker(settings: Settings, number: int) -> None:
    """One of several, on a socket of its parent's; it ends with its parent."""

    async def work() -> None:
        ending, loop = asked_to_end(), asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(sys.stdin)
            ending.set()

        loop.add_reader(sys.stdin, orphaned)
        with handed(number) as listener:
            await _serve(settings, listener, ending)

    forever(work())


def as_parent(settings: Settings, host: str, port: int, count: int) -> None:
    """The parent of several. What each of them would be refused for it is refused itself, once.

    Raises:
        Unavailable: the address is taken, the database does not fit, or workers cannot start.
    """
    if settings.broadcast_url.startswith("memory://"):
        hint = "news from the other workers comes up to half a second late; use a broadcast server"
        log.warning("broadcast_within_one_process", workers=count, hint=hint)

    async def work() -> None:
        ending = asked_to_end()
        await migrations.on(settings.database_url, migrations.check)
        listeners = spread(host, port, count)
        try:
            await workers.run(listeners, ending)
        finally:
            for listener in listeners:
                listener.close()

    asyncio.run(work())


def forever(work: Coroutine[Any, Any, None]) -> None:
    """Run a server, on uvloop where the platform has it."""
    factory = asyncio.new_event_loop
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415 - only servers need it

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


async def _serve(settings: Settings, listener: Listener, ending: Ending) -> None:
    from app import server  # noqa: PLC0415 - a server's imports, which a parent spares

    drain = server.LONG_DRAIN_SECONDS
    async with (
        running(build(settings)) as house,
        server.listening(house, listener, drain=drain, ending=ending),
    ):
        server.calm_collector()
        await ending.wait()
