"""Field selection merging, compared with graphql-core's own rule for it."""

import time

import pytest
from graphql import (
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    parse,
    validate,
)
from hypothesis import event, given, settings, strategies as st

from engine.errors import Rejected
from engine.fragments import fragments_of
from engine.merging import check_merging
from engine.selections import Expander
from tests.engine.world import documents, refusal

SCHEMA = build_schema("""
interface I { a(x: Int): I b: Int n: Int l: [I] }
type S implements I { a(x: Int): S b: Int n: Int l: [I] s: S f: Int }
type T implements I { a(x: Int): T b: Int n: Int l: [I] s: [T] t: String! f: Float }
union U = S | T
type Query { i: I s: S t: T u: U }
""")

PARTS = {
    "I": ["a", "a(x: 1)", "l", "b", "n", "... on I", "... on S", "... on T", "...F"],
    "S": ["a", "a(x: 1)", "s", "b", "n", "l", "f", "... on S", "... on I", "...F"],
    "T": ["a", "a(x: 2)", "s", "b", "n", "t", "f", "... on T", "... on I", "...F"],
    "U": ["... on S", "... on T", "... on I", "__typename"],
    "Query": ["i", "s", "t", "u"],
}
BELOW = {("I", "a"): "I", ("I", "l"): "I", ("S", "a"): "S", ("S", "s"): "S", ("S", "l"): "I",
         ("T", "a"): "T", ("T", "s"): "T", ("Query", "i"): "I", ("Query", "s"): "S",
         ("Query", "t"): "T", ("Query", "u"): "U"}  # fmt: skip

_KEYS = st.sampled_from(["", "", "", "", "k: "])


@st.composite
def sets(draw: st.DrawFn, parent: str, depth: int = 0, *, spread: bool = True) -> str:
    """Write a selection set in which keys collide often."""
    written = []
    for part in draw(st.lists(st.sampled_from(PARTS[parent]), min_size=1, max_size=3)):
        below = BELOW.get((parent, part.split("(")[0])) or part.removeprefix("... on ")
        if part == "...F":
            written.append(part if spread else "__typename")
        elif below in PARTS:
            inner = "__typename" if depth > 3 else draw(sets(below, depth + 1, spread=spread))
            name = part if part.startswith("...") else draw(_KEYS) + part
            written.append(f"{name} {{ {inner} }}")
        else:
            written.append(draw(_KEYS) + part)
    return " ".join(written)


def conflicts(text: str, budget: int = 100_000) -> bool:
    """Ask ours."""
    ast = parse(text)
    expander = Expander(SCHEMA, fragments_of(ast), budget)
    [operation] = [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
    rejected = refusal(lambda: check_merging(expander.groups(operation)))
    assert rejected is None or rejected.code == "GRAPHQL_VALIDATION_FAILED", rejected
    return rejected is not None


@settings(max_examples=200, deadline=None)
@given(sets("Query"), sets("I", spread=False))
def test_it_decides_as_the_rule_of_graphql_core(query: str, fragment: str) -> None:
    """What conflicts for one conflicts for the other, over interfaces, unions and fragments."""
    text = f"{{ i {{ ...F }} {query} }} fragment F on I {{ {fragment} }}"
    expected = validate(SCHEMA, parse(text), [OverlappingFieldsCanBeMergedRule])
    event(f"conflicts: {bool(expected)}")
    assert conflicts(text) == bool(expected)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("i { k: b } i { k: n }", "'i.k' conflict because 'b' and 'n' are different fields"),
        ("s { a(x: 1) { b } a { b } }", "'s.a' conflict because they have differing arguments"),
        ("u { ... on S { k: b } ... on T { k: t } }",
         "'u.k' conflict because they return conflicting types 'Int' and 'String!'"),
        ("u { ... on S { f } ... on T { f } }", "conflicting types 'Int' and 'Float'"),
        ("u { ... on S { k: s { b } } ... on T { k: s { b } } }", "types 'S' and '.T.'"),
    ],
)  # fmt: skip
def test_a_conflict_is_named_at_both_places(selection: str, words: str) -> None:
    """The sentence says which key of the response conflicts and why."""
    ast = parse(f"{{ {selection} }}")
    [operation] = [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
    with pytest.raises(Rejected, match=words) as caught:
        check_merging(Expander(SCHEMA, {}, 1_000).groups(operation))
    assert len(caught.value.errors[0].locations or ()) == 2


def test_types_that_exclude_each_other_may_differ() -> None:
    """One key may be another field of each object type, as long as the shape is the same."""
    assert not conflicts("{ u { ... on S { k: b } ... on T { k: n } } }")
    assert not conflicts("{ i { ... on S { a(x: 1) { b } } ... on T { a(x: 2) { b } } } }")


def test_the_order_of_arguments_and_input_fields_does_not_matter() -> None:
    """Values that are equal are the same arguments, however they are written."""
    one, other = '{tag: OLD, ids: ["1"]}', '{ids: ["1"], tag: OLD}'
    text = f"{{ echo(int: 1, filter: {one}) echo(filter: {other}, int: 1) }}"
    assert documents().get(text).operation().asks == {"echo"}


def test_types_inside_types_are_decided_within_the_budget_or_refused() -> None:
    """A key that two types answer at every depth makes more sets than the document has fields."""
    text = "{ i { " + "l { b ... on S { l { b } } ... on T { l { b } } " * 10 + "} " * 12
    assert not conflicts(text)
    with pytest.raises(AssertionError, match="answers the same names by too many fields"):
        conflicts(text, budget=100)


def test_many_fields_of_one_name_are_compared_in_linear_time() -> None:
    """What takes graphql-core's rule more than a second takes a fraction of it here."""
    text = "{" + " echo(int: 3, ids: [1])" * 350 + "}"
    start = time.process_time()
    documents().get(text)
    assert time.process_time() - start < 0.5
