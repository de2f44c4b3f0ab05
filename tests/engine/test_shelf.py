"""The bounded cache, against a plain list as its model."""

from hypothesis import given, strategies as st

from engine.shelf import Shelf

CAPACITY, WEIGHT = 4, 10
STEPS = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.none() | st.integers(0, WEIGHT + 2)), max_size=50
)


@given(STEPS)
def test_it_holds_what_was_used_last_within_both_bounds(
    steps: list[tuple[str, int | None]],
) -> None:
    """Each step puts a key of some weight, or looks one up; oldest go first, as few as need to."""
    shelf: Shelf[int] = Shelf(CAPACITY, WEIGHT)
    model: list[tuple[str, int]] = []
    for key, weight in steps:
        found = [(each, held) for each, held in model if each == key]
        if weight is None:
            assert shelf.get(key) == (found[0][1] if found else None)
            model = [each for each in model if each not in found] + found
            continue
        shelf.put(key, weight, weight)
        model = [each for each in model if each not in found]
        if weight <= WEIGHT:
            model.append((key, weight))
        while len(model) > CAPACITY or sum(held for _, held in model) > WEIGHT:
            model.pop(0)
        assert len(shelf) == len(model)
        left = WEIGHT - sum(held for _, held in model)
        assert shelf.free == (left if len(model) < CAPACITY else 0)


def test_nothing_fits_on_a_shelf_without_room() -> None:
    """A capacity of zero caches nothing and breaks nothing."""
    shelf: Shelf[int] = Shelf(0, WEIGHT)
    shelf.put("a", 1, 1)
    assert shelf.get("a") is None
