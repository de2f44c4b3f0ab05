"""Scalars: moments as they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis.strategies import datetimes, just

from schema.scalars import SCALARS

written = SCALARS[datetime].serialize


@given(datetimes(timezones=just(UTC)))
def test_a_moment_is_written_to_the_millisecond(moment: datetime) -> None:
    """By RFC 3339, however early or late; what is less than a millisecond is cut off."""
    assert written is not None
    assert written(moment) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("microsecond", [0, 999, 1_000, 999_999])
def test_a_moment_of_another_zone_is_written_in_utc(microsecond: int) -> None:
    """As the same moment."""
    assert written is not None
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 1, 1, 1, 30, 59, microsecond, there)
    assert written(moment) == f"2025-12-31T23:30:59.{microsecond // 1_000:03}Z"
