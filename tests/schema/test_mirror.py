"""Mirrors: what endpoints may store, what it asks for, and the bytes that it shows of events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, cast

import orjson
import pytest
import structlog
from graphql import GraphQLInterfaceType, GraphQLObjectType

from app.server import graph_of
from core.domain.errors import Invalid
from core.domain.events import EventType
from core.domain.mirrors import Mirror
from core.domain.ports import Wanted
from schema import mirror as module
from schema.default import DEFAULT
from tests.resolvers.world import World
from tests.schema.press import GRAPH, documents, mirror_on
from tests.schema.test_subscriptions import eventful

STATUS: Final = """
subscription Watch($ids: [ID!], $home: ID, $after: String, $how: Delivery, $ms: Int) {
  deviceStatusChanged(
    deviceIds: $ids, homeId: $home, after: $after, delivery: $how, minIntervalMs: $ms
  ) { id device { name } }
}
"""
EVENTS: Final = "subscription($filter: EventFilter) { events(filter: $filter) { id type } }"
ONE: Final = "an endpoint has one subscription, such as `subscription { events { id type } }`"
LATER: Final = (
    "An endpoint is sent what happens from now on, so its document has no `after`: leave it out. "
    "replayWebhooks sends again what was."
)
ALL: Final = (
    "An endpoint is sent every event as soon as it can be, and nothing is left out: leave "
    "`delivery` and `minIntervalMs` out."
)


@pytest.fixture
def mirror(world: World) -> Mirror:
    """The port, on the furnished house."""
    return mirror_on(world)


DOCUMENTS: Final = {
    "": "Line 1, column 1: Syntax Error: Unexpected <EOF>.",
    "subscription {\n  events { nope\n  nay } }": (
        "Line 2, column 12: Cannot query field 'nope' on type 'Event'. Did you mean 'home' or "
        "'type'? Line 3, column 3: Cannot query field 'nay' on type 'Event'."
    ),
    "subscription { events { home { rooms { id } } } }": (
        "Line 1, column 32: A subscription cannot select Home.rooms: an event carries its own "
        "room alone; query `home` for its rooms."
    ),
    "subscription { __typename }": (
        "Line 1, column 16: Anonymous Subscription must not select an introspection top level "
        "field."
    ),
    "{ __schema { types { name } } }": f"The document is a query, and {ONE}.",
    "{ homes { totalCount } }": f"The document is a query, and {ONE}.",
    'mutation { cancelCommand(id: "1") { id } }': f"The document is a mutation, and {ONE}.",
    "subscription A { events { id } } query B { homes { totalCount } }": (
        f"The document has 2 operations, and {ONE}: drop the others."
    ),
}
"""What is no document of an endpoint, and why."""

ARGUMENTS: Final[Sequence[tuple[dict[str, Any], str]]] = [
    ({"after": "x"}, LATER),
    ({"how": "LATEST"}, ALL),
    ({"how": "LATEST", "ms": 10}, ALL),
    ({"ms": 10}, ALL),
    ({"ms": -1}, ALL),
    ({"ids": []}, "deviceIds is empty, so nothing would match: name at least one or leave it out."),
    ({"ids": ["x"] * 101}, "deviceIds has 101 entries; give at most 100."),
]
"""What means nothing for an endpoint, of the arguments of `STATUS`."""

NULL: Final = "subscription($t: EventType = HOME_UPDATED) { events(filter: {types: [$t]}) { id } }"
VARIABLES: Final[Sequence[tuple[str, dict[str, Any], str]]] = [
    (
        STATUS,
        {"ids": 1.5, "home": []},
        (
            "Line 2, column 20: Variable '$ids' has invalid value: ID cannot represent value: 1.5. "
            "Line 2, column 33: Variable '$home' has invalid value: ID cannot represent value: []."
        ),
    ),
    (
        NULL,
        {"t": None},
        (
            "Line 1, column 70: Argument 'filter' has invalid value at .types[0]: Expected "
            "variable '$t' provided to non-null type 'EventType!' not to be None."
        ),
    ),
]
"""What does not fit its document."""


async def test_what_an_endpoint_cannot_have_is_refused(mirror: Mirror) -> None:
    """With the field, the place if there is one, and what would be right; each time."""
    cases = [
        *((text, {}, "document", sentence) for text, sentence in DOCUMENTS.items()),
        *((STATUS, given, "document", sentence) for given, sentence in ARGUMENTS),
        *((text, given, "variables", sentence) for text, given, sentence in VARIABLES),
    ]
    for text, given, field, sentence in cases * 2:
        with pytest.raises(Invalid) as refused:
            await mirror.document(text, given)
        assert (str(refused.value), refused.value.field) == (sentence, field)


async def test_what_costs_too_much_is_refused(world: World) -> None:
    """By the limit that a socket has too; variables may say what it costs."""
    mirror = mirror_on(world, document_cost=100)
    same = " ".join(f"c{n}: causedBy {{ ...C }}" for n in range(20))
    text = (
        f"subscription($more: Boolean!) {{ events {{ id ... @include(if: $more) {{ {same} }} }} }}"
        " fragment C on Command { id device { id home { id } } }"
    )
    await mirror.document(text, {"more": False})
    with pytest.raises(
        Invalid, match=r"^Line 1, column 33: The operation has a type cost"
    ) as refused:
        await mirror.document(text, {"more": True})
    assert refused.value.field == "document"


WANTED: Final[Sequence[tuple[str, dict[str, Any], Wanted]]] = [
    (EVENTS, {}, Wanted()),
    (EVENTS, {"filter": None}, Wanted()),
    (
        EVENTS,
        {"filter": {"types": ["HOME_UPDATED", "DEVICE_ADDED"]}},
        Wanted(frozenset({EventType.HOME_UPDATED, EventType.DEVICE_ADDED})),
    ),
    (
        EVENTS,
        {"filter": {"homeId": "home_1", "deviceIds": ["device_1", "device_2"]}},
        Wanted(None, frozenset({"device_1", "device_2"}), "home_1"),
    ),
    (
        'subscription { events(filter: { homeId: "home_1", types: DEVICE_REMOVED }) { id } }',
        {},
        Wanted(frozenset({EventType.DEVICE_REMOVED}), None, "home_1"),
    ),
    (
        STATUS,
        {"ids": "device_1", "home": None, "how": "ALL", "ms": 0, "after": None, "more": 1},
        Wanted(frozenset({EventType.DEVICE_STATUS_CHANGED}), frozenset({"device_1"})),
    ),
]


async def test_it_asks_for_what_its_arguments_say(mirror: Mirror) -> None:
    """Whether there is such a home or device is nobody's business yet: grants come and go."""
    for text, given, wanted in WANTED:
        assert (await mirror.document(text, given)).wanted == wanted


