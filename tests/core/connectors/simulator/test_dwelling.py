"""A home as the simulation runs it: its clocks, and its people's days."""

from datetime import UTC, timedelta

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.dwelling import BEAT, Dwelling
from core.connectors.simulator.rhythm import day_of
from core.domain.homes import Home
from tests.fakes import START

ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Auckland", "UTC")


def dwelling(zone: str) -> Dwelling:
    """A home in this zone, begun with the year."""
    return Dwelling(Home("home_1", "Home", zone), 7, START, 0.0)


@given(st.sampled_from(ZONES), st.lists(st.floats(0, 400 * 86_400), min_size=1, max_size=20))
def test_a_moment_is_of_the_home_whenever_one_looks(zone: str, times: list[float]) -> None:
    """Its hour is local, and its day is the one of its date, in whatever order one asks."""
    home = dwelling(zone)
    for at in times:
        now = home.moment(at, calm=False)
        assert now.local.astimezone(UTC) == START + timedelta(seconds=at)
        assert now.day == day_of(7, "home_1", now.local.date())
        assert 0 <= now.hour < 24


@given(st.floats(0, 10), st.floats(0, 1e6))
def test_all_homes_have_the_same_beats(late: float, at: float) -> None:
    """Whenever a home began, a beat is an even second of the wall clock, and soon."""
    began = START + timedelta(seconds=late)
    beat = Dwelling(Home("home_1", "Home", "UTC"), 7, began, 0.0).beat(at)
    assert at <= beat <= at + BEAT + 1e-6
    off = (began.timestamp() + beat) % BEAT
    assert min(off, BEAT - off) < 1e-5


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Berlin", 13), ("Asia/Kolkata", 17.5)])
def test_noon_is_another_hour_elsewhere(zone: str, hour: float) -> None:
    """People live by the clocks of where they are."""
    assert dwelling(zone).moment(12 * 3600, calm=False).hour == hour


@pytest.mark.parametrize("zone", ["Atlantis/Center", "", "../etc/passwd"])
def test_an_unknown_zone_costs_no_devices(zone: str) -> None:
    """A home that this machine cannot place lives by UTC."""
    assert dwelling(zone).moment(3600, calm=True).hour == 1


def test_a_home_tells_its_time() -> None:
    """Its clocks go on with the world's, at its own pace."""
    home = dwelling("UTC")
    assert home.time(90.0).now == START + timedelta(seconds=90)
    home.timeline.pace(90.0, 2.0, 0.0)
    assert home.time(100.0).now == START + timedelta(seconds=110)
    assert home.time(100.0).speed == 2.0
