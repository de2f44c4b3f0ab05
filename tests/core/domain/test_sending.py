"""How endpoints are shared between workers that are behind."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from core.domain.sending import Colleague, gifts

ROOM = 200


def crew(*behind: int, room: int = ROOM) -> list[Colleague]:
    """Workers that are behind at so many."""
    return [Colleague(f"{one:02}", many, room) for one, many in enumerate(behind)]


def given_by(some: list[Colleague]) -> list[list[str]]:
    """What each of them gives."""
    return [list(gifts(one, [other for other in some if other is not one])) for one in some]


@pytest.mark.parametrize(
    ("behind", "after"),
    [
        ([20], [20]),
        ([20, 0, 0], [6, 7, 7]),
        ([3, 0], [1, 2]),
        ([2, 0], [1, 1]),
        ([1, 0], [1, 0]),
        ([2, 1], [2, 1]),
        ([0, 5], [2, 3]),
        ([10, 10, 0], [7, 7, 6]),
        ([2, 2, 0], [2, 1, 1]),
        ([3, 3, 3, 0], [3, 2, 2, 2]),
    ],
)
def test_what_is_too_much_is_given(behind: list[int], after: list[int]) -> None:
    """All see the same, and each gives its part of what makes it even."""
    found = list(behind)
    for one, some in enumerate(given_by(crew(*behind))):
        for life in some:
            found[one] -= 1
            found[int(life)] += 1
    assert sorted(found) == sorted(after)


def test_nobody_is_given_more_than_there_is_room_for() -> None:
    """Whoever sends to as many as it can would not take more."""
    rich = Colleague("rich", 20, ROOM)
    assert gifts(rich, crew(0, room=0)) == []
    assert Counter(gifts(rich, crew(0, 0, room=2))) == {"00": 2, "01": 2}


@given(lists(integers(0, 200), min_size=1, max_size=12))
def test_all_are_even_at_once(behind: list[int]) -> None:
    """Nobody gives and is given; after that nobody gives anything."""
    parts = given_by(crew(*behind))
    found = list(behind)
    for one, some in enumerate(parts):
        assert not some or all(f"{one:02}" not in part for part in parts)
        for life in some:
            found[one] -= 1
            found[int(life)] += 1
    assert max(found) - min(found) <= 1
    assert given_by(crew(*found)) == [[] for _ in found]
