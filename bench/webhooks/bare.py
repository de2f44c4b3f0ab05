"""The bare client: what sends our webhooks, with bytes that are there, and nothing noted of it.

Posts so many bodies to as many paths as there would be endpoints, each signed by that path's own
secret, as many at once as the sender lets go to one host. Says what that took, like the worker.
"""

import argparse
import asyncio
import os
import sys
import time
from typing import Any, Final

import orjson
import uvloop

from app.server import calm_collector
from app.working import EACH
from bench.machine import rss_mb
from core.domain.addresses import LOOPBACK, networks
from core.domain.time import SystemClock
from core.signing import Secret, Signer
from webhooks.guard import Guard
from webhooks.sender import Sender

OK: Final = 200


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Post."""
    clock, body = SystemClock(), b"x" * given.bytes
    sender = Sender(Guard(networks(LOOPBACK)), clock, each=EACH)
    paths = [(f"{given.url}/{at}", Signer(Secret.make())) for at in range(given.paths)]
    numbers = iter(range(given.count))
    calm_collector()

    async def post() -> None:
        for number in numbers:
            url, signer = paths[number % len(paths)]
            signed = signer.headers(f"msg_{number:032x}", clock.now(), body)
            headers = {"content-type": "application/json", **signed}
            reply = await sender.post(url, headers, body)
            assert reply.status == OK, reply

    cpu, began = time.process_time(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(EACH):
            group.create_task(post())
    ended = time.monotonic()
    said = {"began": began, "ended": ended, "cpu_seconds": time.process_time() - cpu}
    await sender.close()
    return {**said, "rss_mb": rss_mb(os.getpid())}


def main() -> None:
    """Post, say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--paths", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the worker's
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
