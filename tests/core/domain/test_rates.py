"""Rates: never more than was asked for, and no less where there is enough to send."""

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.domain.rates import BURST_SECONDS, LEAST, MOST, Bucket, checked_rate, fresh

rates = st.integers(LEAST, MOST)
starts = st.floats(0, 1e7)
pauses = st.lists(st.floats(0, 3) | st.floats(0, 0.01), min_size=1, max_size=60)
A_BIT = 1e-6
"""Rounding, in seconds: a steady clock's numbers are large."""


@given(rates, starts, pauses)
def test_no_window_has_more_than_the_rate(rate: int, start: float, gaps: list[float]) -> None:
    """Whoever takes all the room there is, whenever they look."""
    bucket, now, went = fresh(rate, start), start, list[tuple[float, int]]()
    for gap in gaps:
        now += gap
        if count := bucket.room(now):
            bucket = bucket.took(now, count)
            went.append((now, count))
    for first, (begin, _) in enumerate(went):
        total = 0
        for end, count in went[first:]:
            total += count
            assert total <= (end - begin + A_BIT) * rate + bucket.burst


@given(rates, starts)
def test_a_second_has_hardly_more_than_was_asked(rate: int, start: float) -> None:
    """A full bucket adds what goes in a fiftieth of a second, or one."""
    bucket = Bucket(rate, start)
    assert bucket.room(start) == bucket.burst == max(1, int(rate * BURST_SECONDS))
    assert bucket.room(start + 3_600) == bucket.burst


@given(rates, starts, st.integers(1, 300))
def test_who_waits_as_told_has_the_whole_rate(rate: int, start: float, many: int) -> None:
    """Nothing is lost by waking up when the next one may go."""
    bucket, now = fresh(rate, start), start
    for _ in range(many):
        now = max(now, bucket.free_at())
        assert bucket.room(now) >= 1
        bucket = bucket.took(now)
    assert now - start <= many / rate + A_BIT


@given(rates, starts, st.data())
def test_room_and_free_at_agree(rate: int, start: float, data: st.DataObject) -> None:
    """So many may go from the time on that is told for so many."""
    bucket = fresh(rate, start).took(start)
    count = data.draw(st.integers(1, bucket.burst))
    at = bucket.free_at(count)
    assert bucket.room(at) >= count
    assert bucket.room(at - 0.5 / rate) < count or at <= start


@given(rates, rates, starts)
def test_a_changed_rate_gives_nothing_away(old: int, new: int, start: float) -> None:
    """An empty bucket is empty at the new rate too, and for no longer than that takes to fill."""
    empty = Bucket(old, start).took(start, Bucket(old, start).burst)
    changed = empty.at(new, start)
    assert changed.room(start) <= max(0, changed.burst - empty.burst)
    assert changed.free_at() <= start + 1 / new + A_BIT


@given(rates, starts)
def test_a_fresh_one_holds_one(rate: int, start: float) -> None:
    """Whoever takes an endpoint over cannot know what went just before."""
    bucket = fresh(rate, start)
    assert bucket.free_at() <= start + A_BIT
    assert bucket.took(start).room(start + 0.9 / rate) == 0


def test_a_slow_endpoint_gets_one_at_a_time() -> None:
    """At five a second, each is a fifth of a second after the one before."""
    bucket = fresh(5, 0.0)
    assert bucket.room(0.0) == 1
    bucket = bucket.took(0.0)
    assert (bucket.room(0.19), bucket.free_at(), bucket.room(10.0)) == (0, 0.2, 1)


@pytest.mark.parametrize("rate", [LEAST, 10, MOST])
def test_a_rate_in_range_is_taken(rate: int) -> None:
    """From one a second to a thousand."""
    assert checked_rate(rate, "perSecond") == rate


@pytest.mark.parametrize("rate", [-1, 0, MOST + 1])
def test_a_rate_out_of_range_is_refused(rate: int) -> None:
    """With the field, and what would be right."""
    with pytest.raises(Invalid) as refused:
        checked_rate(rate, "perSecond")
    sentence = f"perSecond is {rate}; it is 1 to 1000 messages a second."
    assert (str(refused.value), refused.value.field) == (sentence, "perSecond")
