"""How endpoints are shared between workers that are behind."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from core.domain.sending import surplus


@pytest.mark.parametrize(
    ("mine", "others", "given_up"),
    [
        (20, [], 0),
        (20, [0, 0], 13),
        (3, [0], 1),
        (2, [0], 1),
        (1, [0], 0),
        (2, [1], 0),
        (0, [5], 0),
        (10, [10, 0], 3),
        (7, [7, 6], 0),
    ],
)
def test_what_is_too_much_is_given(mine: int, others: list[int], given_up: int) -> None:
    """What is more than the fair share, rounded up."""
    assert surplus(mine, others) == given_up


@given(lists(integers(0, 200), min_size=2, max_size=12))
def test_giving_comes_to_an_end(counts: list[int]) -> None:
    """What one gives goes to whoever has fewest; nobody who gave is short of anything then."""
    for _ in range(len(counts) * 2):
        for one, mine in enumerate(counts):
            for _ in range(surplus(mine, counts[:one] + counts[one + 1 :])):
                counts[one] -= 1
                counts[counts.index(min(counts))] += 1
    assert all(
        surplus(mine, counts[:one] + counts[one + 1 :]) == 0 for one, mine in enumerate(counts)
    )
    assert max(counts) - min(counts) <= len(counts)
    assert max(counts) <= -(-sum(counts) // len(counts))
