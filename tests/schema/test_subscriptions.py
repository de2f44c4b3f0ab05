"""Subscriptions against a furnished house, through the engine and the hub."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
)

from core.domain.accounts import Viewer
from core.domain.errors import Unauthenticated
from core.domain.events import Event, EventType
from core.domain.grants import Share
from core.domain.ports import EVERYTHING, Live, Manner, Wanted, Watching
from core.domain.seen import Seen
from engine import Documents, Limits, Rejected, Result
from schema import UNCARRIED, sdl
from tests.resolvers.world import World, lamp, statements
from tests.schema.press import GRAPH, document, documents, payload, streamed

STATUS = """
subscription($ids: [ID!], $home: ID, $after: String) {
  deviceStatusChanged(deviceIds: $ids, homeId: $home, after: $after) {
    __typename sequence changed state { brightness } previous { brightness }
    device { name state { brightness } pendingCommand { id } } causedBy { id status }
  }
}
"""
SECONDS = 10
WIDE = Limits(text_bytes=10**7, tokens=10**6, aliases=10**6, fields=10**6)


def selection(named: GraphQLNamedType, depth: int) -> str:
    """Every field below a type that an event carries, so deep."""
    if isinstance(named, GraphQLInterfaceType):
        each = GRAPH.get_possible_types(named)
        return " ".join(f"... on {one} {{ {selection(one, depth)} }}" for one in each)
    assert isinstance(named, GraphQLObjectType)
    return " ".join(["__typename", *_fields(named, depth)])


def _fields(named: GraphQLObjectType, depth: int) -> Iterator[str]:
    for name, field in named.fields.items():
        below = get_named_type(field.type)
        if f"{named.name}.{name}" in UNCARRIED:
            continue
        # Types differ in what may be null, and one key must not have two shapes.
        key = f"{named.name}_{name}: {name}"
        if not is_composite_type(below):
            yield key
        elif depth:
            yield f"{key} {{ {selection(below, depth - 1)} }}"


async def eventful(world: World) -> list[Event]:
    """At least one event of every type, some with commands, open and ended."""
    services, (one, two, three) = world.house.services, world.lamps
    command = await world.accept(one, brightness=3)
    await world.report(one, 1, await world.dispatch(command), brightness=3)
    await world.accept(two, on=False)
    await services.devices.describe(two, "Tub", None)
    await services.homes.rename(world.home.id, "Oak")
    await services.devices.remove(two)
    await world.report(three, 1, online=False)
    await services.devices.reconcile(world.home, [lamp("d")])
    events = await world.house.logs.events(world.home.id, 0, 100)
    assert {event.type for event in events} == set(EventType)
    return events


class Replayed:
    """A hub that has seen these events, and a watch of it that shows each of them, once."""

    cursor = None

    def __init__(self, events: list[Event]) -> None:
        self._events = iter(events)

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Any:
        """Itself."""
        del viewer, wanted, after, manner
        return self

    def __aiter__(self) -> "Replayed":
        """Itself."""
        return self

    async def __anext__(self) -> Seen:
        """The next event."""
        for event in self._events:
            return Seen(event, {}, lambda _: "cursor")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing is held."""

    def renew(self, viewer: Viewer) -> None:
        """It does not ask for whom."""


async def test_everything_an_event_carries_is_shown_without_reading(world: World) -> None:
    """Every field of every type of event, three deep: no statement, no error, no null in vain."""
    event_type = GRAPH.get_type("Event")
    assert event_type is not None
    wide = Documents(GRAPH, sdl(), WIDE, uncarried=UNCARRIED, engine=world.house.settings.engine)
    every = wide.get(f"subscription {{ events {{ {selection(event_type, 3)} }} }}")
    events, ask = await eventful(world), world.ask()
    ask.live = Replayed(events)
    with statements() as ran:
        async with aclosing(streamed(ask, every)) as answers:
            found = [(seen, payload(result)) async for seen, result in answers]
    assert [seen.event for seen, _ in found] == events
    assert [answer["errors"] for _, answer in found if "errors" in answer] == []
    assert ran == []


@pytest.mark.parametrize("coordinate", sorted(UNCARRIED))
def test_what_no_event_carries_is_refused_before(coordinate: str) -> None:
    """With the field and what to do instead; a query may ask for it."""
    inner = {
        "Home.rooms": "home { rooms { name } }",
        "Home.devices": "home { devices { totalCount } }",
        "Room.devices": "... on DeviceAdded { device { room { devices { totalCount } } } }",
        "Command.issuedBy": "causedBy { issuedBy { name } }",
    }[coordinate]
    with pytest.raises(Rejected) as refused:
        documents().get(f"subscription {{ events {{ {inner} }} }}")
    (fault,) = refused.value.faults
    assert fault.message == f"A subscription cannot select {coordinate}: {UNCARRIED[coordinate]}"
    documents().get(f"{{ events {{ nodes {{ {inner} }} }} }}")


