"""Counting callers whom nothing proves."""

from collections.abc import Iterable

from hypothesis import given, strategies as st

from core.domain.audit import Entry, Kind, Outcome
from core.domain.time import Uuid7
from core.services.tallies import SOURCES, Tallies
from tests.fakes import START, FakeClock


def refuse(tallies: Tallies, source: str, reason: str = "expired") -> None:
    """Count a token that was refused."""
    tallies.add(Kind.TOKEN_USE, Outcome.REFUSED, reason, source)


def counts(entries: Iterable[Entry]) -> dict[str | None, int]:
    """How many by source."""
    return {one.source: one.detail["count"] for one in entries}


async def test_a_minute_is_told_when_it_is_over() -> None:
    """Once, by source, with the minute in which it was."""
    clock = FakeClock()
    tallies = Tallies(clock, Uuid7())
    for source in ("203.0.113.1", "203.0.113.1", "2001:db8::1", "2001:db8::2"):
        refuse(tallies, source)
    assert tallies.take() == []
    await clock.advance(61)
    told = tallies.take()
    assert counts(told) == {"203.0.113.1": 2, "2001:db8::/64": 2}
    assert {(one.at, one.actor) for one in told} == {(START, "anonymous")}
    assert tallies.take() == []


def test_reasons_are_told_apart() -> None:
    """What one source did for two reasons is two lines."""
    tallies = Tallies(FakeClock(), Uuid7())
    for reason in ("expired", "expired", "not_held"):
        refuse(tallies, "203.0.113.1", reason)
    told = {one.detail["reason"]: one.detail["count"] for one in tallies.take(all_of_them=True)}
    assert told == {"expired": 2, "not_held": 1}


@given(st.integers(0, 3 * SOURCES))
def test_lines_are_bounded_and_nothing_is_uncounted(sources: int) -> None:
    """However many sources there are, the sum is right and the lines are few."""
    tallies = Tallies(FakeClock(), Uuid7())
    for number in range(sources):
        refuse(tallies, f"10.0.{number // 250}.{number % 250}")
    told = tallies.take(all_of_them=True)
    assert len(told) <= SOURCES + 1
    assert sum(counts(told).values()) == sources
    assert counts(told).get("others", 0) == max(0, sources - SOURCES)
