"""Running a peer on Python: uvicorn as it comes, on the loop that it would choose by itself."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_server
from typing import Any

import orjson
import uvicorn
import uvloop
from starlette.types import ASGIApp

from bench.asking import asked

DRAIN_SECONDS = 1
Tell = Callable[[int], Coroutine[Any, Any, None]]
"""Lets so many events happen."""


def serve(
    app: ASGIApp,
    listen: Path | None = None,
    tell: Tell | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Say the port, then serve until stdin ends or the process is asked to end.

    Events are asked for on the socket at `listen`, and `tell` lets them happen.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, listen, tell, settings or {}))


async def _serve(
    app: ASGIApp, listen: Path | None, tell: Tell | None, settings: Mapping[str, Any]
) -> None:
    # stdout is the benchmark's, and a line for each request would be nobody's production.
    config = uvicorn.Config(
        app,
        access_log=False,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **settings,
    )
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    asyncio.get_running_loop().add_reader(sys.stdin, end)  # the benchmark is gone
    async with AsyncExitStack() as stack:
        if listen is not None and tell is not None:
            await stack.enter_async_context(_telling(listen, tell))
        listener = stack.enter_context(create_server(("127.0.0.1", 0), backlog=config.backlog))
        # As uvicorn's own sockets have it; asyncio sets it only where the protocol is named.
        listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        sys.stdout.buffer.write(orjson.dumps({"port": listener.getsockname()[1]}) + b"\n")
        sys.stdout.flush()
        await server.serve([listener])


@asynccontextmanager
async def _telling(listen: Path, tell: Tell) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:

        def start(count: int) -> None:
            group.create_task(tell(count))

        async with asked(listen, lambda: start):
            yield
