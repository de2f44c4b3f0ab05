"""The server of a benchmark: the product's own application on a temporary database, with one home.

It reads its settings from the environment as `latchkey serve` does and runs on the same loop and
under the same uvicorn. What is added is a home, a token, an app, and, where asked for, changes: one
for each byte that comes in on a socket beside the database.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
import uvloop

from app import server
from app.compose import build, running
from bench import homes
from bench.asking import asked
from bench.sampling import profiled
from core import observe
from core.settings import Settings

KINDS = {"simulated": homes.simulated, "quiet": homes.quiet, "switches": homes.switches}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", choices=KINDS)
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--listen", type=Path, help="the socket on which changes are asked for")
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Serve until stdin ends or the process is asked to end."""
    end = server.asked_to_end()
    asyncio.get_running_loop().add_reader(sys.stdin, end.set)  # the benchmark is gone
    with server.bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = Settings(public_url=f"http://127.0.0.1:{port}")
        async with running(build(settings), migrate=True) as house, AsyncExitStack() as stack:
            owner = await house.services.accounts.create_user("bench")
            home, devices = await KINDS[options.home](house, owner, options.devices)
            ready = {
                "port": port,
                "token": await homes.token(house, owner, home),
                "app": await homes.app(house),
                "home_id": home.id,
                "devices": [homes.told(one) for one in devices],
            }
            if options.listen:
                puppets = homes.puppets(house, devices)
                await stack.enter_async_context(_changing(puppets, options.listen))
            await stack.enter_async_context(server.listening(house, listener))
            server.calm_collector()  # as `latchkey serve` does
            sys.stdout.buffer.write(orjson.dumps(ready) + b"\n")
            sys.stdout.flush()
            await end.wait()


@asynccontextmanager
async def _changing(puppets: homes.Puppets, path: Path) -> AsyncIterator[None]:
    """One change for each that is asked for, many at once, while the block runs."""
    async with asyncio.TaskGroup() as group:

        def change(count: int) -> None:
            for _ in range(count):
                group.create_task(puppets.change())

        async with asked(path, lambda: change):
            yield


def main() -> None:
    """Serve."""
    options = _arguments()
    observe.configure(pretty=False)
    with (
        profiled(options.profile),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # as `latchkey serve` does
    ):
        runner.run(run(options))


if __name__ == "__main__":
    main()
