"""The published text: committed, described, and closed but for a short list."""

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    build_client_schema,
    build_schema,
    get_named_type,
    introspection_from_schema,
    is_introspection_type,
    is_specified_scalar_type,
    lexicographic_sort_schema,
)

from core.domain.grants import Scope
from engine import OPEN, Requirements
from resolvers.nodes import KINDS
from schema import UNCARRIED, build, sdl
from tests.schema.press import GRAPH

ROOT = Path(__file__).parents[2]
UNIT = re.compile(r"%|degrees|kelvin|°C|\bW\b|\bkWh\b|milliseconds|\b[Ss]econds\b|\ba second\b")
COUNTS = {"first", "last", "made", "number", "sequence", "skipped", "status", "totalCount"}

WITHOUT_SCOPE = {
    "Client.id",
    "Client.name",
    "Grant.id",
    "Grant.since",
    "Mutation.registerDocument",
    "Node.id",
    "PageInfo.endCursor",
    "PageInfo.hasNextPage",
    "PageInfo.hasPreviousPage",
    "PageInfo.startCursor",
    "Query.node",
    "Query.nodes",
    "Query.viewer",
    "RegisteredDocument.id",
    "User.id",
    "User.name",
    "Viewer.client",
    "Viewer.expiresAt",
    "Viewer.grant",
    "Viewer.scopes",
    "Viewer.user",
}
"""All that a token without any scope can read: itself, and where a page is in a list that it
cannot open. `node` and `nodes` answer null where the type of the record is not opened. All that it
can do is to register a document for its client, which opens nothing."""

Described = GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField


def types() -> Iterator[GraphQLNamedType]:
    """The types that are ours."""
    for named in GRAPH.type_map.values():
        if not is_introspection_type(named) and not is_specified_scalar_type(named):
            yield named


def fields() -> Iterator[tuple[GraphQLObjectType | GraphQLInterfaceType, str, GraphQLField]]:
    """Every field that answers."""
    for named in types():
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in named.fields.items():
                yield named, name, field


def described() -> Iterator[tuple[str, Described]]:
    """Whatever must have a description, by its coordinate."""
    for named in types():
        yield named.name, named
        if isinstance(named, GraphQLInputObjectType):
            yield from ((f"{named.name}.{name}", field) for name, field in named.fields.items())
    for named, name, field in fields():
        yield f"{named.name}.{name}", field
        for argument, value in field.args.items():
            yield f"{named.name}.{name}({argument}:)", value


def test_the_committed_text_is_the_graph() -> None:
    """`schema.graphql` is what the code publishes: `latchkey schema > schema.graphql`."""
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == sdl()


def test_the_text_says_what_the_graph_is() -> None:
    """Read back, it is the same graph as clients learn of by introspection."""
    built = lexicographic_sort_schema(build_schema(sdl()))
    told = lexicographic_sort_schema(build_client_schema(introspection_from_schema(GRAPH)))
    assert introspection_from_schema(built) == introspection_from_schema(told)


def test_the_graph_is_built_once() -> None:
    """A second one would register everything again."""
    assert build() is build()


def test_everything_is_described() -> None:
    """Types, fields, arguments, inputs, enum values and the directive."""
    assert [name for name, one in described() if not one.description] == []
    enums = [named for named in types() if isinstance(named, GraphQLEnumType)]
    values = [(e.name, name, value) for e in enums for name, value in e.values.items()]
    assert [each for each in values if not each[2].description] == []
    directive = GRAPH.get_directive("requiresScopes")
    assert directive is not None
    assert directive.description


def test_numbers_have_units() -> None:
    """A number that is no count says in its description what it is measured in."""
    numbers = {
        name: one.description or ""
        for name, one in described()
        if not isinstance(one, GraphQLNamedType)
        and get_named_type(one.type).name in {"Int", "Float"}
        and re.split(r"[.(]", name.rstrip(":)"))[-1] not in COUNTS
    }
    assert numbers
    assert [name for name, text in numbers.items() if not UNIT.search(text)] == []


def test_little_is_open_without_a_scope() -> None:
    """A field that needs no scope stands on a list that somebody has thought about."""
    requirements = Requirements.from_sdl(sdl())
    requirements.check(GRAPH)
    found = {
        f"{named.name}.{name}"
        for named, name, _ in fields()
        if requirements.of_field(named, name) == OPEN
    }
    assert found == WITHOUT_SCOPE


def test_scopes_are_ones_that_exist() -> None:
    """No directive names a scope that no token can have; what is used is not shown yet."""
    stated = Requirements.from_sdl(sdl()).stated.values()
    named = {scope for either in stated for every in either for scope in every}
    assert named == {scope.value for scope in Scope} - {Scope.USAGE_READ}


def test_what_can_be_asked_done_and_watched() -> None:
    """Nothing is published before it works."""
    found = {
        f"{named.name}.{name}({', '.join(field.args)})"
        for named, name, field in fields()
        if named.name in {"Query", "Mutation", "Subscription"}
    }
    assert found == {
        "Query.viewer()",
        "Query.node(id)",
        "Query.nodes(ids)",
        "Query.homes(first, after, last, before)",
        "Query.home(id)",
        "Query.devices(first, after, last, before, filter, orderBy)",
        "Query.device(id)",
        "Query.command(id)",
        "Query.events(after, first, filter)",
        "Query.webhookEndpoint(id)",
        "Query.webhookEndpoints(first, after)",
        "Query.webhookDelivery(id)",
        "Query.webhookDeliveries(first, after, filter)",
        "Query.explainEvent(eventId)",
        "Query.notices(first, after)",
        "Mutation.controlDevice(input)",
        "Mutation.controlDevices(input)",
        "Mutation.cancelCommand(id)",
        "Mutation.registerDocument(document)",
        "Mutation.simulateDevice(input)",
        "Mutation.simulateTime(input)",
        "Mutation.createWebhookEndpoint(input)",
        "Mutation.updateWebhookEndpoint(input)",
        "Mutation.deleteWebhookEndpoint(id)",
        "Mutation.pauseWebhookEndpoint(id)",
        "Mutation.resumeWebhookEndpoint(id)",
        "Mutation.rotateWebhookSecret(id)",
        "Mutation.testWebhookEndpoint(input)",
        "Mutation.redeliverWebhook(deliveryId)",
        "Mutation.replayWebhooks(input)",
        "Subscription.deviceStatusChanged(deviceIds, homeId, after, delivery, minIntervalMs)",
        "Subscription.events(filter, after, delivery, minIntervalMs)",
    }


def test_nothing_optional_has_null_as_its_default() -> None:
    """An explicit null means "not given", so there is nothing to say."""
    assert "= null" not in sdl()


def test_hints_are_the_rest_of_a_sentence() -> None:
    """They stand after "A subscription cannot select Home.rooms:"."""
    assert all(hint[0].islower() and hint.endswith(".") for hint in UNCARRIED.values())


def test_what_has_a_global_id_can_be_found_by_it() -> None:
    """Each type with an id is a kind that `node` finds, under the name of its record."""
    node = GRAPH.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    shown = {each.name for each in GRAPH.get_possible_types(node)}
    assert shown == {record.__name__ for record, _ in KINDS.values()}
