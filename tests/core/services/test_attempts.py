"""Attempts: so many at once, then one by one, each key for itself, in bounded memory."""

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Limited
from core.services import attempts
from core.services.attempts import RULES, Attempts
from tests.fakes import FakeClock

RULE = RULES["account"]


async def spend(made: Attempts, key: str = "ada") -> int:
    """Take until it is refused; how many were let through."""
    for count in range(1_000):
        try:
            await made.take("account", key)
        except Limited:
            return count
    return 1_000


async def test_too_many_attempts_are_refused_until_time_has_passed() -> None:
    """The burst, then one more each minute; other keys and kinds have their own."""
    clock = FakeClock()
    made = Attempts(clock)
    assert await spend(made) == RULE.burst
    with pytest.raises(Limited, match=r"Try again in \d+ seconds"):
        await made.take("account", "ada")
    await made.take("account", "bob")
    await made.take("address", "ada")
    await clock.advance(RULE.seconds)
    assert await spend(made) == 1


async def test_a_good_attempt_does_not_count() -> None:
    """Who signs in often is not refused."""
    made = Attempts(FakeClock())
    for _ in range(RULE.burst * 3):
        await made.take("account", "ada")
        await made.give_back("account", "ada")
    assert await spend(made) == RULE.burst


async def test_attempts_are_kept_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tried longest ago is forgotten first."""
    monkeypatch.setattr(attempts, "MOST", 3)
    made = Attempts(FakeClock())
    await spend(made)
    for name in ("b", "c", "d"):
        await made.take("account", name)
    assert await spend(made) == RULE.burst
    assert await spend(made, "d") == RULE.burst - 1


@given(st.lists(st.floats(0, 300), max_size=60))
async def test_no_pace_gets_more_than_the_rule(pauses: list[float]) -> None:
    """However the attempts are spread, at most the burst and one for each interval come through."""
    clock = FakeClock()
    made, through = Attempts(clock), 0
    for pause in pauses:
        await clock.advance(pause)
        try:
            await made.take("account", "ada")
        except Limited:
            continue
        through += 1
    assert through <= RULE.burst + sum(pauses) / RULE.seconds + 1e-6
