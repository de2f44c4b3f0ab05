"""Scopes: what is read from the SDL, and that nothing is answered without them."""

import pytest
from graphql import build_schema, execute_sync, get_named_type, is_abstract_type, is_object_type
from hypothesis import assume, given, reject, settings, strategies as st

from engine import OPEN, Alternatives, Need, Rejected, Requirements, both, opened
from tests.engine.world import SCOPES, SDL, documents, play, schema
from tests.engine.writing import operations

SETS = st.frozensets(st.sampled_from("abcd"))
ALTERNATIVES = st.lists(SETS, min_size=1, max_size=4).map(tuple)
HEAD = "directive @requiresScopes(scopes: [[String!]!]!) on OBJECT "


def needed(text: str) -> dict[str, Alternatives]:
    """Give what a text needs, by coordinate."""
    return {each.coordinate: each.alternatives for each in documents().get(text).operation().needs}


def one(*scopes: str) -> Alternatives:
    """Write a requirement of one alternative."""
    return (frozenset(scopes),)


@given(ALTERNATIVES, ALTERNATIVES, SETS)
def test_both_is_and(left: Alternatives, right: Alternatives, held: frozenset[str]) -> None:
    """Scopes open two requirements together exactly where they open each."""
    together = opened(both(left, right), held)
    assert together == (opened(left, held) and opened(right, held))


@given(ALTERNATIVES)
def test_nothing_needed_is_neutral(some: Alternatives) -> None:
    """A requirement with `OPEN` is that requirement."""
    for scopes in (frozenset[str](), *some):
        assert opened(both(OPEN, some), scopes) == opened(some, scopes)
        assert opened(both(some, OPEN), scopes) == opened(some, scopes)


@settings(deadline=None)
@given(operations(), st.frozensets(st.sampled_from(SCOPES)))
def test_no_field_is_answered_without_what_the_sdl_requires_of_it(
    text: str, scopes: frozenset[str]
) -> None:
    """Where nothing is missing, every field that runs is open, on whichever object it runs."""
    ours = documents()
    try:
        operation = ours.get(text).operation()
    except Rejected:
        reject()
    ran: set[tuple[str, str]] = set()
    play(ours.schema, lambda parent, field: ran.add((parent, field)))
    assume(operation.nodes({"n": 1}) < 5_000)
    if operation.missing(scopes):
        scopes |= {each for need in operation.needs for each in need.alternatives[0]}
    assert not operation.missing(scopes)
    execute_sync(ours.schema, ours.get(text).ast, variable_values={"n": 1})
    stated = Requirements.from_sdl(SDL).stated
    for parent, name in ran:
        kind = ours.schema.type_map[parent]
        assert is_object_type(kind)
        returned = get_named_type(kind.fields[name].type)
        assert opened(stated.get(f"{parent}.{name}", OPEN), scopes)
        assert opened(stated.get(returned.name, OPEN), scopes)


def test_the_sdl_is_read_as_stated() -> None:
    """Types and fields are read by coordinate; the outer list is OR, the inner AND."""
    stated = Requirements.from_sdl(SDL).stated
    assert stated["Book"] == one("read")
    assert stated["Book.secret"] == (frozenset({"admin"}), frozenset({"read", "own"}))
    assert stated["Tag"] == one("tags")
    assert "Author" not in stated


def test_extensions_and_enum_values_as_scopes_are_read() -> None:
    """An `extend type` states requirements too, and a scope may be written as an enum value."""
    sdl = (
        "extend type A @requiresScopes(scopes: [[READ]]) { b: Int @requiresScopes(scopes: [[X]]) }"
    )
    assert Requirements.from_sdl(sdl).stated == {"A": one("READ"), "A.b": one("X")}


@pytest.mark.parametrize(
    ("sdl", "words"),
    [
        ("type A @requiresScopes(scopes: []) { b: Int }", "A needs `scopes`"),
        ("type A @requiresScopes(scopes: [[]]) { b: Int }", "A needs `scopes`"),
        ('type A { b: Int @requiresScopes(scopes: ["a"]) }', "A.b needs `scopes`"),
        ("type A @requiresScopes { b: Int }", "A needs `scopes`"),
        ("type A @requiresScopes(scopes: [[1]]) { b: Int }", "is a string"),
        ('input A @requiresScopes(scopes: [["a"]]) { b: Int }', "on A, an input object"),
        ('type A { b(c: Int @requiresScopes(scopes: [["a"]])): Int }', r"A.b\(c:\), an argument"),
        (("type A @requiresScopes(scopes: [[A]]) { b: Int } extend type A"
         " @requiresScopes(scopes: [[B]])"), "A has @requiresScopes twice"),
    ],
)  # fmt: skip
def test_a_directive_that_would_guard_nothing_is_refused(sdl: str, words: str) -> None:
    """What is malformed or misplaced is an error at the start, not an open field."""
    with pytest.raises(ValueError, match=words):
        Requirements.from_sdl(sdl)