class Announced:
    """A hub that says when a watch has begun."""

    def __init__(self, hub: Live) -> None:
        self._hub = hub
        self.begun = asyncio.Event()

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """As the hub does."""
        seen = await self._hub.watch(viewer, wanted, after, manner)
        self.begun.set()
        return seen


class Reader:
    """Reads one subscription, message by message."""

    def __init__(self, answers: AsyncGenerator[tuple[Seen, Result], None]) -> None:
        self._answers = answers
        self._coming = asyncio.create_task(anext(answers))

    async def next(self) -> tuple[Seen, dict[str, Any]]:
        """The next message, which is no error."""
        seen, result = await asyncio.wait_for(self._coming, SECONDS)
        self._coming = asyncio.create_task(anext(self._answers))
        answer = payload(result)
        assert "errors" not in answer, answer
        return seen, answer["data"]

    async def close(self) -> None:
        """Read no more."""
        self._coming.cancel()
        await asyncio.gather(self._coming, return_exceptions=True)
        await self._answers.aclose()


@asynccontextmanager
async def watching(
    world: World, text: str, viewer: Viewer | None = None, **variables: Any
) -> AsyncIterator[Reader]:
    """A subscription that has begun."""
    ask = world.ask(viewer)
    ask.live = hub = Announced(world.house.hub)
    reader = Reader(streamed(ask, document(world, text), **variables))
    try:
        await asyncio.wait_for(hub.begun.wait(), SECONDS)
        yield reader
    finally:
        await reader.close()


async def test_reports_are_seen_as_they_come(world: World) -> None:
    """What changed and what it was before, and then on from the cursor of any message."""
    device = world.lamps[0]
    command = await world.accept(device, brightness=3)
    sent = await world.dispatch(command)
    async with watching(world, STATUS) as live:
        await world.report(device, 1, sent, brightness=3)
        await world.report(device, 2, brightness=4)
        first, data = await live.next()
        second, _ = await live.next()
    shown = data["deviceStatusChanged"]
    assert shown.pop("sequence") == first.event.sequence
    assert shown == {
        "__typename": "DeviceStatusChanged",
        "changed": ["brightness"],
        "state": {"brightness": 3},
        "previous": {"brightness": 50},
        "device": {"name": "Attic", "state": {"brightness": 3}, "pendingCommand": None},
        "causedBy": [{"id": command.id, "status": "CONFIRMED"}],
    }
    async with watching(world, STATUS, after=first.cursor) as live:
        again, _ = await live.next()
    assert again.event.id == second.event.id


async def test_named_devices_and_homes_intersect(world: World) -> None:
    """Reports of others are not seen."""
    one, two, _ = world.lamps
    elm, (far,) = await world.more("Elm", lamp("x"))
    viewer = world.viewer(await world.give(Share(world.home.id), Share(elm.id)))
    ids = [one.id, far.id]
    async with watching(world, STATUS, viewer, ids=ids, home=world.home.id) as live:
        for device in (far, two, one):
            await world.report(device, 1, brightness=9)
        seen, _ = await live.next()
    assert seen.event.device is not None
    assert seen.event.device.id == one.id


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"ids": ["nonsense"]}, "NOT_FOUND"),
        ({"home": "home_0"}, "NOT_FOUND"),
        ({"ids": []}, "BAD_USER_INPUT"),
        ({"ids": ["x"] * 101}, "BAD_USER_INPUT"),
        ({"after": "nonsense"}, "BAD_USER_INPUT"),
    ],
)
async def test_a_watch_that_cannot_be_does_not_start(
    world: World, variables: dict[str, Any], code: str
) -> None:
    """One result without data, and nothing is watched."""
    async with aclosing(streamed(world.ask(), document(world, STATUS), **variables)) as answers:
        (answer,) = [payload(result) async for _, result in answers]
    assert "data" not in answer
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_an_explicit_null_is_not_given(world: World) -> None:
    """Devices, home and cursor may be null, and a filter too."""
    everything = "subscription { events(filter: null, after: null) { id type } }"
    async with (
        watching(world, everything) as one,
        watching(world, STATUS, ids=None, home=None, after=None) as other,
    ):
        await world.report(world.lamps[0], 1, brightness=1)
        (seen, _), (same, _) = await one.next(), await other.next()
    assert seen.event == same.event
    assert seen.event.type is EventType.DEVICE_STATUS_CHANGED


async def test_a_watch_ends_with_its_access(world: World) -> None:
    """What the hub says of the viewer's access comes through as it is."""
    async with watching(world, "subscription { events { id } }") as live:
        await world.report(world.lamps[0], 1, brightness=1)
        await live.next()
        await world.house.services.grants.revoke(world.grant)
        with pytest.raises(Unauthenticated):
            await live.next()
