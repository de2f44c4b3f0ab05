"""The process in which something happens now and then, in homes that `partners` has made.

It reads its settings from the environment as `latchkey serve` does. Says of each event its id, and
by the machine's monotonic clock when its report came and when it was committed. `--embedded` sends
webhooks in this process, too, as the demo does.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Any, Final

import orjson
import uvloop

from app.compose import House, build, running
from app.server import calm_collector
from app.working import working
from bench import homes
from core import observe
from core.settings import Settings

SPREAD: Final = 0.5
"""How much sooner or later than on average one follows another, so that no look of anybody's goes
along with them."""
MOST: Final = 100_000


async def run(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Let it happen."""
    async with running(build(Settings())) as house, AsyncExitStack() as stack:
        if given.embedded:
            await stack.enter_async_context(working(house))
        calm_collector()
        await asyncio.sleep(given.settle)  # whoever plans has seen by then what there is
        moments = await _happened(house, given)
        await asyncio.sleep(given.linger)
        return moments


async def _happened(house: House, given: argparse.Namespace) -> list[dict[str, Any]]:
    devices = await house.devices_of(given.home)
    puppets, chance = homes.puppets(house, devices), Random(given.count)  # noqa: S311 - repeatable
    before = (await house.logs.events(given.home, 0, MOST))[-1].place
    times: list[tuple[float, float]] = []
    for _ in range(given.warm + given.count):
        await asyncio.sleep(given.apart * chance.uniform(1 - SPREAD, 1 + SPREAD))
        reported = time.monotonic()
        heard = await puppets.change()
        times.append((reported, time.monotonic()))
        assert not heard.late
    happened = await house.logs.events(given.home, before, MOST)
    return [
        {"event": event.id, "reported": reported, "committed": committed}
        for event, (reported, committed) in zip(happened, times, strict=True)
    ][given.warm :]


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--apart", type=float, required=True, help="seconds, on average")
    parser.add_argument(
        "--warm", type=int, default=0, help="events before, of which nothing is said"
    )
    parser.add_argument("--settle", type=float, default=1.5, help="seconds before")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds after")
    parser.add_argument("--embedded", action="store_true")
    return parser.parse_args(words)


def main() -> None:
    """Let it happen, say."""
    observe.configure(pretty=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `latchkey serve` does
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(_arguments()))))


if __name__ == "__main__":
    main()