def test_a_requirement_of_what_the_schema_does_not_have_is_refused() -> None:
    """A type or field that is spelt otherwise in the schema would be open."""
    requirements = Requirements.from_sdl(SDL)
    requirements.check(schema())
    with pytest.raises(ValueError, match="unknown to the schema"):
        requirements.check(build_schema("type Query { a: Int }"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename __schema { types { name } } }", {}),
        ("{ author(id: 1) { id } }", {}),
        ("{ admin }", {"Query.admin": one("admin")}),
        ("{ a: admin b: admin }", {"Query.admin": one("admin")}),
        ("{ books { totalCount } }", {}),
        ("{ books { nodes { title } } }",
         {"BookConnection.nodes": one("read"), "Book.title": one("read")}),
        ("{ node(id: 1) { id } }", {}),
        ("{ node(id: 1) { ... on Book { __typename } } }", {"Book.__typename": one("read")}),
        ("{ node(id: 1) { ...F } } fragment F on Book { id }", {"Book.id": one("read")}),
        ("{ find { ... on Book { secret } } }", {"Book.secret": (
            frozenset({"admin", "read"}), frozenset({"own", "read"}))}),
        ("{ node(id: 1) { ... on Book { tags } } }", {"Book.tags": one("read", "tags")}),
        ("{ author(id: 1) { name } }", {"Author.name": one("names")}),
        ("{ node(id: 1) { ... on Named { name } } }", {"Named.name": one("names")}),
        ("subscription { added { id } }",
         {"Subscription.added": one("listen"), "Added.id": one("listen")}),
        ("subscription { events { id ... on Gone { count } } }",
         {"Subscription.events": one("listen"), "Event.id": one("listen"),
          "Gone.count": one("count", "listen")}),
        ('mutation { rename(id: 1, title: "x") { id } }',
         {"Mutation.rename": one("read"), "Book.id": one("read")}),
    ],
)  # fmt: skip
def test_needs_are_collected(text: str, expected: dict[str, Alternatives]) -> None:
    """Field, returned type, parent type and interfaces count; each coordinate is named once."""
    assert needed(text) == expected


def test_a_field_of_an_interface_needs_what_any_object_requires_of_it() -> None:
    """What cannot be selected on the object cannot be selected through its interface."""
    sdl = HEAD + (
        "| FIELD_DEFINITION interface I { a: Int b: I } type Query { i: I j: J }"
        ' type J implements I { a: Int @requiresScopes(scopes: [["x"]]) b: K }'
        ' type K implements I @requiresScopes(scopes: [["k"]]) { a: Int b: I }'
    )
    graph = build_schema(sdl)
    requirements = Requirements.from_sdl(sdl)
    named = graph.type_map["I"]
    assert is_abstract_type(named)
    objects = graph.get_possible_types(named)
    assert requirements.of_field(named, "a", objects) == one("x")
    assert requirements.of_field(named, "b", objects) == one("k")
    assert requirements.of_field(named, "__typename", objects) == OPEN


def test_a_need_names_where_it_is_first_selected() -> None:
    """The path is that of the response, aliases included."""
    operation = documents().get("{ x: books { y: nodes { t: title } } }").operation()
    assert operation.needs[1] == Need("Book.title", "x.y.t", one("read"))


def test_missing_are_the_needs_that_the_scopes_do_not_meet() -> None:
    """Any one alternative is enough."""
    operation = documents().get("{ admin find { ... on Book { secret } } }").operation()
    missing = [need.coordinate for need in operation.missing(["read", "own"])]
    assert missing == ["Query.admin"]
    assert len(operation.missing([])) == 2
    assert not operation.missing(["admin", "read"])


def test_a_resolver_can_ask_whether_a_type_is_open() -> None:
    """`node` answers null for an object whose type the scopes do not open."""
    ours = documents()
    assert ours.opens("Book", ["read"])
    assert not ours.opens("Book", ["tags"])
    with pytest.raises(KeyError):
        ours.opens("Nothing", ["read"])
