"""Running a peer on Python: uvicorn as it comes, on the loop that it would choose by itself."""

import asyncio
import sys
from socket import IPPROTO_TCP, TCP_NODELAY, create_server

import orjson
import uvicorn
import uvloop
from starlette.types import ASGIApp

DRAIN_SECONDS = 1


def serve(app: ASGIApp) -> None:
    """Say the port, then serve until stdin ends or the process is asked to end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app))


async def _serve(app: ASGIApp) -> None:
    # stdout is the benchmark's, and a line for each request would be nobody's production.
    config = uvicorn.Config(
        app,
        access_log=False,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    asyncio.get_running_loop().add_reader(sys.stdin, end)  # the benchmark is gone
    with create_server(("127.0.0.1", 0), backlog=config.backlog) as listener:
        # As uvicorn's own sockets have it; asyncio sets it only where the protocol is named.
        listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        sys.stdout.buffer.write(orjson.dumps({"port": listener.getsockname()[1]}) + b"\n")
        sys.stdout.flush()
        await server.serve([listener])
