"""How many objects an answer may hold: counted before, compared with what is answered."""

from typing import Any

import pytest
from graphql import execute_sync
from hypothesis import assume, given, reject, settings, strategies as st

from engine import Limits, Rejected
from tests.engine.world import documents, play
from tests.engine.writing import operations

DOCUMENTS = documents(Limits(aliases=1_000, fields=10_000, nodes=10**12))
play(DOCUMENTS.schema)


def held(value: Any, key: str = "") -> int:
    """Count the objects in the lists of an answer; `edges` are the `nodes` beside them."""
    if isinstance(value, list):
        own = sum(isinstance(each, dict) for each in value)
        return own + sum(held(each, key) for each in value)
    if isinstance(value, dict):
        return sum(held(each, name) for name, each in value.items())
    return 0


def nodes(text: str, **variables: Any) -> int:
    """Count for a text and its variables."""
    return DOCUMENTS.get(text).operation().nodes(variables)


@settings(deadline=None)
@given(operations(), st.integers(0, 4), st.integers(0, 4))
def test_an_answer_never_holds_more_than_was_counted(text: str, first: int, ids: int) -> None:
    """Where lists are as full as their arguments allow, the count is a bound for every query."""
    assume("nodes" not in text or "edges" not in text)
    variables = {"n": first, "ids": ["1"] * ids}
    try:
        operation = DOCUMENTS.get(text).operation()
    except Rejected:
        reject()
    count = operation.nodes(variables)
    assume(count < 20_000)
    answer = execute_sync(DOCUMENTS.schema, DOCUMENTS.get(text).ast, variable_values=variables)
    assert not answer.errors
    assert held(answer.data) <= count


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ admin }", {}, 0),
        ("{ author(id: 1) { name } }", {}, 0),
        ("{ books(first: 7) { nodes { id } } }", {}, 7),
        ("{ books(first: 7) { edges { node { id } } } }", {}, 7),
        ("{ books(first: 7) { totalCount } }", {}, 7),
        ("{ books { nodes { id } } }", {}, 20),
        ("{ books(first: null) { nodes { id } } }", {}, 20),
        ("{ books(first: 0) { nodes { id } } }", {}, 0),
        ("{ books(first: -7) { nodes { id } } }", {}, 0),
        ("{ books(first: 700) { nodes { id } } }", {}, 100),
        ("{ books(last: 3) { nodes { id } } }", {}, 3),
        ("{ books(first: 3, last: 4) { nodes { id } } }", {}, 4),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": 9}, 9),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {}, 20),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": None}, 20),
        ("query ($n: Int = 8) { books(first: $n) { nodes { id } } }", {}, 8),
        ("query ($n: Int = 8) { books(first: $n) { nodes { id } } }", {"n": 2}, 2),
        ("query ($n: Int = 8) { books(first: $n) { nodes { id } } }", {"n": None}, 20),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": 5.0}, 5),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": True}, 20),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": "5"}, 20),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": float("inf")}, 20),
        ("query ($n: Int) { books(first: $n) { nodes { id } } }", {"n": 10**5_000}, 100),
        ("{ shelves { books { nodes { id } } } }", {}, 20 * (1 + 5)),
        ("{ shelves(first: 2) { books(first: 3) { nodes { id } } } }", {}, 2 * (1 + 3)),
        ("{ shelves(first: 2) { books(last: 3) { nodes { id } } } }", {}, 2 * (1 + 5)),
        ("{ shelves(first: 2) { books(first: null) { totalCount } } }", {}, 2 * (1 + 100)),
        ("{ shelves(first: 2) { books(first: null, last: 3) { totalCount } } }", {}, 2 * (1 + 3)),
        ("{ authors { id } }", {}, 10),
        ("{ authors { friends { id } } }", {}, 10 * (1 + 10)),
        ("{ authors { matrix { id } } }", {}, 10 * (1 + 100)),
        ('{ nodes(ids: ["1", "2", "3"]) { id } }', {}, 3),
        ('{ nodes(ids: "1") { id } }', {}, 1),
        ("{ nodes(ids: []) { id } }", {}, 0),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["1", "2"]}, 2),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": "12"}, 1),
        ("{ node(id: 1) { ... on Book { tags } } }", {}, 0),
        ("{ node(id: 1) { ... on Shelf { books { totalCount } } } }", {}, 5),
        ("{ books(first: 2) { nodes { id } } books(first: 2) { nodes { title } } }", {}, 2),
        ("{ books(first: 2) { nodes { id } edges { cursor } } }", {}, 2),
        ("{ a: books(first: 2) { nodes { id } } b: books(first: 3) { nodes { id } } }", {}, 5),
        ("{ __schema { types { fields { name } } } }", {}, 0),
        (("{ node(id: 1) { ... on Author { x: books(first: 2) { totalCount } }"
         " ... on Shelf { x: books(first: 9) { totalCount } } } }"), {}, 9),
        ('{ find(filter: {ids: ["1"]}) { ... on Author { friends { id } } } }', {}, 110),
    ],
)  # fmt: skip
def test_lists_are_counted(text: str, variables: dict[str, Any], expected: int) -> None:
    """Each way to say how long a list is, and lists inside lists."""
    assert nodes(text, **variables) == expected


def test_too_many_objects_are_refused_where_most_of_them_are() -> None:
    """The sentence names count and limit, the place is the largest root field."""
    text = "{ authors { id }\n shelves(first: 100) { books(first: 100) { nodes { id } } } }"
    operation = documents().get(text).operation()
    with pytest.raises(Rejected, match=r"10,110 objects in lists, the limit is 10,000") as caught:
        operation.check()
    assert caught.value.code == "DOCUMENT_TOO_COMPLEX"
    assert caught.value.errors[0].locations == [(2, 2)]


def test_numbers_beyond_all_bounds_are_refused_in_a_sentence() -> None:
    """Products of the largest numbers are still numbers that can be written."""
    text = "query ($n: Int) { shelves(first: $n) { books(first: $n) { nodes { id } } } }"
    with pytest.raises(Rejected, match="the limit is 10,000"):
        documents().get(text).operation().check({"n": 10**5_000})


def test_what_is_within_the_limit_passes() -> None:
    """The limit itself is allowed, without variables too."""
    documents(Limits(nodes=10)).get("{ authors { id } }").operation().check(None)
