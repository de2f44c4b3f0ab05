"""The process in which the press itself is timed: no server, no socket, one thing over and over.

Reads `{"work", "scale", "seconds", "profile"}` on stdin, says one sample on stdout; its value is
the median of what each took, in seconds times `scale`. Seconds are those of the CPU: nothing here
waits, so whatever else passes is other work's time on this core.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, replace
from itertools import count, cycle
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from types import MappingProxyType
from typing import Any, Final, cast

import orjson
import uvloop
from graphql import FieldNode, Visitor, parse, visit

from app.compose import House, build, running
from app.server import graph_of
from bench import homes
from bench.contest import Failed
from bench.figures import MICRO, MILLI, Sample, percentile
from bench.load.plan import WARM_SECONDS
from bench.machine import rss_mb
from bench.sampling import profiled
from core import observe
from core.domain.accounts import Viewer
from core.domain.devices import State
from core.domain.events import Event, EventType
from core.domain.ports import Manner, Wanted
from core.domain.seen import Seen
from core.settings import Settings
from engine import Documents
from resolvers.answers import settled
from schema import UNCARRIED, build as graph, sdl
from schema.parameters import Parameters
from schema.streaming import Streaming
from subscriptions.hub import Hub

SIXTY: Final = """
query Sixty%d($first: Int!, $filter: DeviceFilter) {
  viewer { expiresAt user { name } client { id name } }
  devices(first: $first, filter: $filter, orderBy: ROOM) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id name kind capabilities online manufacturer model firmware updatedAt
      room { id name }
      home { id name timeZone }
      state {
        on brightness color { hue saturation } colorTemperature position fanSpeed locked
        temperature targetTemperature humidity motion contact battery power energy
      }
      desired { on brightness position locked targetTemperature }
      pendingCommand {
        id status issuedAt deadline completedAt
        error { code message }
        issuedBy { id name }
        desired {
          on brightness color { hue saturation } colorTemperature position fanSpeed locked
          targetTemperature
        }
      }
    }
  }
}
"""
SIX: Final = """
subscription Six {
  deviceStatusChanged { sequence occurredAt changed device { name } state { on brightness } }
}
"""
EVENTS: Final = 10_000
"""Different ones, in turn, so that nothing is gained by keeping what was rendered."""

One = Callable[[], Awaitable[None]]


class Prepared(AsyncIterator[Seen]):
    """The port `Live`, and a watch of it, for which the same events happen again and again."""

    cursor = None
    passed = bool
    extras: Mapping[str, object] = MappingProxyType({})

    def __init__(self, events: Sequence[Event]) -> None:
        """Begin with the first."""
        self._events = cycle(events)

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner
    ) -> "Prepared":
        """All of them, whatever is wanted."""
        del viewer, wanted, after, manner
        return self

    def attach(self, alike: object, ready: object) -> None:
        """There is always something to take."""

    def take(self) -> Seen:
        """The next one, which nobody has seen."""
        event = next(self._events)
        return Seen(event, {}, lambda _: event.id)

    async def __anext__(self) -> Seen:
        """The same."""
        return self.take()

    def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def compiling() -> AsyncIterator[One]:
    """A text that nobody has sent before becomes a document that is ready to run.

    Raises:
        Failed: the document has not as many fields as it claims.
    """
    leaves(SIXTY % 0, 60)
    documents = Documents(graph()._schema, sdl(), uncarried=UNCARRIED)  # noqa: SLF001 - Strawberry offers no public way to graphql-core's schema
    numbers = count()

    async def one() -> None:
        documents.get(SIXTY % next(numbers)).operation()

    yield one


@asynccontextmanager
async def rendering() -> AsyncIterator[One]:
    """An event becomes the bytes of a subscription's answer.

    Raises:
        Failed: an answer is wrong, or two events look the same.
    """
    leaves(SIX, 6)
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/latchkey.db"
        settings = Settings(database_url=url, secret_keys=(os.urandom(32),))
        async with running(build(settings), migrate=True) as house:
            owner = await house.services.accounts.create_user("bench")
            home, (device,) = await homes.switches(house, owner, 1)
            lit = replace(device, state=State(on=True, brightness=70))
            event = Event(
                id="event_0",
                type=EventType.DEVICE_STATUS_CHANGED,
                home=home,
                place=1,
                sequence=1,
                occurred_at=house.clock.now(),
                device=lit,
                previous=State(on=False, brightness=70),
                changed=("on",),
            )
            token = await homes.token(house, owner, home)
            answers = await _answers(house, token, event)
            _check(answers.take() or b"", answers.take() or b"")

            async def one() -> None:
                answers.take()

            yield one


async def _answers(house: House, token: str, event: Event) -> Streaming:
    """Every event's JSON."""
    events = [replace(event, id=f"event_{n}", place=n, sequence=n) for n in range(1, EVENTS + 1)]
    prepared = graph_of(replace(house, hub=cast("Hub", Prepared(events))))
    viewer = house.access.viewer(house.tokens.verify(token))
    call = await settled(prepared.prepare(Parameters(SIX), viewer, "trace"))
    answers = prepared.stream(call)
    if (errors := await answers.open(lambda _: None)) is not None:
        raise Failed(str(errors))
    return answers


