"""The arithmetic of state."""

import re

import pytest
from hypothesis import given, strategies as st

from core.domain.devices import ATTRIBUTES, TABLE, Capability, State, spoken
from tests.core.domain.records import VALUES, states

NAMES = st.lists(st.sampled_from(ATTRIBUTES), unique=True)


@given(states(), states())
def test_the_newer_word_counts(older: State, newer: State) -> None:
    """Merging lays one state over another, attribute by attribute."""
    assert older.merged(newer).values() == {**older.values(), **newer.values()}


@given(states(), states(), states())
def test_merging_can_be_grouped(first: State, second: State, third: State) -> None:
    """It does not matter which of three reports in a row are put together first."""
    assert first.merged(second).merged(third) == first.merged(second.merged(third))


@given(states())
def test_silence_changes_nothing(state: State) -> None:
    """A state that says nothing leaves another as it is, and is laid over without a trace."""
    assert state.merged(State()) == state == State().merged(state)
    assert state.differences(State()) == ()


@given(states(), states())
def test_differences_are_what_merging_changes(older: State, newer: State) -> None:
    """Exactly the attributes whose value becomes another one are named, in the graph's order."""
    merged = older.merged(newer)
    changed = [name for name in ATTRIBUTES if getattr(older, name) != getattr(merged, name)]
    assert list(older.differences(newer)) == changed
    assert merged.differences(newer) == ()


@given(states(), NAMES)
def test_only_keeps_what_is_named(state: State, names: list[str]) -> None:
    """The rest is silent; a name of which the state says nothing stays silent too."""
    spoken_of = {name: value for name, value in state.values().items() if name in names}
    assert state.only(names).values() == spoken_of


@given(states(), NAMES)
def test_a_state_is_put_together_from_its_parts(state: State, names: list[str]) -> None:
    """What is named and what is not are the whole."""
    rest = [name for name in ATTRIBUTES if name not in names]
    assert state.only(names).merged(state.only(rest)) == state


def test_false_and_zero_are_words() -> None:
    """Being off is something that a device says."""
    assert State(on=False, brightness=0).values() == {"on": False, "brightness": 0}
    assert State(on=True).differences(State(on=False)) == ("on",)


def test_every_attribute_has_one_capability() -> None:
    """The table speaks of each attribute once, in the order of the state, and so do these tests."""
    assert tuple(TABLE) == ATTRIBUTES == tuple(VALUES)
    assert [attribute.capability for attribute in TABLE.values()] == list(Capability)


def test_a_range_has_two_ends() -> None:
    """No attribute has a least value without a most, or a tolerance without a unit."""
    for attribute in TABLE.values():
        assert (attribute.least is None) == (attribute.most is None)
        assert bool(attribute.unit) >= bool(attribute.tolerance)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("on", "on"),
        ("color_temperature", "colorTemperature"),
        ("target_temperature", "targetTemperature"),
    ],
)
def test_names_are_written_as_in_the_graph(name: str, written: str) -> None:
    """Refusals name a field as the partner wrote it."""
    assert spoken(name) == written


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), min_size=1))
def test_a_written_name_can_be_read_back(words: list[str]) -> None:
    """Camel case keeps every word."""
    written = spoken("_".join(words))
    assert re.fullmatch("[a-z][A-Za-z0-9]*", written)
    assert re.sub("([A-Z])", r"_\1", written).lower() == "_".join(words)
