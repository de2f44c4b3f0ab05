"""Measures of documents that are not yet validated, fragments expanded."""

import time

import pytest
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)
from hypothesis import given

from engine.errors import Rejected
from engine.fragments import Fragments, fragments_of
from engine.limits import Limits
from engine.measure import Measure, measure
from tests.engine.writing import operations

LARGE = Limits(depth=99, aliases=10**9, fields=10**9)


def measured(text: str, limits: Limits = LARGE) -> list[Measure]:
    """Measure a text."""
    ast = parse(text)
    found = [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
    return measure(found, fragments_of(ast), limits)


def naive(node: SelectionSetNode, fragments: Fragments, depth: int = 1) -> tuple[int, int, int]:
    """Count fields and aliases and find the depth by expanding everything."""
    fields = aliases = deepest = 0
    for each in node.selections:
        inner, level = getattr(each, "selection_set", None), depth
        if isinstance(each, FragmentSpreadNode):
            inner = fragments[each.name.value].selection_set
        if isinstance(each, FieldNode):
            deepest, level = max(deepest, depth), depth + 1
            aliases += each.alias is not None
        below = naive(inner, fragments, level) if inner else (0, 0, 0)
        fields, aliases = fields + 1 + below[0], aliases + below[1]
        deepest = max(deepest, below[2])
    return fields, aliases, deepest


@given(operations(), operations())
def test_measuring_fragments_once_is_expanding_them(one: str, other: str) -> None:
    """The memoised measure is that of the expanded document."""
    inner = other[other.index("{") :]
    text = (
        f"{one[:-1]} ...F ...G }} fragment F on Query {{ ...G x: a ...G }} fragment G on Q {inner}"
    )
    ast = parse(text)
    [operation] = [node for node in ast.definitions if isinstance(node, OperationDefinitionNode)]
    [size] = measured(text)
    expected = naive(operation.selection_set, fragments_of(ast))
    assert (size.fields, size.aliases, size.depth) == expected


def test_fragments_that_double_each_other_cost_nothing() -> None:
    """Sixty fragments that expand to 2^60 fields are measured at once."""
    bomb = "{ ...F0 }" + "".join(
        f" fragment F{each} on T {{ ...F{each + 1} ...F{each + 1} }}" for each in range(60)
    )
    start = time.process_time()
    [size] = measured(bomb + " fragment F60 on T { a: b }", Limits(fields=2**99, aliases=2**99))
    assert time.process_time() - start < 0.5
    assert size.aliases == 2**60


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("{ a { b { c\n { d } } } }", "4 fields deep, the limit is 3", (2, 4)),
        ("{ ...F } fragment F on T { a { b { c { d } } } }", "4 fields deep", (1, 40)),
        ("{ a: b c: d e: f }", "has 3 aliases .* the limit is 2", (1, 1)),
        ("{ a a a a a a a }", "selects 7 fields .* the limit is 6", (1, 1)),
        ("{ a } query { a a a a a a }", "selects 7 fields", (1, 1)),
        ("{ a } fragment F on T { a a a a a a }", "selects 7 fields", (1, 1)),
        ("{ ... { ... { ... { ... { ... { a } } } } } }", "nests 6 selection sets", (1, 33)),
        (("{ ...A } fragment A on T { ...B } fragment B on T { ...C } fragment C on T { ...D }"
         " fragment D on T { ... { ... { a } } }"), "nests 6 selection sets", (1, 115)),
        ("{ __schema { t: types } }", "1 aliases at or below '__schema'", (1, 3)),
        ("{ x: __schema { types } }", "1 aliases at or below '__schema'", (1, 3)),
        ("{ __type { a: b } }", "1 aliases at or below '__type'", (1, 3)),
        ("{ __type { a { b { c } } } }", "3 fields deep below '__type', the limit is 2", (1, 20)),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_measured_and_where(
    text: str, words: str, place: tuple[int, int]
) -> None:
    """Each limit is refused in a sentence that names measure and limit, at the place."""
    small = Limits(depth=3, aliases=2, fields=6, nesting=5, introspection_depth=2)
    with pytest.raises(Rejected, match=words) as caught:
        measured(text, small)
    assert caught.value.code == "DOCUMENT_TOO_COMPLEX"
    assert caught.value.errors[0].locations == [place]


def test_what_is_at_its_limit_passes() -> None:
    """A limit is the largest measure that is allowed."""
    small = Limits(depth=3, aliases=2, fields=4, nesting=3)
    [size] = measured("{ x: a { y: b { c } } d }", small)
    assert (size.fields, size.aliases, size.depth, size.nesting) == (4, 2, 3, 3)


def test_the_introspection_of_the_common_tools_passes() -> None:
    """The longest form of the standard query is within the default limits."""
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        experimental_directive_deprecation=True,
        one_of=True,
    )
    [size] = measured(query, Limits())
    assert size.depth == 1


def test_types_may_be_introspected_several_at_once() -> None:
    """`__type` may be aliased, since each asks for another type."""
    assert measured('{ a: __type(name: "A") { name } b: __type(name: "B") { name } }', Limits())


def test_a_fragment_that_does_not_exist_is_left_to_validation() -> None:
    """Its use counts, its content is nothing."""
    assert measured("{ ...Nowhere }")[0].fields == 1
