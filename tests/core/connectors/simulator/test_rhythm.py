"""The days of a home's people, and the weather."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, strategies as st

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import (
    HOUR,
    SETTLING,
    Moment,
    Phase,
    day_of,
    hour_of,
    outdoor,
)
from tests.core.connectors.simulator.moments import CHANCES, DAY, MOMENTS, moment

DATES = st.dates(date(2020, 1, 1), date(2100, 1, 1))


@given(st.integers(), st.text(max_size=8), DATES)
def test_a_day_is_in_order(seed: int, home_id: str, on: date) -> None:
    """People wake, leave, come back and sleep, in this order, and the same way each time."""
    day = day_of(seed, home_id, on)
    assert 5 < day.wake < day.leave <= day.back < day.bed < 24
    assert day == day_of(seed, home_id, on)


@given(st.floats(0, 24, exclude_max=True))
def test_a_phase_lasts_as_long_as_it_says(hour: float) -> None:
    """Until then it is the same phase, and after that another, or another day."""
    left = DAY.left(hour) / HOUR
    assert left > 0
    assert DAY.phase(hour + left * 0.999) is DAY.phase(hour)
    after = hour + left + 1e-6
    assert after >= 24 or DAY.phase(after) is not DAY.phase(hour)


@given(MOMENTS, CHANCES)
def test_a_pause_notices_the_next_phase(now: Moment, chance: Chance) -> None:
    """Nobody's pause outlasts the part of the day by more than some minutes."""
    pause = now.pause(chance, {Phase.HOME: (1e6, 1e6)})
    assert SETTLING[0] <= pause <= DAY.left(now.hour) + SETTLING[1]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - a home's own
def test_the_weather_is_moderate(local: datetime) -> None:
    """It is never worse than in the middle of Europe, and the same whenever one looks."""
    assert -4 <= outdoor(local) <= 24
    assert outdoor(local) == outdoor(local)
    assert abs(outdoor(local) - outdoor(local + timedelta(minutes=1))) < 0.1


def test_the_day_of_a_working_person() -> None:
    """Asleep at night, about in the morning, out by day, in at night."""
    phases = [moment(hour).phase for hour in (3, 7.5, 12, 19, 23)]
    assert phases == [Phase.ASLEEP, Phase.MORNING, Phase.AWAY, Phase.HOME, Phase.ASLEEP]
    assert hour_of(datetime(2026, 1, 1, 13, 30, tzinfo=UTC)) == 13.5


def test_weekends_differ_from_weekdays() -> None:
    """On Saturdays nobody goes to work; on some nobody goes out."""
    saturdays = [day_of(1, "home", date(2026, 1, 3) + timedelta(7 * n)) for n in range(50)]
    out = sum(day.leave < day.back for day in saturdays)
    assert 10 < out < 40
    assert all(day.wake >= 7.5 for day in saturdays)
