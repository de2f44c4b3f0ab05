"""A worker as `latchkey worker` runs one, but for its probes.

It reads its settings from the environment, says one line of JSON when it begins to work, and ends
when its stdin does. With `--until` it ends once so many deliveries are recorded as DELIVERED, and
says in the same line what that took, by the machine's monotonic clock.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop

from app.compose import build, running
from app.ending import asked_to_end
from app.server import calm_collector
from app.working import working
from bench.machine import rss_mb
from bench.sampling import profiled
from core import observe
from core.settings import Settings
from webhooks.worker import Worker

LOOK_SECONDS: Final = 0.01
WARM_SHARE: Final = 0.2
"""Of the deliveries, after which the process has what it needs and its memory is looked at."""


async def run(given: argparse.Namespace) -> None:
    """Work."""
    end = asked_to_end()
    house = build(Settings().model_copy(update={"devices_url": ""}))
    async with running(house):
        cpu, began = time.process_time(), time.monotonic()
        async with working(house) as worker:
            calm_collector()
            if given.until:
                said = await _until(worker, given.until)
                said |= {"began": began, "cpu_seconds": time.process_time() - cpu}
                assert house.dead == []
                _say(said)
            else:
                asyncio.get_running_loop().add_reader(sys.stdin, end.set)  # the benchmark is gone
                _say({})
                await end.wait()


async def _until(worker: Worker, count: int) -> dict[str, Any]:
    """What is to be known once so many are delivered."""
    await _delivered(worker, int(count * WARM_SHARE))
    warm = rss_mb(os.getpid())
    await _delivered(worker, count)
    return {
        "ended": time.monotonic(),
        "delivered": worker.ended["DELIVERED"],
        "attempts": dict(worker.attempts),
        "warm_mb": warm,
        "rss_mb": rss_mb(os.getpid()),
    }


async def _delivered(worker: Worker, count: int) -> None:
    while worker.ended["DELIVERED"] < count:  # noqa: ASYNC110 - a worker tells nobody
        await asyncio.sleep(LOOK_SECONDS)


def _say(said: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    sys.stdout.flush()


def main() -> None:
    """Work."""
    observe.configure(pretty=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=int, default=0, help="deliveries")
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    with (
        profiled(given.profile),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # as `latchkey worker` does
    ):
        runner.run(run(given))


if __name__ == "__main__":
    main()
