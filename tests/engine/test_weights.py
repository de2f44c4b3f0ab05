"""What a schema says of weights and sizes: read strictly, or refused in one sentence."""

import pytest
from graphql import build_schema

from engine import Documents
from engine.sizes import Sizes
from engine.weights import Weights
from tests.engine.test_cost import HEAD

GRAPH = """
interface I { a(n: Int): [C] }
type Query implements I { a(n: Int, s: String, f: Filter, ids: [ID], d: Int = 3): [C] b: C c: Int }
type C { e: [Int] p: Int }
"""
SCHEMA = build_schema(HEAD + GRAPH)


def test_only_the_published_text_is_read() -> None:
    """A schema without directives weighs by default, whatever its SDL is."""
    text = "type Query { a: [Int] }"
    ours = Documents(build_schema(text), text)
    assert ours.get("{ a }").operation().cost() == (1, 0)


@pytest.mark.parametrize(
    ("sdl", "words"),
    [
        ("type Query { c: Int @cost }", "@cost on Query.c needs `weight`, a number as a string"),
        ("type Query { c: Int @cost(weight: 5) }", "Query.c needs `weight`"),
        ('type Query { c: Int @cost(weight: "five") }', "Query.c needs `weight`"),
        ('type Query { c: Int @cost(weight: "nan") }', "Query.c needs `weight`"),
        ('type Query { c: Int @cost(weight: "1e400") }', "Query.c needs `weight`"),
        ('type Query { c: Int @cost(weight: "1", more: 2) }', "Query.c needs `weight`"),
        ('type Query { c: Int @cost(weight: "1") @cost(weight: "2") }', "Query.c has @cost twice"),
        ('type Query { d: Int @cost(weight: "1") }', "on Query.d, unknown to the schema"),
        ('type Query { c(x: Int @cost(weight: "1")): Int }', r"on Query.c\(x:\), unknown"),
        ('type D @cost(weight: "1") { a: Int }', "on D, unknown"),
        ('directive @nope(x: Int @cost(weight: "1")) on FIELD', r"on @nope\(x:\), unknown"),
        ('interface I @cost(weight: "1") { a: Int }', "cannot stand on I, an interface"),
        ('union U @cost(weight: "1") = C', "cannot stand on U, a union"),
        ('input Filter @cost(weight: "1") { a: Int }', "cannot stand on Filter, an input object"),
        ('enum E { X @cost(weight: "1") }', "cannot stand on E.X, an enum value"),
        ('schema @cost(weight: "1") { query: Query }', "cannot stand on schema, a schema"),
        ('interface I { a: [C] @cost(weight: "1") }', "cannot stand on I.a, of an interface"),
    ],
)
def test_a_weight_that_would_not_weigh_is_refused(sdl: str, words: str) -> None:
    """9.1: it is no number, stands where it must not, or on what the schema does not have."""
    with pytest.raises(ValueError, match=words):
        Weights.from_sdl(sdl, SCHEMA)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("a: [C] @listSize", "Query.a says no size"),
        ("a: [C] @listSize(assumedSize: -1)", "an `assumedSize` below 0"),
        ('a: [C] @listSize(assumedSize: "9")', "takes `assumedSize`, a number"),
        ("a: [C] @listSize(slicingArguments: [1])", "takes `slicingArguments`, a list of names"),
        ('a: [C] @listSize(sizedFields: "e")', "takes `sizedFields`, a list of names"),
        ("a: [C] @listSize(requireOneSlicingArgument: 1)", "takes `requireOneSlicingArgument`"),
        ("a: [C] @listSize(assumedSize: 1, size: 2)", "takes no other arguments"),
        ("x: [C] @listSize(assumedSize: 1)", "Query.x is of a field unknown to the schema"),
        ("b: C @listSize(assumedSize: 1)", "Query.b is of a field that is no list"),
        ('b: C @listSize(assumedSize: 1, sizedFields: ["x"])', "sizes C.x, unknown to"),
        ('b: C @listSize(assumedSize: 1, sizedFields: ["p"])', "sizes C.p, which is no list"),
        ('a: [C] @listSize(slicingArguments: ["x"])', "sliced by `x`, which its arguments do not"),
        ('a: [C] @listSize(slicingArguments: ["f.x"])', "sliced by `f.x`, which its arguments"),
        ('a: [C] @listSize(slicingArguments: ["n.x"])', "sliced by `n.x`, which its arguments"),
        ('a: [C] @listSize(slicingArguments: ["s"])', "`s`, which is neither an Int nor a list"),
        ('a: [C] @listSize(slicingArguments: ["f"])', "`f`, which is neither an Int nor a list"),
        ('a: [C] @listSize(assumedSize: 1, slicingArguments: ["n"])', "that nothing can need"),
        (
            (
                'a: [C] @listSize(assumedSize: 1, slicingArguments: ["d"],'
                " requireOneSlicingArgument: false)"
            ),
            "though `d` has a default",
        ),
        ("a(n: Int @listSize(assumedSize: 1)): [C]", r"cannot stand on Query.a\(n:\), an argument"),
    ],
)
def test_a_size_that_is_no_size_is_refused(field: str, words: str) -> None:
    """9.2: targets, sized fields, slicing arguments and assumed sizes are valid."""
    with pytest.raises(ValueError, match=words):
        Sizes.from_sdl(f"type Query {{ {field} }}", SCHEMA)
