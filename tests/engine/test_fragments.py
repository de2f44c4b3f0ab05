"""Fragments in the order of their use, before anything is known to be valid."""

import pytest
from graphql import parse
from hypothesis import given, strategies as st

from engine.errors import Rejected
from engine.fragments import fragments_of, ordered
from tests.engine.world import refusal

EDGES = st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 9), max_size=4), max_size=9)


def written(edges: dict[int, list[int]]) -> str:
    """Write fragments that spread each other; those that are not keys do not exist."""
    return "{ a }" + "".join(
        f" fragment F{name} on T {{ a b {{ {' '.join(f'...F{each}' for each in others)} c }} }}"
        for name, others in edges.items()
    )


@given(EDGES)
def test_each_comes_after_those_that_it_spreads_or_there_is_a_cycle(
    edges: dict[int, list[int]],
) -> None:
    """Fragments are ordered exactly where none reaches itself."""
    reach = {name: set(others) for name, others in edges.items()}
    for _ in edges:
        for others in reach.values():
            others.update(*(reach.get(each, set()) for each in tuple(others)))
    cyclic = any(name in others for name, others in reach.items())
    fragments = fragments_of(parse(written(edges)))
    rejected = refusal(lambda: ordered(fragments))
    assert (rejected is not None) == cyclic
    if rejected is None:
        order = [int(each.name.value[1:]) for each in ordered(fragments)]
        assert sorted(order) == sorted(edges)
        place = {name: index for index, name in enumerate(order)}
        assert all(place.get(o, -1) < place[n] for n, others in edges.items() for o in others)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ({1: [1]}, "Fragment 'F1' spreads itself.$"),
        ({1: [2], 2: [3], 3: [2]}, "Fragment 'F2' spreads itself via 'F3'.$"),
    ],
)
def test_a_cycle_is_named(edges: dict[int, list[int]], words: str) -> None:
    """The sentence names the fragments of the cycle and no others."""
    with pytest.raises(Rejected, match=words):
        ordered(fragments_of(parse(written(edges))))


def test_two_fragments_of_one_name_are_refused_at_both_places() -> None:
    """Which of them is meant cannot be known."""
    text = "{ ...F } fragment F on T { a } fragment F on T { b }"
    with pytest.raises(Rejected, match="only one fragment named 'F'") as caught:
        fragments_of(parse(text))
    assert caught.value.errors[0].locations == [(1, 19), (1, 41)]
