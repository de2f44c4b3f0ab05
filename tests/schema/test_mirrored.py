"""Mirrors against sockets: the same events, as the same bytes, whatever the document."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import count, cycle
from random import Random
from typing import Any, Final, cast

import pytest
import structlog
from hypothesis import given, settings, strategies as st

from app.server import graph_of
from bench.press import Prepared
from core.domain.accounts import Viewer
from core.domain.errors import Invalid
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Share
from core.domain.ports import Wanted
from engine import Rejected
from resolvers.answers import settled
from schema.graph import Graph
from schema.parameters import Parameters
from schema.streaming import Streaming
from subscriptions.hub import Hub
from tests.core.store import records
from tests.resolvers.world import World, lamp
from tests.schema.press import mirror_on
from tests.schema.test_subscriptions import eventful
from tests.schema.texts import subscription, variables

SECONDS: Final = 10


class Playing(Prepared):
    """A hub at which just these events happen, to whoever watches."""

    def play(self, events: Sequence[Event]) -> None:
        """From now on, these."""
        self._events = cycle(events)


class Land:
    """Sockets of one process, and endpoints of another, which share nothing."""

    def __init__(self, world: World) -> None:
        """Nothing happens yet."""
        self.world = world
        self.live = Playing([])
        self.mirror = mirror_on(world)
        self.graph = graph_of(replace(world.house, hub=cast("Hub", self.live)))
        self.numbers = count(1)

    def told(self, event: Event, wanted: Wanted, draw: Random) -> Event:
        """The event under an id of its own, as all have, and of a type that is wanted."""
        types = sorted(wanted.types or EventType, key=lambda each: each.value)
        kind = event.type if event.type in types else draw.choice(types)
        return replace(event, id=f"event_{next(self.numbers)}", type=kind)


async def subscribed(
    graph: Graph, viewer: Viewer, text: str, given: dict[str, Any], after: str | None = None
) -> Streaming | None:
    """A socket's subscription, open; None where it is refused."""
    try:
        call = await settled(graph.prepare(Parameters(text, variables=given), viewer, "trace"))
        answers = graph.stream(call, after)
    except Rejected:
        return None
    return None if await answers.open(lambda _: None) else answers


def cut(payload: bytes) -> bytes:
    """The bytes of a payload's `data`: errors may be before it, and a cursor is after it."""
    begin = payload.index(b'"data":') + len(b'"data":')
    return payload[begin : payload.rindex(b',"extensions":{"cursor":')]


@st.composite
def happening(draw: st.DrawFn) -> Event:
    """An event of any type, nearly always with all that its type has."""
    event = draw(records.events())
    if not draw(st.integers(0, 9)):
        return event
    return replace(
        event,
        device=event.device or draw(records.devices(event.home)),
        previous=event.previous or draw(records.states),
        command=event.command or draw(records.commands(event.home.id)),
    )


@pytest.fixture
def land(world: World) -> Land:
    """On the furnished house."""
    return Land(world)


@given(seed=st.integers(0, 2**48), events=st.lists(happening(), min_size=1, max_size=3))
async def test_endpoints_are_sent_the_bytes_of_sockets(
    land: Land, seed: int, events: list[Event]
) -> None:
    """Whatever the document, its variables and the event; what one is refused, so is the other."""
    draw = Random(seed)
    text = subscription(draw)
    given = variables(draw, ["home_1", "home_2"], ["device_1", "device_2"])
    opened = await subscribed(land.graph, land.world.viewer(), text, given)
    if opened is None:
        with pytest.raises(Invalid):
            await land.mirror.document(text, given)
        return
    mirrored = await land.mirror.document(text, given)
    told = [land.told(event, mirrored.wanted, draw) for event in events]
    land.live.play(told)
    with closing(opened) as answers, structlog.testing.capture_logs():
        payloads = [answers.take() or b"" for _ in told]
        rendered = [mirrored.render(event) for event in told]
    assert rendered == [cut(each) for each in payloads]


class Log:
    """What has happened in two homes, and what of it their partner is shown."""

    def __init__(self, world: World, grant: Grant, events: Sequence[Event]) -> None:
        """These events, all that there are."""
        self.house = world.house
        self.viewer = world.viewer(grant)
        self.graph = graph_of(world.house)
        self.mirror = mirror_on(world)
        self.events = sorted(events, key=lambda one: (one.occurred_at, one.home.id, one.place))
        self.heads = {one.home.id: one.place for one in self.events}
        self.begin = world.house.cursors.places(grant.id, dict.fromkeys(self.heads, 0))

    async def taken(self, answers: Streaming) -> list[bytes]:
        """The data of all that a subscription is told, until it has come to the end of the log."""
        found: list[bytes] = []
        async with asyncio.timeout(SECONDS):
            while True:
                while (payload := answers.take()) is not None:
                    found.append(cut(payload))
                if (cursor := answers.cursor) is not None and self._ends(cursor):
                    return found
                await asyncio.sleep(0.001)

    def _ends(self, cursor: str) -> bool:
        places = self.house.cursors.open_places(self.viewer.grant.id, cursor)
        return all(self.heads[home_id] == place for home_id, place in places.items())


@pytest.fixture
async def log(world: World) -> Log:
    """With an event of every type, of devices that are still there but for one."""
    elm, (far,) = await world.more("Elm", lamp("x"))
    grant = await world.give(Share(world.home.id), Share(elm.id))
    await eventful(world)
    await world.report(far, 1, brightness=9)
    shown: list[Event] = []
    for home in (world.home, elm):
        _, rooms = await world.house.logs.rooms_now(home.id)
        events = await world.house.logs.events(home.id, 0, 100)
        shown += [each for each in events if grant.shows(each, rooms)]
    return Log(world, grant, shown)


@settings(max_examples=settings().max_examples // 2)
@given(seed=st.integers(0, 2**48))
async def test_endpoints_want_what_sockets_are_shown(log: Log, seed: int) -> None:
    """The real hub is asked for the events of which each is one that its endpoint wants."""
    draw = Random(seed)
    text = subscription(draw)
    there = {each.device.id for each in log.events if each.device and each.device.name != "Tub"}
    given = variables(draw, sorted(log.heads), sorted(there))
    opened = await subscribed(log.graph, log.viewer, text, given, log.begin)
    if opened is None:
        with pytest.raises(Invalid):
            await log.mirror.document(text, given)
        return
    mirrored = await log.mirror.document(text, given)
    with closing(opened) as answers:
        found = await log.taken(answers)
    assert found == [mirrored.render(one) for one in log.events if mirrored.wanted.matches(one)]
