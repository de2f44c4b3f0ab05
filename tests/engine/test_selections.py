"""Expanding and merging selections, compared with what graphql-core executes."""

from typing import Any

from graphql import execute_sync
from hypothesis import assume, given, reject, settings

from engine import Limits, Rejected
from engine.fragments import fragments_of
from engine.selections import Expander, Group
from tests.engine.world import documents, play
from tests.engine.writing import operations

DOCUMENTS = documents(Limits(aliases=1_000, fields=10_000))
play(DOCUMENTS.schema)


def expand(text: str) -> tuple[Group, ...]:
    """Expand the only operation of a text."""
    document = DOCUMENTS.get(text)
    expander = Expander(document.schema, fragments_of(document.ast), 10_000)
    return expander.groups(document.operation().node)


def answered(value: Any, path: str = "") -> set[str]:
    """Give the paths of the keys of an answer, list indices left out."""
    if isinstance(value, list):
        return {each for item in value for each in answered(item, path)}
    if not isinstance(value, dict):
        return set()
    below = {each for key, item in value.items() for each in answered(item, f"{path}{key}.")}
    return below | {path + key for key in value}


@settings(deadline=None)
@given(operations())
def test_every_key_of_an_answer_is_a_group(text: str) -> None:
    """What graphql-core answers was expanded, whatever types its objects turned out to be."""
    try:
        groups = expand(text)
    except Rejected:
        reject()
    variables = {"n": 1, "ids": ["1", "2", "3"]}
    assume(DOCUMENTS.get(text).operation().nodes(variables) < 5_000)
    answer = execute_sync(DOCUMENTS.schema, DOCUMENTS.get(text).ast, variable_values=variables)
    known = {group.path for root in groups for group in root.walk()}
    assert answered(answer.data) <= known


def test_fields_of_one_key_are_one_group() -> None:
    """Fragments around a field do not repeat it, and a field twice is selected twice."""
    [group] = expand("{ author(id: 1) { id } ...F } fragment F on Query { author(id: 1) { name } }")
    assert len(group.selected) == 2
    assert [child.path for child in group.children] == ["author.id", "author.name"]


def test_fragments_narrow_what_can_answer() -> None:
    """Inside fragments the possible types are those that all of them let through."""
    [group] = expand("{ node(id: 1) { ... on Named { ... on Node { id } } } }")
    [child] = group.children
    [selected] = child.selected
    assert selected.parent.name == "Node"
    assert {each.name for each in selected.possible} == {"Author"}
