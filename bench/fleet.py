"""The process of many simulated homes in which nobody acts: a house without a server around it.

It reads its settings from the environment as `latchkey serve` does and runs on the same loop. It
says one line of JSON when all homes are there, and ends when its stdin does.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
import uvloop

from app.compose import House, build, running
from app.ending import asked_to_end
from bench import homes
from bench.sampling import profiled
from core import observe
from core.domain.accounts import User
from core.settings import Settings

AT_ONCE = 32


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, required=True)
    parser.add_argument("--devices", type=int, required=True, help="in each home")
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Live until stdin ends or the process is asked to end."""
    asked = asked_to_end()
    asyncio.get_running_loop().add_reader(sys.stdin, asked.set)  # the benchmark is gone
    async with running(build(Settings()), migrate=True) as house:
        await _furnish(house, options.homes, options.devices)
        with profiled(options.profile):
            sys.stdout.buffer.write(orjson.dumps({"homes": options.homes}) + b"\n")
            sys.stdout.flush()
            await asked.wait()


async def _furnish(house: House, count: int, devices: int) -> None:
    """Make the homes and take charge of them, some at once."""
    owner = await house.services.accounts.create_user("bench")
    left = iter(range(count))

    async def work(owner: User) -> None:
        for _ in left:
            await homes.simulated(house, owner, devices)

    await asyncio.gather(*(work(owner) for _ in range(AT_ONCE)))


def main() -> None:
    """Live."""
    observe.configure(pretty=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(_arguments()))


if __name__ == "__main__":
    main()
