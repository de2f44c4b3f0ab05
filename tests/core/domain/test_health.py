"""Health: when a failing endpoint's client is told, and when it is enough."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, strategies as st

from core.domain.health import LEAST_SPAN, NOTICES, Health, notice
from tests.fakes import START

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
hours = st.integers(0, 400)


def failing(last: timedelta = LEAST_SPAN) -> Health:
    """Failing since START, with the last failure so long after."""
    return Health().failed(START, "No.").failed(START + last, "No answer came.")


@pytest.mark.parametrize(
    ("after", "reached"),
    [
        (DAY - HOUR, 0),
        (DAY, 1),
        (3 * DAY - HOUR, 1),
        (3 * DAY, 2),
        (5 * DAY - HOUR, 2),
        (5 * DAY, 3),
    ],
)
def test_notices_come_after_one_three_and_five_days(after: timedelta, reached: int) -> None:
    """The last one is when the endpoint is disabled."""
    health = failing()
    assert health.due(START + after) == NOTICES[:reached]
    assert health.hopeless(START + after) == (after == 5 * DAY)


def test_a_failure_long_ago_tells_nothing() -> None:
    """Twelve hours lie between the first failure and the last, or nobody is told anything."""
    short = failing(LEAST_SPAN - timedelta(microseconds=1))
    assert short.failing
    assert short.due(START + 30 * DAY) == ()
    assert not short.hopeless(START + 30 * DAY)
    assert failing().hopeless(START + 30 * DAY)


def test_a_success_ends_it() -> None:
    """And the next failure begins anew, notices and all."""
    told = failing().told(START + 2 * DAY)
    well = told.succeeded(START + 2 * DAY)
    assert well == Health(succeeded_at=START + 2 * DAY)
    again = well.failed(START + 3 * DAY, "No.").failed(START + 4 * DAY, "No.")
    assert again.due(START + 4 * DAY) == NOTICES[:1]


def test_a_success_that_is_written_late_ends_what_was_before_it() -> None:
    """What failed after it has failed since then; and the notices of before are over."""
    told = failing(2 * DAY).told(START + 2 * DAY)
    since = told.succeeded(START + DAY)
    assert (since.failing_since, since.noticed) == (START + 2 * DAY, 0)
    assert since.failed(START + 3 * DAY, "No.").due(START + 3 * DAY) == NOTICES[:1]


def test_a_failure_that_is_written_late_was_one() -> None:
    """It may be the first; one that is no later than a success is no news."""
    earlier = failing().failed(START - HOUR, "Before.")
    assert (earlier.failing_since, earlier.error) == (START - HOUR, "No answer came.")
    well = Health().succeeded(START)
    assert well.failed(START, "No.") is well


def test_a_clock_that_is_set_back_repeats_no_notice() -> None:
    """What was told stays told."""
    told = failing().told(START + 4 * DAY).told(START + DAY)
    assert told.due(START + 4 * DAY) == ()


def test_to_be_renewed_forgets_the_failures() -> None:
    """But not when something was delivered last."""
    was = Health().succeeded(START - DAY).failed(START, "No.")
    assert was.renewed() == Health(succeeded_at=START - DAY)


@given(st.lists(hours, max_size=12))
def test_each_notice_is_toldonce(looks: list[int]) -> None:
    """However often somebody looks, and also if nobody did for days."""
    health, told = failing(), list[timedelta]()
    for look in sorted(looks):
        now = START + look * HOUR
        told += health.due(now)
        health = health.told(now)
        assert health.due(now) == ()
    assert told == list(NOTICES[: failing().reached(START + max(looks, default=0) * HOUR)])


@given(st.lists(st.tuples(hours, st.booleans()), max_size=12, unique_by=lambda one: one[0]))
def test_in_order_it_is_what_happened(told: list[tuple[int, bool]]) -> None:
    """The failures since the last success, first and last."""
    health = Health()
    for at, good in sorted(told):
        moment = START + at * HOUR
        health = health.succeeded(moment) if good else health.failed(moment, "No.")
    last = max((at for at, good in told if good), default=-1)
    since = [at for at, good in told if not good and at > last]
    assert health.failing == bool(since)
    if since:
        first, final = START + min(since) * HOUR, START + max(since) * HOUR
        assert (health.failing_since, health.failed_at) == (first, final)


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_answers_may_come_in_any_order(goods: list[bool]) -> None:
    """The last one by time says whether it fails, whichever was written first."""
    ends = list(enumerate(goods))
    for order in permutations(ends):
        health = Health()
        for at, good in order:
            moment = START + at * HOUR
            health = health.succeeded(moment) if good else health.failed(moment, str(at))
        assert health.failing is not goods[-1]
        assert health.error == (None if goods[-1] else str(len(goods) - 1))


def test_a_notice_says_what_comes_next() -> None:
    """Which endpoint, for how long, when it will be disabled, and what it answered last."""
    url, why = "https://partner.example/hook", "The receiver answered 500."
    disabled = "It is disabled now; what waits for it is kept: resume it."
    assert [notice(url, after, why) for after in NOTICES] == [
        f"{url} has failed for 1 day. It is disabled in 4 days unless it recovers. {why}",
        f"{url} has failed for 3 days. It is disabled in 2 days unless it recovers. {why}",
        f"{url} has failed for 5 days. {disabled} {why}",
    ]
    assert notice(url, DAY, None).endswith("in 4 days unless it recovers.")
