"""When and what, in plain words: read back, they say what they were made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.pages.lately import WORDS, ago, asked, lately, zone_of
from core.domain.devices import TABLE, Color, DeviceKind, State
from core.domain.homes import Home
from core.domain.uses import NEVER, Deed, Use

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BERLIN = Home("home_1", "Maple Street", "Europe/Berlin")
LONDON = Home("home_2", "Flat", "Europe/London")


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "today at 09:30"),
        (timedelta(hours=10, minutes=30), "today at 00:00"),
        (timedelta(hours=10, minutes=31), "yesterday at 23:59"),
        (timedelta(days=1), "yesterday at 10:30"),
        (timedelta(days=2), "28 February at 10:30"),
        (timedelta(days=61), "31 December 2025 at 10:30"),
    ],
)
def test_when_it_was(passed: timedelta, words: str) -> None:
    """By the clock on the wall there, and by the day as it is there."""
    assert ago(NOW - passed, NOW, zone_of([BERLIN])) == words


def test_without_one_clock_it_is_utc() -> None:
    """Where homes differ, or the zone is not known here; and it says so."""
    assert zone_of([BERLIN, LONDON]) is None
    assert zone_of([Home("home_3", "Cave", "No/Where")]) is None
    assert zone_of([]) is None
    assert ago(NOW - timedelta(hours=2), NOW, None) == "today at 07:30 UTC"


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.timedeltas(timedelta(hours=1), timedelta(days=3_000)),
)
def test_the_minute_can_be_read_back(now: datetime, passed: timedelta) -> None:
    """Whatever was more than an hour ago: together with now, the words say when."""
    at, zone = now - passed, zone_of([BERLIN])
    day, clock = ago(at, now, zone).split(" at ")
    there, today = at.astimezone(zone), now.astimezone(zone)
    assert clock == f"{there:%H:%M}"
    days = {"today": today.date(), "yesterday": today.date() - timedelta(days=1)}
    if day not in days:
        named = day if day[-1].isdigit() else f"{day} {today.year}"
        days[day] = datetime.strptime(named, "%d %B %Y").replace(tzinfo=UTC).date()
    assert days[day] == there.date()


def deed(kind: DeviceKind = DeviceKind.LIGHT, **values: Any) -> Deed:
    """Something was asked of the lamp."""
    return Deed(NOW, "Lamp", "Maple Street", kind, State(**values))


@pytest.mark.parametrize(
    ("did", "words"),
    [
        (deed(on=True), "turn on Lamp"),
        (deed(on=False), "turn off Lamp"),
        (deed(on=True, brightness=40), "turn on Lamp and set its brightness to 40 %"),
        (deed(brightness=40), "set the brightness of Lamp to 40 %"),
        (
            deed(on=True, color=Color(1, 2), color_temperature=2700),
            "turn on Lamp, set its colour and set its colour temperature to 2700 K",
        ),
        (deed(DeviceKind.LOCK, locked=False), "unlock Lamp"),
        (deed(DeviceKind.LOCK, locked=True), "lock Lamp"),
        (deed(DeviceKind.GARAGE_DOOR, position=100), "open Lamp"),
        (deed(DeviceKind.BLIND, position=0), "close Lamp"),
        (deed(DeviceKind.BLIND, position=30), "set Lamp to 30 % open"),
        (deed(DeviceKind.THERMOSTAT, target_temperature=21.5), "set Lamp to 21.5 °C"),
        (deed(DeviceKind.FAN, fan_speed=50), "set the speed of Lamp to 50 %"),
        (deed(), "set Lamp"),
    ],
)
def test_what_was_asked(did: Deed, words: str) -> None:
    """As one would say it to somebody in the room."""
    assert asked(did).replace("\N{NO-BREAK SPACE}", " ") == words


def test_every_command_has_words() -> None:
    """For each attribute that can be asked for."""
    assert set(WORDS) == {name for name, one in TABLE.items() if one.writable}


def test_how_a_grant_was_used() -> None:
    """Each part for itself; the home is named where there are several."""
    none = lately(NEVER, [BERLIN], NOW)
    assert (none.looked, none.used, none.did, none.did_at) == (None, None, None, None)
    use = Use(NOW - timedelta(minutes=3), deed(on=True))
    one, two = lately(use, [BERLIN], NOW), lately(use, [BERLIN, LONDON], NOW)
    assert one.looked is not None
    assert (one.looked.words, one.looked.exact) == ("3 minutes ago", "2026-03-02T09:27:00+00:00")
    assert one.used is not None
    assert one.used.words == "just now"
    assert (one.did, two.did) == ("turn on Lamp", "turn on Lamp (Maple Street)")