async def test_it_says_which_scopes_are_missing(mirror: Mirror) -> None:
    """None twice, and none where another that is missing opens the field too."""
    plain = await mirror.document("subscription { events { id } }", {})
    rich = await mirror.document("subscription { events { causedBy { id } home { name } } }", {})
    commands = await mirror.document("subscription { events { causedBy { id } } }", {})
    assert plain.missing(()) == ["events:subscribe"]
    assert plain.missing({"events:subscribe"}) == []
    assert rich.missing(()) == ["devices:read", "events:subscribe"]
    assert rich.missing({"events:subscribe", "devices:control"}) == ["devices:read"]
    assert commands.missing({"events:subscribe", "devices:control"}) == []


async def test_a_document_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is kept, with variables that are the same; the one used longest ago goes first."""
    monkeypatch.setattr(module, "KEPT", 2)
    mirror = mirror_on(world)
    first = await mirror.document(EVENTS, {"filter": {"types": ["HOME_UPDATED"]}})
    assert await mirror.document(EVENTS, {"filter": {"types": ["HOME_UPDATED"]}}) is first
    other = await mirror.document(EVENTS, {})
    assert other is not first
    assert await mirror.document(EVENTS, {"filter": {"types": ["HOME_UPDATED"]}}) is first
    await mirror.document(STATUS, {})
    assert await mirror.document(EVENTS, {}) is not other
    huge = {"unused": 2**64}  # which JSON may hold, and nothing here can know again
    assert (await mirror.document(EVENTS, huge)).wanted == Wanted()


async def test_it_is_not_changed_by_who_gave_it(mirror: Mirror) -> None:
    """Variables are read when they are given."""
    given: dict[str, Any] = {"filter": {"homeId": "home_1"}}
    first = await mirror.document(EVENTS, given)
    given["filter"]["homeId"] = "home_2"
    assert first.wanted.home_id == "home_1"
    assert (await mirror.document(EVENTS, given)).wanted.home_id == "home_2"


async def test_sockets_and_endpoints_share_what_is_shown(world: World) -> None:
    """Where both are in one process an event is rendered once for all who want it alike."""
    graph = graph_of(world.house)
    mirror: Mirror = world.house.press
    (event, *_) = await eventful(world)
    text = "subscription($home: ID) { events(filter: {homeId: $home}) { id home { name } } }"
    shown = (await mirror.document(text, {})).render(event)
    again = (await mirror.document(text, {"home": event.home.id})).render(event)
    assert again is shown
    assert graph.renderer.shown == {"rendered": 1, "shared": 1}


async def test_a_fault_of_ours_is_told_once(world: World, mirror: Mirror) -> None:
    """What could be shown is delivered all the same, as to a socket; the log names the document."""
    (event, *_) = await eventful(world)
    broken = replace(event, type=EventType.DEVICE_REMOVED, device=None)
    text = "subscription { events { id ... on DeviceRemoved { device { id } } } }"
    mirrored = await mirror.document(text, {})
    with structlog.testing.capture_logs() as logs:
        assert [mirrored.render(broken), mirrored.render(broken)] == [b"null"] * 2
    (line,) = logs
    assert (line["event"], line["event_id"], len(line["document"])) == (
        "event_shown_in_part",
        event.id,
        64,
    )


async def test_the_usual_document_shows_every_event(world: World, mirror: Mirror) -> None:
    """It asks for all of them, needs what most grants have, and costs little."""
    usual = await mirror.document(DEFAULT, {})
    assert usual.wanted == Wanted()
    assert usual.missing({"events:subscribe", "devices:read"}) == []
    assert max(documents().get(DEFAULT).operation().cost()) < 50
    with structlog.testing.capture_logs() as logs:
        shown = [orjson.loads(usual.render(event))["events"] for event in await eventful(world)]
    assert {line["event"] for line in logs} <= {"audit_sealed"}  # which comes by itself
    assert {each["type"] for each in shown} == {kind.value for kind in EventType}
    alone = {"id", "type", "sequence", "occurredAt", "home", "causedBy"}
    assert {each["type"] for each in shown if not each.keys() - alone} == {"HOME_UPDATED"}


LEFT_OUT: Final = {
    "DeviceStatusChanged.state": "its device has it",
    "Command.issuedBy": "no event carries it",
    "Device.desired": "commands are told by themselves",
    "Device.pendingCommand": "as above",
    "Device.home": "the event has it",
    "Device.updatedAt": "the event says when",
    "Home.rooms": "no event carries it",
    "Home.devices": "as above",
    "Room.devices": "as above",
    "Room.home": "the event has it",
}


def test_the_usual_document_leaves_out_what_it_means_to() -> None:
    """A field that is new to the graph is in it, or on this list with a reason."""
    shown = {need.coordinate for need in documents().get(DEFAULT).operation().needs}
    event = cast("GraphQLInterfaceType", GRAPH.type_map["Event"])
    kinds = {each.name for each in GRAPH.get_possible_types(event)}
    every = set()
    for name in kinds | {each.partition(".")[0] for each in shown} - {"Subscription"}:
        common = set(event.fields) if name in kinds else set()
        fields = set(cast("GraphQLObjectType", GRAPH.type_map[name]).fields) - common
        every |= {f"{name}.{each}" for each in fields}
    assert every - shown == set(LEFT_OUT)
