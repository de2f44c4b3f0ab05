"""Replays: the pace, whatever pages it is made in, and however late it is gone on with."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Conflict
from core.domain.repairs import AHEAD, MOST_REPLAYS, Chosen, Replay, check_replays, most_waiting
from tests.fakes import START

PACES = st.integers(1, 1_000)
STEPS = st.lists(st.tuples(st.integers(0, 500), st.floats(0, 30)), min_size=1, max_size=20)


@given(PACES, PACES, STEPS)
def test_nothing_comes_faster_than_the_pace(
    asked: int, limit: int, steps: list[tuple[int, float]]
) -> None:
    """Times ascend by at least the pause, none is in the past, and none is far ahead.

    The pace is what was asked for, and what the endpoint takes where that is less.
    """
    chosen = Chosen(per_second=asked)
    replay = Replay("replay_1", "endpoint_1", chosen, 0, 10**9, START, START, limit=limit)
    pace = min(asked, limit)
    pause = timedelta(seconds=1 / pace)
    assert replay.page == 10 * pace
    assert replay.most == most_waiting(pace) == 20 * pace
    now, last, place = START, START - pause, 0
    for count, seconds in steps:
        assert replay.next_at is not None
        now = max(now, replay.next_at)
        times = replay.times(min(count, replay.page), now)
        assert all(now <= time <= now + 3 * AHEAD for time in times)
        for time in times:
            assert time - last >= pause - timedelta(microseconds=2 * len(times))
            last = time
        place += len(times) + 1
        replay = replay.went_on(place, times, 1, now)
        now += timedelta(seconds=seconds)
    assert replay.skipped == len(steps)
    assert not replay.done


@given(PACES, st.integers(0, 1_000))
def test_it_is_done_where_it_ends(pace: int, until: int) -> None:
    """With its last place, whether or not that made anything."""
    replay = Replay("replay_1", "endpoint_1", Chosen(per_second=pace), 0, until, START, START)
    assert replay.went_on(until, (), 0, START).done
    assert replay.went_on(until - 1, (), 0, START).done is False


def test_only_so_many_go_side_by_side() -> None:
    """And it is said what to do."""
    check_replays(MOST_REPLAYS - 1)
    with pytest.raises(Conflict, match="wait until one is done"):
        check_replays(MOST_REPLAYS)
