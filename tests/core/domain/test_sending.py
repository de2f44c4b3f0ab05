"""How endpoints are shared between workers that are behind."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from core.domain.sending import Colleague, gifts

ROOM = 200


def others(*behind: int, room: int = ROOM) -> list[Colleague]:
    """Workers that are behind at so many."""
    return [Colleague(f"{number}", count, room) for number, count in enumerate(behind)]


@pytest.mark.parametrize(
    ("mine", "theirs", "given_up"),
    [
        (20, [], {}),
        (20, [0, 0], {"0": 7, "1": 6}),
        (3, [0], {"0": 1}),
        (2, [0], {"0": 1}),
        (3, [0, 0], {"0": 1, "1": 1}),
        (1, [0], {}),
        (2, [1], {}),
        (0, [5], {}),
        (10, [10, 0], {"1": 3}),
        (7, [7, 6], {}),
    ],
)
def test_what_is_too_much_is_given(mine: int, theirs: list[int], given_up: dict[str, int]) -> None:
    """What is more than the fair share, rounded up, to whoever has fewest."""
    assert Counter(gifts(mine, others(*theirs))) == given_up


def test_nobody_is_given_more_than_there_is_room_for() -> None:
    """Whoever sends to as many as it can would not take more."""
    assert gifts(20, others(0, room=0)) == []
    assert gifts(20, others(0, 0, room=2)) == ["0", "1", "0", "1"]


@given(lists(integers(0, 200), min_size=2, max_size=12))
def test_giving_comes_to_an_end(counts: list[int]) -> None:
    """Also where all give at a time, none knowing what the others do."""
    for _ in range(20):
        found = Counter[int]()
        for me, mine in enumerate(counts):
            rest = [Colleague(str(one), many, ROOM) for one, many in enumerate(counts) if one != me]
            given = [int(life) for life in gifts(mine, rest)]
            found.update(given)
            found[me] -= len(given)
        if not any(found.values()):
            break
        counts = [many + found[one] for one, many in enumerate(counts)]
    else:
        pytest.fail(f"they still give: {counts}")
    assert max(counts) <= -(-sum(counts) // len(counts)) or max(counts) < min(counts) + 2
