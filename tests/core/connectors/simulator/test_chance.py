"""Chance: sources that repeat, and do not know of each other."""

from hypothesis import given, strategies as st

from core.connectors.simulator.chance import Chance
from tests.core.connectors.simulator.moments import SEEDS


@given(SEEDS, st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_draws_repeat_and_stay_in_range(seed: int, least: float, width: float) -> None:
    """The same key draws the same numbers, between what was asked for."""
    one, other = Chance(seed), Chance(seed)
    drawn = [one.uniform(least, least + width) for _ in range(20)]
    assert drawn == [other.uniform(least, least + width) for _ in range(20)]
    assert all(least <= number <= least + width for number in drawn)
    assert 0 <= one.random() < 1
    assert one.pick("abc") in "abc"


def test_draws_are_even() -> None:
    """Each tenth of the range gets about a tenth of the draws, for neighbouring keys together."""
    counts = [0] * 10
    for key in range(1000):
        chance = Chance(key)
        for _ in range(10):
            counts[int(chance.random() * 10)] += 1
    assert all(850 < count < 1150 for count in counts)
    assert 60 < sum(Chance.of("a", n).happens(0.1) for n in range(1000)) < 140


def test_a_source_is_named_by_all_its_parts() -> None:
    """Another seed, home or device is another source."""
    names = [
        (7, "home_1", "lamp"),
        (8, "home_1", "lamp"),
        (7, "home_2", "lamp"),
        (7, "home_1l", "amp"),
    ]
    assert len({Chance.of(*parts).random() for parts in names}) == len(names)