def _check(first: bytes, second: bytes) -> None:
    answer = orjson.loads(first)
    shown = answer.get("data", {}).get("deviceStatusChanged", {})
    expected = {"on": True, "brightness": 70}
    if "errors" in answer or shown.get("sequence") != 1 or shown.get("state") != expected:
        raise Failed(first)
    if first == second:
        sentence = f"Two events look the same: {first.decode()}"
        raise Failed(sentence)


def leaves(text: str, expected: int) -> None:
    """Count the fields that have a value of their own.

    Raises:
        Failed: there are others than expected.
    """

    class Counter(Visitor):
        found = 0

        def enter_field(self, node: FieldNode, *_: object) -> None:
            self.found += not node.selection_set

    counter = Counter()
    visit(parse(text), counter)
    if counter.found != expected:
        sentence = f"The document has {counter.found} fields, not {expected}."
        raise Failed(sentence)


WORKS: Final[dict[str, Callable[[], AbstractAsyncContextManager[One]]]] = {
    "compile": compiling,
    "render": rendering,
}


async def run(plan: dict[str, Any]) -> Sample:
    """Do it for so long, after a warm-up; everything in this one process counts."""
    async with WORKS[plan["work"]]() as one:
        await _durations(one, min(WARM_SECONDS, plan["seconds"]))
        with profiled(Path(plan["profile"]) if plan["profile"] else None):
            began, used = perf_counter(), process_time()
            durations = await _durations(one, plan["seconds"])
            used, passed = process_time() - used, perf_counter() - began
    p50, p99 = percentile(durations, 0.5), percentile(durations, 0.99)
    assert p50 is not None
    assert p99 is not None
    return Sample(
        value=median(durations) * plan["scale"],
        p50_ms=p50 * MILLI,
        p99_ms=p99 * MILLI,
        cpu_us=used / len(durations) * MICRO,
        rss_mb=rss_mb(os.getpid()),
        server_share=used / passed,
        detail={"times": len(durations)},
    )


async def _durations(one: One, seconds: float) -> list[float]:
    """How much CPU each took; at least one is done."""
    found: list[float] = []
    end = perf_counter() + seconds
    while not found or perf_counter() < end:
        start = process_time()
        await one()
        found.append(process_time() - start)
    return found


def main() -> None:
    """Read, run, say."""
    observe.configure(pretty=False)  # stdout is for the figures alone
    plan = orjson.loads(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            sample = runner.run(run(plan))
        except Failed as failed:
            sys.exit(str(failed))
    sys.stdout.buffer.write(orjson.dumps(asdict(sample)))


if __name__ == "__main__":
    main()
