"""Costs of the published graph: said of every list, bounded, and shown to who asks."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    build_schema,
    get_introspection_query,
    get_named_type,
    is_composite_type,
    print_directive,
)

from app.pages.examples import CONTROL, LIST, WATCH
from core.domain.endpoints import MOST as MOST_ENDPOINTS
from core.store.hooks import MOST_ATTEMPTS
from engine import Rejected
from engine.sizes import ListSize, Sizes, lists
from resolvers.answers import settled
from resolvers.paging import MOST, USUAL
from schema import sdl
from schema.graph import Answered
from tests.resolvers.world import World
from tests.schema.press import GRAPH, documents
from tests.schema.test_reuse import Desk

SIZED_ABOVE = {
    f"{kind}Connection.{name}"
    for kind in ("Device", "Home", "Event", "Notice", "WebhookDelivery", "WebhookEndpoint")
    for name in ("nodes", "edges")
}
"""Lists whose length is said by whatever returns the page that they are of."""

SPECIFIED = """
directive @cost(weight: String!) on
  ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(
  assumedSize: Int, slicingArguments: [String!], sizedFields: [String!],
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
"""


def composites() -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """Every field of ours that answers objects."""
    for owner in GRAPH.type_map.values():
        if isinstance(owner, GraphQLObjectType) and not owner.name.startswith("__"):
            for name, field in owner.fields.items():
                if is_composite_type(get_named_type(field.type)):
                    yield owner, name, field


def said() -> Iterator[tuple[str, GraphQLField, ListSize | None]]:
    """What is said of each of them."""
    sizes = Sizes.from_sdl(sdl(), GRAPH)
    for owner, name, field in composites():
        yield f"{owner.name}.{name}", field, sizes.of_field(owner, name)


def cost(text: str, **variables: Any) -> float:
    """What judges an operation: the higher of its two costs."""
    return max(documents().get(text).operation().cost(variables))


def test_every_list_says_how_long_it_is() -> None:
    """A list of objects has `@listSize`, or the page that it is of has."""
    silent = {place for place, field, size in said() if lists(field.type) and size is None}
    assert silent == SIZED_ABOVE


def test_every_page_is_sliced() -> None:
    """What returns a connection sizes its nodes and edges, by what it has of `first` and `last`."""
    pages = [
        (place, field, size)
        for place, field, size in said()
        if get_named_type(field.type).name.endswith("Connection")
    ]
    assert len(pages) == 8
    for place, field, size in pages:
        slicing = tuple(name for name in ("first", "last") if name in field.args)
        assert size == ListSize(USUAL, slicing, ("nodes", "edges"), require_one=False), place


def test_the_directives_are_those_of_the_specification() -> None:
    """Names, arguments, their types and defaults, and locations."""
    ours, theirs = build_schema(sdl()), build_schema(SPECIFIED + "type Query { a: Int }")
    for name in ("cost", "listSize"):
        directive, specified = ours.get_directive(name), theirs.get_directive(name)
        assert directive
        assert specified
        directive.description = None
        assert print_directive(directive) == print_directive(specified)


def test_what_moves_devices_costs_more_than_what_reads_them() -> None:
    """Each command counts, in one mutation or in several; other actions weigh the same."""
    read = cost('{ device(id: "1") { id state { on } } }')
    one = '{ deviceId: "1", state: { on: true } }'
    assert cost(f"mutation {{ controlDevice(input: {one}) {{ id }} }}") > 3 * read
    text = """mutation ($c: [ControlDeviceInput!]!) {
      controlDevices(input: {commands: $c}) { deviceId }
    }"""
    order = {"deviceId": "1", "state": {"on": True}}
    few, many = cost(text, c=[order] * 2), cost(text, c=[order] * 12)
    assert many - few == 10 * 10
    assert cost('mutation { cancelCommand(id: "1") { id } }') >= 10
    assert cost('mutation { simulateTime(input: { homeId: "1" }) { now } }') >= 10


DEEP = """{ devices(first: 100) { totalCount nodes {
  state { color { hue } } desired { color { hue } } room { home { id } } home { id }
  pendingCommand { desired { on } error { code } issuedBy { id } }
} } }"""
ALL = """query ($n: Int = 20) { events(first: $n) { nodes {
  home { name } causedBy { device { name } }
  ... on DeviceStatusChanged { device { name room { name } } state { on } previous { on } }
  ... on CommandUpdated { command { desired { on } } }
} } }"""


DELIVERIES = """query ($n: Int = 50) { webhookDeliveries(first: $n) { nodes {
  id status attempts { status error }
} } }"""


@pytest.mark.parametrize("text", [LIST, CONTROL, WATCH, DEEP, ALL, DELIVERIES])
def test_ordinary_documents_pass(text: str) -> None:
    """The explorer's examples, and 100 devices with ten objects in each, are far below it."""
    operation = documents().get(text).operation()
    operation.check({"n": 100})
    assert max(operation.cost({"n": MOST})) < operation.limits.cost / 2


def test_webhooks_are_priced_by_how_many_there_can_be() -> None:
    """An explanation for each endpoint, and all attempts that are kept of a delivery."""
    text = '{ explainEvent(eventId: "1") { outcome delivery { attempts { status } } } }'
    assert cost(text) >= MOST_ENDPOINTS * MOST_ATTEMPTS
    assert cost('{ webhookDelivery(id: "1") { attempts { status } } }') >= MOST_ATTEMPTS


def test_introspection_passes() -> None:
    """The explorer's own question costs nothing but the root."""
    assert documents().get(get_introspection_query()).operation().cost() == (1, 0)


@pytest.fixture
def desk(world: World) -> Desk:
    """The graph of the furnished house."""
    return Desk(world)


async def test_what_costs_too_much_is_refused(desk: Desk) -> None:
    """COST_EXCEEDED, with the dearest root field, before anything runs."""
    text = """{
      viewer { client { id } }
      all: homes(first: 90) { nodes { devices(first: 100) { nodes { room { id } home { id } } } } }
    }"""
    with pytest.raises(Rejected, match="limit is 20,000; 'all' has most of it") as caught:
        await desk.call(text)
    assert caught.value.code == "COST_EXCEEDED"


async def test_the_limit_can_be_set(world: World) -> None:
    """`LATCHKEY_DOCUMENT_COST`, for the operation with its variables."""
    desk = Desk(world, document_cost=100)
    text = "query ($n: Int) { devices(first: $n) { nodes { room { id } } } }"
    await desk.call(text, n=40)
    with pytest.raises(Rejected, match="type cost of 102, the limit is 100"):
        await desk.call(text, n=50)


async def test_who_asks_is_told_what_it_costs(desk: Desk) -> None:
    """In the extensions; the bytes that are given again are those without it."""
    text = "{ devices(first: 5) { nodes { id } } }"
    await desk.world.house.homes.load([desk.world.home.id])
    plain = await desk.ask(text)
    priced: Answered = await settled(desk.graph.answer(await desk.call(text), 9, priced=True))
    told = orjson.loads(priced.body)
    assert told.pop("extensions") == {"cost": {"typeCost": 7, "fieldCost": 2, "limit": 20_000}}
    assert told == orjson.loads(plain)
    assert await desk.ask(text) is plain
