"""A small graph for the tests of the engine: interface, union, connections, lists, scopes.

`play` answers every field of it: pages and lists are as full as their arguments let them be.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_object_type,
)

from engine import Documents, Limits, Rejected

SDL: Final = """
directive @requiresScopes(scopes: [[Scope!]!]!) on
  FIELD_DEFINITION | OBJECT | INTERFACE | ENUM | SCALAR
directive @cost(weight: String!) on
  ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(
  assumedSize: Int, slicingArguments: [String!], sizedFields: [String!],
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION

scalar Scope

interface Node { id: ID! }
interface Event @requiresScopes(scopes: [["listen"]]) { id: ID! shelf: Shelf! }
interface Named { name: String! @requiresScopes(scopes: [["names"]]) }

type Book implements Node @requiresScopes(scopes: [["read"]]) @cost(weight: "1.5") {
  id: ID!
  title(case: Case @cost(weight: "-4")): String! @cost(weight: "2.5")
  tags: [Tag!]!
  author: Author
  shelf: Shelf
  secret: String @requiresScopes(scopes: [["admin"], ["read", "own"]])
}
type Author implements Node & Named {
  id: ID!
  name: String!
  books(first: Int, last: Int): BookConnection! @listSize(
    assumedSize: 20, slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"],
    requireOneSlicingArgument: false
  )
  friends: [Author!]!
  matrix: [[Author]]
}
type Shelf implements Node {
  id: ID!
  label: String @requiresScopes(scopes: [["labels"]])
  books(first: Int = 5, last: Int): BookConnection! @listSize(
    slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"],
    requireOneSlicingArgument: false
  )
}
type BookConnection { nodes: [Book!]! edges: [BookEdge!]! totalCount: Int! @cost(weight: "5") }
type BookEdge { cursor: String! node: Book! }
type Added implements Event { id: ID! shelf: Shelf! @cost(weight: "7") book: Book! }
type Gone implements Event {
  id: ID!
  shelf: Shelf!
  count: Int! @requiresScopes(scopes: [["count"]])
}
union Found = Book | Author | Shelf
enum Tag @requiresScopes(scopes: [["tags"]]) @cost(weight: "0.5") { OLD NEW }
enum Case { UPPER LOWER }
input Filter { tag: Tag @cost(weight: "-0.5") ids: [ID!] @cost(weight: "3") inner: Filter }

type Query {
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]! @listSize(slicingArguments: ["ids"])
  find(filter: Filter, text: String): [Found!]!
  books(first: Int, last: Int, filter: Filter): BookConnection! @listSize(
    assumedSize: 20, slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"],
    requireOneSlicingArgument: false
  )
  authors: [Author!]! @listSize(assumedSize: 10)
  author(id: ID!): Author
  shelves(first: Int): [Shelf!]! @listSize(
    assumedSize: 20, slicingArguments: ["first"], requireOneSlicingArgument: false
  )
  admin: String @requiresScopes(scopes: [["admin"]])
  echo(int: Int, float: Float, text: String, ids: [ID!], filter: Filter): String
}
type Mutation { rename(id: ID!, title: String!): Book }
type Subscription {
  events(after: String, first: Int): Event!
  added: Added!
}
"""

SCOPES: Final = ("admin", "count", "labels", "listen", "names", "own", "read", "tags")

Trace = Callable[[str, str], None]


def schema() -> GraphQLSchema:
    """Build the graph; its fields resolve to keys of the same name."""
    return build_schema(SDL)


def documents(limits: Limits | None = None, uncarried: str = "") -> Documents:
    """Make the documents of the graph, one coordinate uncarried."""
    hints = {uncarried: "query it instead."} if uncarried else {}
    return Documents(schema(), SDL, limits or Limits(), uncarried=hints)


def refusal(ask: Callable[[], object]) -> Rejected | None:
    """Ask for something; give the refusal, if it is one."""
    try:
        ask()
    except Rejected as rejected:
        return rejected
    return None


def play(graph: GraphQLSchema, trace: Trace = lambda _parent, _field: None) -> None:
    """Make every field of a graph answer; `trace` hears the object type and field each time."""
    turn = count()

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        trace(info.parent_type.name, info.field_name)
        size = _size(source or {}, info, arguments)
        return _value(graph, info.return_type, size, next(turn))

    for kind in graph.type_map.values():
        if is_object_type(kind) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                field.resolve = resolve


def _size(source: dict[str, Any], info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> int:
    if info.field_name in {"nodes", "edges"} and "page" in source:
        return int(source["page"])
    if "first" in info.parent_type.fields[info.field_name].args:
        given = [n for n in (arguments.get("first"), arguments.get("last")) if n is not None]
        return max(0, *given) if given else 20
    return len(arguments["ids"]) if "ids" in arguments else 10


def _value(graph: GraphQLSchema, kind: GraphQLOutputType, size: int, turn: int) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return _value(graph, kind.of_type, size, turn)
    if isinstance(kind, GraphQLList):
        return [_value(graph, kind.of_type, 10, turn + each) for each in range(size)]
    if is_abstract_type(kind):
        possible = graph.get_possible_types(kind)
        return {"__typename": possible[turn % len(possible)].name}
    if is_enum_type(kind):
        return next(iter(kind.values))
    return 7 if is_leaf_type(kind) else {"page": size}
