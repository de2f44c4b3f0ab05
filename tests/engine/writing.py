"""Hypothesis strategies that write documents for the graph of `world`."""

from zlib import crc32

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
)
from hypothesis import strategies as st

from tests.engine.world import schema

GRAPH = schema()

_VALUES = {
    "id": st.just('"1"'),
    "ids": st.sampled_from(['["1", "2"]', '"1"', "[]", "$ids"]),
    "first": st.sampled_from(["0", "1", "3", "$n", "$m", "null"]),
    "last": st.sampled_from(["2", "$n", "null"]),
    "case": st.sampled_from(["UPPER", "LOWER"]),
    "filter": st.sampled_from(['{tag: OLD, ids: ["1"]}', '{ids: ["1"], tag: OLD}', "{}"])
    | st.sampled_from(["$filter", "{tag: $tag, inner: {ids: $ids}}", "{inner: $filter}", "null"]),
    "text": st.sampled_from(['"a"', '"b"']),
}
_VARIABLES = {
    "n": "$n: Int",
    "m": "$m: Int = 2",
    "ids": "$ids: [ID!]! = []",
    "yes": "$yes: Boolean! = true",
    "no": "$no: Boolean! = false",
    "tag": "$tag: Tag",
    "filter": "$filter: Filter",
}
_DIRECTIVES = ["", "", "", "", "@skip(if: $no)", "@include(if: $yes)", "@include(if: $no)"]
_ALWAYS = {"id", "ids"}
_DEEPEST = 4


@st.composite
def operations(draw: st.DrawFn, keyword: str = "query", root: str = "Query") -> str:
    """Write one operation that is valid, unless it answers one key by fields that conflict."""
    body = draw(selections(root))
    used = [each for name, each in _VARIABLES.items() if f"${name}" in body]
    return f"{keyword} {'(' if used else ''}{', '.join(used)}{')' if used else ''} {body}"


@st.composite
def selections(draw: st.DrawFn, parent: str, depth: int = 0) -> str:
    """Write the selection set of a type."""
    some = st.lists(_selection(parent, depth), min_size=1, max_size=3)
    return "{ " + " ".join(draw(some)) + " }"


@st.composite
def _selection(draw: st.DrawFn, parent: str, depth: int) -> str:
    kind = GRAPH.type_map[parent]
    others = _fragments(GRAPH, kind)
    if depth < _DEEPEST and others and draw(st.integers(0, 2)) == 0:
        condition = draw(st.sampled_from(others))
        directive = draw(st.sampled_from(_DIRECTIVES))
        return f"... on {condition} {directive} {draw(selections(condition, depth + 1))}"
    fields: dict[str, GraphQLField] = dict(getattr(kind, "fields", {}))
    if depth >= _DEEPEST:
        fields = {name: one for name, one in fields.items() if not _branches(one)}
    name: str = draw(st.sampled_from([*fields, "__typename"]))
    if name == "__typename":
        return name
    below = get_named_type(fields[name].type)
    inner = draw(selections(below.name, depth + 1)) if is_composite_type(below) else ""
    arguments = draw(_arguments(fields[name]))
    # Different arguments need different keys; mostly, since a conflict is of interest too.
    key = f"{name}{crc32(arguments.encode()) % 100}: " if arguments else ""
    return f"{key}{name}{arguments} {draw(st.sampled_from(_DIRECTIVES))} {inner}"


@st.composite
def _arguments(draw: st.DrawFn, field: GraphQLField) -> str:
    given = [name for name in field.args if name in _ALWAYS or draw(st.booleans())]
    written = [f"{name}: {draw(_VALUES[name])}" for name in given if name in _VALUES]
    return f"({', '.join(written)})" if written else ""


def _branches(field: GraphQLField) -> bool:
    return is_composite_type(get_named_type(field.type))


def _fragments(graph: GraphQLSchema, kind: GraphQLNamedType) -> list[str]:
    """Name the types that a fragment inside this one can be on."""
    if is_abstract_type(kind):
        objects = graph.get_possible_types(kind)
    else:
        objects = [kind] if is_object_type(kind) else []
    names = {kind.name} if not kind.name.startswith("Query") else set()
    for each in objects:
        names |= {each.name, *(one.name for one in each.interfaces)}
    return sorted(names | ({kind.name} if is_interface_type(kind) else set()))


SOUP = st.lists(
    st.sampled_from([
        *'{}()[]:!$@=|&"#\n,\\-019é\0\ud800\ufeff',
        *("...", '"""', "9e9", "-1", "1.", "query", "mutation", "subscription", "fragment", "on"),
        *("F", "G", "Book", "Query", "node", "books", "nodes", "id", "admin", "first", "n"),
        *("__schema", "__type", "__typename", "true", "null", "OLD"),
    ]),
    max_size=60,
).map(" ".join)  # fmt: skip
"""Texts of GraphQL's own words in no order."""
