"""The schedule: attempts by the age of an event, which always end."""

import re
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.domain.schedule import (
    DEFAULT,
    JITTER,
    LATE_WAITS,
    LONGEST_SECONDS,
    MOST_RETRY_AFTER,
    MOST_STEPS,
    Schedule,
    parsed,
    retry_after,
)
from tests.fakes import START

USUAL = parsed(DEFAULT)
chances = st.floats(0, 1, exclude_max=True)
schedules = st.lists(st.floats(0.01, 50_000), min_size=1, max_size=8).map(
    lambda steps: Schedule(tuple(steps))
)


def life(schedule: Schedule, first: float, lasted: float, chance: float) -> list[float]:
    """The ages at which an event is tried if nothing ever succeeds."""
    ages = [first]
    while (wait := schedule.wait(ages[-1], lasted, len(ages), chance)) is not None:
        ages.append(ages[-1] + lasted + wait)
    return ages


def test_the_usual_schedule_is_the_promised_one() -> None:
    """Eight attempts in a little under 28 hours, and with all the jitter in under 29."""
    assert list(USUAL.marks) == [5, 305, 2_105, 9_305, 27_305, 63_305, 99_305]
    assert life(USUAL, 0, 0, 0) == [0, *USUAL.marks]
    assert 27 * 3_600 < USUAL.reach < 28 * 3_600
    assert life(USUAL, 0, 0, 0.999)[-1] < 29 * 3_600


@pytest.mark.parametrize(
    ("age", "lasted", "wait"),
    [
        (0, 0, 5),
        (0, 15, 5),  # a timeout takes longer than the first step
        (4.9, 0, 5),
        (5, 0, 300),
        (299, 1, 5),
        (86_400, 0, 99_305 - 86_400),
    ],
)
def test_the_age_decides(age: float, lasted: float, wait: float) -> None:
    """Not how often this delivery was tried; and there is a pause after every attempt."""
    assert {USUAL.wait(age, lasted, made, 0) for made in (1, 2, 50)} == {wait}


def test_one_that_is_tried_late_has_three_attempts_all_the_same() -> None:
    """Its receiver may slip once; but it begins no schedule of its own."""
    assert life(USUAL, USUAL.reach, 0, 0)[1:] == [USUAL.reach + 5, USUAL.reach + 305]
    assert life(Schedule((7.0,)), 100, 0, 0) == [100, 107]


@given(schedules, st.floats(0, 200_000), st.floats(0, 60), chances)
def test_attempts_go_forward_and_end(
    schedule: Schedule, first: float, lasted: float, chance: float
) -> None:
    """Each is the first step at least after the one before, and none far beyond the reach."""
    ages = life(schedule, first, lasted, chance)
    least = schedule.steps[0] * 0.999
    assert all(later - one >= lasted + least for one, later in pairwise(ages))
    late = LATE_WAITS * (max(schedule.steps[:LATE_WAITS]) + lasted)
    furthest = max(first, schedule.reach) + schedule.steps[0] + lasted + late
    assert ages[-1] <= 1.001 * (furthest + JITTER * (max(schedule.steps) + late))
    assert len(ages) <= len(schedule.steps) + 1 + LATE_WAITS


@given(schedules, st.floats(0, 200_000), st.integers(1, 20), chances)
def test_jitter_only_adds_a_little(
    schedule: Schedule, age: float, made: int, chance: float
) -> None:
    """A tenth of a step at most; and it never decides whether there is another attempt."""
    plain, wait = (schedule.wait(age, 0, made, some) for some in (0, chance))
    assert (wait is None) == (plain is None)
    if wait is not None and plain is not None:
        assert plain <= wait <= plain + JITTER * max(schedule.steps) * 1.001


def test_a_receiver_that_was_away_gets_no_schedule_for_each_event() -> None:
    """What happened in a day is all over at its own age, though none of it was tried before."""
    late = [life(USUAL, float(age), 0, 0) for age in range(0, 86_400, 600)]
    assert {ages[-1] for ages in late} == {USUAL.reach, USUAL.reach + 300}
    assert max(map(len, late[100:])) == 3


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=MOST_STEPS), st.booleans())
def test_what_is_spelled_is_parsed(steps: list[int], spaced: bool) -> None:  # noqa: FBT001  # drawn
    """Spaces do not matter."""
    text = (" , " if spaced else ",").join(map(str, steps))
    assert parsed(text).steps == tuple(steps)


def test_parts_of_seconds_are_parsed() -> None:
    """For tests, and for receivers next door."""
    assert parsed("0.25, 1.5").steps == (0.25, 1.5)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "'' is no number of seconds above 0"),
        ("5,", "'' is no number"),
        ("5;300", "'5;300' is no number"),
        ("5,-1", "'-1' is no number"),
        ("5,0", "'0' is no number"),
        ("0.0", "'0.0' is no number"),
        ("nan", "'nan' is no number"),
        ("inf", "'inf' is no number"),
        ("1e3", "'1e3' is no number"),
        ("1_0", "'1_0' is no number"),
        ("٣", "'٣' is no number"),
        ("5m", "'5m' is no number"),
        (",".join(["1"] * (MOST_STEPS + 1)), f"it has 51 steps, and {MOST_STEPS} are the most"),
        ("604800,1", f"it takes 604801 s, and {LONGEST_SECONDS} are the most"),
    ],
)
def test_a_wrong_schedule_is_refused(text: str, what: str) -> None:
    """The setting is named, what is wrong with it, and what would be right."""
    with pytest.raises(Invalid, match=re.escape(what)) as refused:
        parsed(text)
    assert refused.value.field == "webhook_schedule"
    assert "LATCHKEY_WEBHOOK_SCHEDULE" in str(refused.value)
    assert DEFAULT in str(refused.value)


IN_A_MINUTE = format_datetime(START + timedelta(minutes=1), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("0", 1),
        (" 120 ", 120),
        ("9" * 5_000, MOST_RETRY_AFTER),
        (IN_A_MINUTE, 60),
        (IN_A_MINUTE.replace("GMT", "-0000"), 60),
        (f"{START + timedelta(minutes=1):%A, %d-%b-%y %H:%M:%S GMT}", 60),
        (f"{START + timedelta(minutes=2):%a %b %e %H:%M:%S %Y}", 120),
        ("١٢", None),
        ("Thu, 99 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MOST_RETRY_AFTER),
        ("Fri, 99 Dec 2026 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_within_bounds(text: str | None, seconds: float | None) -> None:
    """Seconds or a date; nonsense asks for nothing."""
    assert retry_after(text, START) == seconds


@given(st.text())
def test_any_text_may_stand_in_a_header(text: str) -> None:
    """A receiver cannot break us by it."""
    seconds = retry_after(text, START)
    assert seconds is None or 1 <= seconds <= MOST_RETRY_AFTER
