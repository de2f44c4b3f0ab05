"""The cost of operations: each rule of the cost specification, and the walk done naively."""

import time
from typing import Any

import pytest
from graphql import build_schema
from hypothesis import given, reject, settings, strategies as st

from engine import Documents, Limits, Rejected
from tests.engine.pricing import Naive
from tests.engine.world import SDL, documents
from tests.engine.writing import operations

DOCUMENTS = documents(Limits(aliases=1_000, fields=10_000))
HEAD = """
directive @cost(weight: String!) on
  ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(
  assumedSize: Int, slicingArguments: [String!], sizedFields: [String!],
  requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
directive @approx(tolerance: Float! @cost(weight: "-1.0")) on FIELD
directive @rare(filter: Filter) on FIELD
input Filter { approx: Int @cost(weight: "-12.0") inner: [Filter] max: Int = 4 page: Page }
input Page { size: Int = 6 ids: [ID] }
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tag", "ids", "inner", "x"]), inner, max_size=3)
    ),
)
VARIABLES = st.dictionaries(
    st.sampled_from(["n", "m", "ids", "yes", "no", "tag", "filter"]), JSON, max_size=7
)
FITTING = st.fixed_dictionaries(
    {},
    optional={
        "n": st.none() | st.integers(-2, 120),
        "m": st.none() | st.integers(-2, 120),
        "ids": st.lists(st.just("1"), max_size=5) | st.just("1"),
        "yes": st.booleans(),
        "no": st.booleans(),
        "tag": st.sampled_from(["OLD", None]),
        "filter": st.sampled_from([
            None,
            {},
            {"tag": "OLD", "ids": ["1"]},
            {"tag": None, "inner": {"tag": "NEW", "inner": {"ids": []}}},
        ]),
    },
)  # fmt: skip


def made(sdl: str, limits: Limits | None = None) -> Documents:
    """The documents of a graph with the directives."""
    text = HEAD + sdl
    return Documents(build_schema(text), text, limits or Limits())


def cost(sdl: str, text: str, **variables: Any) -> tuple[float, float]:
    """Type cost and field cost of an operation."""
    return made(sdl).get(text).operation().cost(variables)


@settings(deadline=None)
@given(operations(), FITTING)
def test_finishing_it_is_walking_it_with_the_variables(
    text: str, variables: dict[str, Any]
) -> None:
    """What was folded before gives what a naive walk with the variables substituted gives."""
    try:
        operation = DOCUMENTS.get(text).operation()
    except Rejected:
        reject()
    assert tuple(operation.cost(variables)) == tuple(Naive(SDL, text, variables).cost())


@settings(deadline=None)
@given(operations(), st.integers(0, 100), st.integers(0, 100))
def test_more_is_never_cheaper(text: str, one: int, other: int) -> None:
    """Cost and objects grow with the size of pages."""
    try:
        operation = DOCUMENTS.get(text).operation()
    except Rejected:
        reject()
    less, more = {"n": min(one, other)}, {"n": max(one, other)}
    assert operation.nodes(less) <= operation.nodes(more)
    assert operation.cost(less).type_cost <= operation.cost(more).type_cost
    assert operation.cost(less).field_cost <= operation.cost(more).field_cost


@settings(deadline=None)
@given(operations(), VARIABLES)
def test_no_variables_make_it_fail(text: str, variables: dict[str, Any]) -> None:
    """Whatever JSON is sent, the cost is a number that is not below nothing."""
    try:
        operation = DOCUMENTS.get(text).operation()
    except Rejected:
        reject()
    assert 0 <= operation.cost(variables).field_cost < float("inf")
    assert 0 < operation.cost(variables).type_cost < float("inf")


def test_variables_nested_without_end() -> None:
    """What is nested deeper than Python can call is weighed like anything else."""
    nested: dict[str, Any] = {"ids": []}
    for _ in range(100_000):
        nested = {"inner": nested}
    operation = DOCUMENTS.get("query ($f: Filter) { echo(filter: $f) }").operation()
    assert operation.cost({"f": nested}).field_cost == 100_004


def test_a_large_variable_is_weighed_once() -> None:
    """Fifty fields that are given the same list, each at its own key, look through it once."""
    sdl = "type Query { a(f: [Filter]): Int }"
    fields = " ".join(f"x{each}: a(f: $f)" for each in range(50))
    operation = made(sdl).get(f"query ($f: [Filter]) {{ {fields} }}").operation()
    many = [{"approx": 1, "inner": [{}]}] * 50_000
    start = time.process_time()
    assert operation.cost({"f": many}).field_cost == 0
    assert operation.cost({"f": [{"inner": [{}]}]}).field_cost == 50 * 2
    assert time.process_time() - start < 1  # an idle machine: 0.1


USERS = 'type User { name: String age: Int @cost(weight: "2.0") } '
TOP = 'type Query { top(filter: Filter @cost(weight: "15.0")): [String] @cost(weight: "5.0") }'


@pytest.mark.parametrize(
    ("sdl", "text", "expected"),
    [
        # 3: Example, and 5.3.2.2: Arguments, Negative Weights, Input Fields, Directives.
        (USERS + 'type Query { users(max: Int): [User] @listSize(slicingArguments: ["max"]) }',
         "{ users(max: 5) { age } }", (6, 11)),
        (TOP, "{ top }", (1, 5)),
        (TOP, "{ top(filter: {}) }", (1, 20)),
        (TOP, "{ top(filter: {approx: 1}) }", (1, 8)),
        (TOP, "{ top(filter: {approx: null}) }", (1, 20)),
        (TOP, "{ top(filter: null) }", (1, 5)),
        (TOP, "{ top @approx(tolerance: 0.5) }", (1, 4)),
        (TOP, "{ top @rare(filter: {}) }", (1, 6)),
        (TOP, "{ top(filter: {approx: 1, inner: {approx: 1}}) }", (1, 0)),
        (TOP, "{ top(filter: {inner: [{}, {inner: {}}]}) }", (1, 22)),
        ("type Query { a(f: Filter): Int b(f: [Filter!]): Int }",
         "{ a(f: {}) b(f: [{}, {}]) }", (1, 2)),
        # 7.1: weight
        ("type Query { a: Int b: A } type A { a: Int }", "{ a b { a } }", (2, 1)),
        ('type Query { a: A } type A @cost(weight: "3.5") { a: Int }', "{ a { a } }", (4.5, 1)),
        ('type Query { a: S e: E } scalar S @cost(weight: "2") enum E @cost(weight: "1e1") { X }',
         "{ a e x: e }", (23, 0)),
        ('type Query @cost(weight: "0") { a: Int @cost(weight: "-1") }', "{ a }", (0, 0)),
        ('type Query { a: A b: Int @cost(weight: "3") } type A @cost(weight: "-3") { a: Int }',
         "{ a { a } b }", (1, 4)),
        # 7.2: abstract types weigh what the heaviest member does
        (('type Query { u: U } union U = A | B type A @cost(weight: "4") { a: Int }'
         ' type B { b: Int @cost(weight: "6") c: Int @cost(weight: "3") }'),
         "{ u { ... on A { a } ... on B { b c } } }", (5, 10)),
        (('type Query { i: I } interface I { a: I } type A implements I { a: A @cost(weight: "9") }'
         " type B implements I { a: B }"), "{ i { a { a { __typename } } } }", (4, 19)),
        # 8.1: assumedSize
        ("type Query { a: [A] @listSize(assumedSize: 7) } type A { b: Int }",
         "{ a { b } }", (8, 1)),
        ('type Query { a: [S] @listSize(assumedSize: 7) } scalar S @cost(weight: "0.5")',
         "{ a }", (4.5, 0)),
        ("type Query { a: [[A]] @listSize(assumedSize: 7) } type A { a: Int }",
         "{ a { a } }", (71, 1)),
        # 8.2: slicingArguments
        ('type Query { a(n: Int = 3): [A] @listSize(slicingArguments: ["n"]) } type A { a: A }',
         "{ a { a { __typename } } }", (7, 4)),
        (('type Query { a(n: Int!, m: Int): [A] @listSize(slicingArguments: ["n", "m"],'
         " requireOneSlicingArgument: false) } type A { a: Int }"),
         "{ a(n: 2, m: 3) { a } }", (4, 1)),
        (('type Query { a(f: Filter): [A] @listSize(slicingArguments: ["f.max"]) }'
         " type A { a: Int }"),
         "{ a(f: {max: 8}) { a } b: a(f: {}) { a } }", (13, 4)),
        (('type Query { a(f: Filter = {page: {}}): [A] @listSize(slicingArguments: ["f.page.size"])'
         "} type A { a: Int }"), "{ a { a } b: a(f: {page: {size: 1}}) { a } }", (8, 4)),
        (('type Query { a(f: Filter): [A] @listSize(slicingArguments: ["f.page.ids"]) }'
         " type A { a: Int }"), '{ a(f: {page: {ids: ["1", "2"]}}) { a } }', (3, 3)),
        (('interface I { a(n: Int): [A] @listSize(slicingArguments: ["n"]) } type A { b: Int }'
         " type Query implements I { a(n: Int): [A] }"), "{ a(n: 4) { b } }", (5, 1)),
        # 8.3: sizedFields
        (('type Query { a(n: Int): C @listSize(slicingArguments: ["n"], sizedFields: ["e"]) }'
         " type C { e: [E] p: E } type E { n: E }"), ("{ a(n: 9) { e { n { n { __typename } } }"
         " p { n { __typename } } } }"), (31, 22)),
    ],
)  # fmt: skip
def test_the_rules_of_the_specification(sdl: str, text: str, expected: tuple[float, float]) -> None:
    """Its examples, then one case for each thing that a section says."""
    assert cost(sdl, text) == expected


SLICED = """
type Query {
  a(f: Filter, n: Int): [A]
    @listSize(slicingArguments: ["f.page.size", "n"], requireOneSlicingArgument: false)
}
type A { a: Int }
"""


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("query ($f: Filter) { a(f: $f) { a } }", {"f": {"page": {"size": 2}}}, 2),
        ("query ($f: Filter) { a(f: $f) { a } }", {"f": {"page": {}}}, 6),
        ("query ($f: Filter) { a(f: $f) { a } }", {"f": {"page": {"size": None}}}, 100),
        ("query ($f: Filter) { a(f: $f) { a } }", {"f": {}}, 100),
        ("query ($f: Filter) { a(f: $f) { a } }", {"f": [7]}, 100),
        ("query ($f: Filter) { a(f: $f) { a } }", {}, 100),
        ("query ($p: Page) { a(f: {page: $p}) { a } }", {"p": {"size": 3}}, 3),
        ("query ($p: Page = {size: 5}) { a(f: {page: $p}) { a } }", {}, 5),
        ("query ($s: Int) { a(f: {page: {size: $s}}) { a } }", {"s": 4}, 4),
        ("query ($s: Int) { a(f: {page: {size: $s}}) { a } }", {}, 6),
        ("query ($s: Int) { a(f: {page: {size: $s}}, n: 7) { a } }", {"s": 4}, 7),
    ],
)
def test_slicing_arguments_inside_of_variables(
    text: str, variables: dict[str, Any], expected: int
) -> None:
    """A path goes on into the variable, wherever that stands, with the defaults on its way."""
    assert made(SLICED).get(text).operation().nodes(variables) == expected


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("{ a { b } }", "0 of them"),
        ("{ a(first: null) { b } }", "0 of them"),
        ("query ($n: Int) { a(first: $n, last: 2) { b } }", "2 of them"),
    ],
)
def test_exactly_one_slicing_argument(text: str, given: str) -> None:
    """8.4: none or several are refused with the document, where the schema requires one."""
    sliced = '@listSize(slicingArguments: ["first", "last"])'
    sdl = f"type Query {{ a(first: Int, last: Int): [A] {sliced} }} type A {{ b: Int }}"
    assert cost(sdl, "query ($n: Int) { a(first: $n) { b } }", n=3) == (4, 1)
    with pytest.raises(Rejected, match=f"exactly one of 'first' and 'last', .* {given}") as caught:
        made(sdl).get(text)
    assert caught.value.code == "GRAPHQL_VALIDATION_FAILED"


def test_what_is_left_out_by_variables_costs_nothing() -> None:
    """`@skip` and `@include`, one inside the other; any way to a field is enough."""
    sdl = "type Query { a: A } type A { a: A b: Int }"
    text = """query ($x: Boolean!, $y: Boolean!) {
      ... @include(if: $x) { a { a { b } } a @skip(if: true) { x: a { b } } }
      a @skip(if: $y) { b ... @include(if: $y) { y: a { b } } }
    }"""
    found = {(x, y): cost(sdl, text, x=x, y=y) for x in (True, False) for y in (True, False)}
    none, outer, both = (1, 0), (2, 1), (3, 2)
    assert found == {
        (True, True): both,
        (True, False): both,
        (False, True): none,
        (False, False): outer,
    }


def test_a_subscription_costs_what_one_event_does() -> None:
    """Its root field and what is shown of the event, however many come."""
    operation = DOCUMENTS.get("subscription { events { id shelf { id } } }").operation()
    assert operation.cost() == (3, 8)


def test_introspection_costs_nothing() -> None:
    """It is bounded by the measures of the document."""
    operation = DOCUMENTS.get("{ __typename __schema { types { name } } }").operation()
    assert operation.cost() == (1, 0)


def test_what_costs_too_much_is_refused_where_most_of_it_is() -> None:
    """The sentence names the cost, the limit, and the root field by its key in the answer."""
    ours = documents(Limits(cost=100))
    text = "query ($n: Int) { authors { id }\n all: shelves(first: $n) { books { totalCount } } }"
    operation = ours.get(text).operation()
    operation.check({"n": 3})
    with pytest.raises(
        Rejected, match=r"field cost of 242, .* 100; 'all' has most of it, 241"
    ) as e:
        operation.check({"n": 40})
    assert (e.value.code, e.value.errors[0].locations) == ("COST_EXCEEDED", [(2, 2)])


def test_many_types_in_many_ways_are_refused_in_time() -> None:
    """A document that asks each type for something else at each depth is not expanded for ever."""
    sdl = "interface I { i: I } type Query { i: I } " + " ".join(
        f"type {kind} implements I {{ i: I }}" for kind in "ABCD"
    )

    def nested(depth: int) -> str:
        chain = "i { " * depth + "__typename" + " }" * depth
        others = " ".join(f"... on {kind} {{ {chain} }}" for kind in "ABC")
        return f"i {{ {others} {nested(depth - 1)} }}" if depth else "__typename"

    ours, text = made(sdl), "{ " + nested(10) + " }"
    start = time.process_time()
    with pytest.raises(Rejected, match="by too many fields of different types"):
        ours.get(text)
    assert time.process_time() - start < 2  # an idle machine: 0.2
