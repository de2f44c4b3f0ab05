"""Filters: what can only be a mistake is told as one."""

import pytest

from core.domain.devices import Capability, DeviceKind
from core.domain.errors import Invalid
from core.domain.lists import LONGEST_NAME, DeviceFilter


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            DeviceFilter(kinds=frozenset()),
            "filter.kind is empty: name at least one or leave it out.",
        ),
        (
            DeviceFilter(capabilities=frozenset()),
            "filter.capability is empty: name at least one or leave it out.",
        ),
        (
            DeviceFilter(name="x" * (LONGEST_NAME + 1)),
            "filter.name has 256 characters; give at most 255.",
        ),
    ],
)
def test_a_filter_that_cannot_be_meant(asked: DeviceFilter, sentence: str) -> None:
    """The sentence names the input and what would be right."""
    with pytest.raises(Invalid) as refused:
        asked.check()
    assert str(refused.value) == sentence
    assert refused.value.field == sentence.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    "asked",
    [
        DeviceFilter(),
        DeviceFilter(name="x" * LONGEST_NAME),
        DeviceFilter(name=""),
        DeviceFilter(kinds=frozenset(DeviceKind), capabilities=frozenset(Capability)),
    ],
)
def test_a_filter_that_can(asked: DeviceFilter) -> None:
    """An empty name is part of every name, as an empty search box means it."""
    asked.check()
