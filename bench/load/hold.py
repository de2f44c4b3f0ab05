"""The process that holds idle sockets: what the server's memory is before and with them.

Reads a plan on stdin, says JSON on stdout: the server's resident memory (MiB) before, with all of
them subscribed, and after each of them has got an event.
"""

import asyncio
import sys
from dataclasses import replace
from typing import Final

import orjson
import uvloop

from bench.load.__main__ import failing
from bench.load.crowd import crowd_of
from bench.load.plan import Plan
from bench.load.wrong import Wrong
from bench.machine import rss_mb

FIRST: Final = 50
"""Sockets that come and go before: what is loaded once for all is no socket's cost."""
LOOK_SECONDS: Final = 0.25
STEADY: Final = 0.02
"""MiB by which memory may still change from look to look."""
LOOKS: Final = 40
WITHIN_SECONDS: Final = 180.0


async def run(plan: Plan) -> dict[str, float]:
    """Hold them, in bounded time."""
    async with asyncio.timeout(WITHIN_SECONDS):
        before, after = replace(plan, more={**plan.more, "sockets": FIRST}), plan
        await _held(before)
        found = {"before": await _steady(plan.pid)}
        with_them, with_news = await _held(after)
        return {**found, "idle": with_them, "told": with_news}


async def _held(plan: Plan) -> tuple[float, float]:
    """The server's memory with these sockets, and once an event has reached all."""
    crowd, seats = crowd_of(plan)
    await crowd.enter(plan.port, plan.document, seats)
    idle = await _steady(plan.pid)
    await crowd.begin()
    told = await _steady(plan.pid)
    crowd.close()
    return idle, told


async def _steady(pid: int) -> float:
    """The server's memory once it no longer changes, or after some seconds.

    Raises:
        Wrong: this system does not tell.
    """
    last = -1.0
    for _ in range(LOOKS):
        await asyncio.sleep(LOOK_SECONDS)
        if (now := rss_mb(pid)) is None:
            sentence = "This system does not tell what memory a process has."
            raise Wrong(sentence)
        if abs(now - last) <= STEADY:
            return now
        last = now
    return last


def main() -> None:
    """Read, hold, say."""
    plan = Plan.read(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, failing():
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(plan))))


if __name__ == "__main__":
    main()
