"""Rendering: the same bytes for all who want an event alike, and for nobody else."""

import asyncio
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from weakref import ref

import orjson
import pytest
from graphql import GraphQLError

from app.server import graph_of
from core.domain.accounts import Viewer
from engine import Rendering, Result
from resolvers.answers import settled
from schema.graph import Graph
from schema.parameters import Parameters
from schema.rendering import OVERHEAD, Renderer
from tests.resolvers.world import World

WATCH = """
subscription Watch($ids: [ID!], $short: Boolean = false, $at: String) {
  deviceStatusChanged(deviceIds: $ids, after: $at) {
    sequence device { id name @skip(if: $short) state { brightness } }
  }
}
"""

SECONDS = 5


@pytest.fixture
def graph(world: World) -> Graph:
    """The graph of the furnished house."""
    return graph_of(world.house)


async def shown(
    graph: Graph, viewer: Viewer, cursor: str, events: int, **variables: Any
) -> list[tuple[bytes, bytes]]:
    """The first events after a cursor: their data, and all of each payload."""
    asked = Parameters(WATCH, variables={"at": cursor, **variables})
    call = await settled(graph.prepare(asked, viewer, "trace"))
    found: list[tuple[bytes, bytes]] = []
    news = asyncio.Event()
    with closing(graph.stream(call)) as answers:
        assert await answers.open(lambda _: news.set()) is None
        while len(found) < events:
            while (payload := answers.take()) is None:
                news.clear()
                await asyncio.wait_for(news.wait(), SECONDS)
            found.append((payload[: payload.index(b',"extensions"')], payload))
    return found


async def reported(world: World, events: int) -> str:
    """The place before so many reports of the first lamp."""
    fresh, home_ids = world.house.fresh, {world.home.id}
    places = await fresh.places(home_ids)
    for order in range(1, events + 1):
        await world.report(world.lamps[0], order, brightness=order)
    return world.house.cursors.places(world.viewer().grant.id, places)


async def test_an_event_is_rendered_once_for_all_who_want_it_alike(
    world: World, graph: Graph
) -> None:
    """Whichever devices they watch and wherever they begin; what it shows is each time the same."""
    cursor, viewer = await reported(world, 3), world.viewer()
    first = await shown(graph, viewer, cursor, 3)
    second = await shown(graph, viewer, cursor, 3, ids=[world.lamps[0].id])
    assert graph.renderer.shown == {"rendered": 3, "shared": 3}
    assert [data for data, _ in first] == [data for data, _ in second]
    brightness = [
        orjson.loads(all_of_it)["data"]["deviceStatusChanged"]["device"]["state"]["brightness"]
        for _, all_of_it in first
    ]
    assert brightness == [1, 2, 3]


async def test_another_rendering_is_another(world: World, graph: Graph) -> None:
    """A variable that reaches what is shown is part of the key; cursors stay each one's own."""
    cursor = await reported(world, 1)
    ((long, _),) = await shown(graph, world.viewer(), cursor, 1)
    ((short, _),) = await shown(graph, world.viewer(), cursor, 1, short=True)
    assert b'"name"' in long
    assert b'"name"' not in short
    assert graph.renderer.shown == {"rendered": 2, "shared": 0}


class Shows:
    """A rendering whose result is given."""

    key = "key"

    def __init__(self, result: Result) -> None:
        self.result = result

    def answer(self, event: object, context: object) -> Result:
        """Give it."""
        del event, context
        return self.result


def seen(event_id: str) -> Any:
    """What a renderer looks at of an event."""
    return SimpleNamespace(event=SimpleNamespace(id=event_id))


async def test_errors_are_each_ones_own() -> None:
    """They hold the trace of who asked."""
    renderer = Renderer(10_000)
    broken: Any = Shows(Result({"a": None}, (GraphQLError("x"),)))
    for _ in range(2):
        result = renderer.render(broken, seen("event_1"), lambda _: None)
        assert result == broken.result
    assert renderer.shown == {"rendered": 2, "shared": 0}


@pytest.mark.parametrize(("most", "shared"), [(0, 0), (2_000, 1), (100_000, 1)])
async def test_no_more_is_kept_than_there_is_room_for(most: int, shared: int) -> None:
    """The oldest go first; with no room, every event is rendered for each."""
    renderer = Renderer(most)
    rendering: Any = Shows(Result({"a": "x" * 500}))
    for number in range(9):
        renderer.render(rendering, seen(f"event_{number}"), lambda _: None)
    renderer.render(rendering, seen("event_8"), lambda _: None)
    assert renderer.shown == {"rendered": 10 - shared, "shared": shared}
    renderer.render(rendering, seen("event_0"), lambda _: None)
    assert renderer.shown["shared"] == shared + (most == 100_000)


FILL = """
import os
from types import SimpleNamespace
from bench.machine import rss_mb
from engine import Result
from schema.rendering import OVERHEAD, Renderer
renderer = Renderer(%d * (%d + OVERHEAD))
shown = Result({"a": "x" * (%d - len('{"a":""}'))})
rendering = SimpleNamespace(key="key", answer=lambda event, context: shown)
before = rss_mb(os.getpid())
for number in range(%d):
    seen = SimpleNamespace(event=SimpleNamespace(id=f"event_{number}"))
    renderer.render(rendering, seen, lambda _: None)
print(0 if before is None else rss_mb(os.getpid()) - before, renderer.shown["rendered"])
"""


def test_what_is_kept_takes_about_the_memory_that_it_is_given() -> None:
    """The places that answers are written in are larger than they are, and not kept.

    In a process of its own: others have room that is free and not given back.
    """
    size, count = 300, 10_000
    fill = [sys.executable, "-c", FILL % (count, size, size, count)]
    said = subprocess.run(fill, check=True, capture_output=True, text=True).stdout
    grown, rendered = said.split()
    assert int(rendered) == count
    assert float(grown) < 2 * count * (size + OVERHEAD) / 2**20


async def test_who_shows_events_alike_shares_one_rendering(world: World, graph: Graph) -> None:
    """Whichever devices they watch; and nobody keeps it once none of them does."""

    async def common(**variables: Any) -> Rendering:
        asked = Parameters(WATCH, variables=variables)
        call = await settled(graph.prepare(asked, world.viewer(), "trace"))
        rendering = Rendering(call.document, call.operation, call.variables)
        return graph.renderer.common(rendering)

    rendered = [await common(), await common(ids=[world.lamps[0].id]), await common(short=True)]
    assert rendered[0] is rendered[1]
    assert rendered[0] is not rendered[2]
    gone = ref(rendered[0])
    del rendered[:]
    assert gone() is None
