"""The load's process: a plan on stdin, its rounds on stdout."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import orjson
import uvloop

from bench.figures import Round
from bench.load.pace import Meter, both, series
from bench.load.plan import WARM_SECONDS, Plan
from bench.load.sockets import Cut
from bench.load.works import opened
from bench.load.wrong import Wrong

SLACK_SECONDS = 90.0


async def run(plan: Plan) -> Sequence[Round]:
    """Do as planned; it takes bounded time whatever the server does."""
    async with asyncio.timeout(plan.total + SLACK_SECONDS), opened(plan) as work:
        if plan.pace == "both":
            return await both(work, plan.workers, plan.pid, plan.seconds, plan.half_seconds)
        await series(work, Meter(plan.pid), WARM_SECONDS)
        return [await series(work, Meter(plan.pid), plan.seconds)]


@contextmanager
def failing() -> Iterator[None]:
    """End the process with a sentence where a server did otherwise: many fail for one reason."""
    try:
        yield
    except* (ConnectionError, Cut, TimeoutError, Wrong) as group:
        first = next(leaves(group))
        sys.exit(f"{type(first).__name__}: {first}")


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The errors themselves, whatever groups they came in."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


def main() -> None:
    """Read, run, say."""
    plan = Plan.read(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, failing():
        rounds = runner.run(run(plan))
    sys.stdout.buffer.write(orjson.dumps([asdict(one) for one in rounds]))


if __name__ == "__main__":
    main()
