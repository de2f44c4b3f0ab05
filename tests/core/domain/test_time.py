"""The machine's clock, and identifiers that sort by it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given, strategies as st

from core.domain.time import SystemClock, Uuid7


def made_at(name: str) -> float:
    """The milliseconds that an identifier carries."""
    return UUID(name.rpartition("_")[2]).int >> 80


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_an_identifier_is_a_kind_and_a_uuid7(kind: str) -> None:
    """Version 7, the variant of RFC 9562, made now."""
    before = time.time_ns() // 1_000_000
    name = Uuid7().new(kind)
    said, _, digits = name.partition("_")
    number = UUID(digits)
    assert (said, len(digits), number.version, number.variant) == (kind, 32, 7, RFC_4122)
    assert before <= made_at(name) <= time.time_ns() // 1_000_000


def test_identifiers_differ() -> None:
    """Thousands within one millisecond do not meet, and use all the random bits."""
    ids = Uuid7()
    made = [ids.new("x") for _ in range(20_000)]
    assert len(set(made)) == len(made)
    numbers = [UUID(name[2:]).int for name in made]
    random_bits = (((1 << 12) - 1) << 64) | ((1 << 62) - 1)
    ones = zeros = 0
    for number in numbers:
        ones, zeros = ones | number, zeros | ~number
    assert ones & zeros & random_bits == random_bits


async def test_identifiers_sort_by_time() -> None:
    """Of two made a few milliseconds apart, the later one is the greater text."""
    ids, made = Uuid7(), []
    for _ in range(20):
        made.append(ids.new("x"))
        await asyncio.sleep(0.002)
    assert made == sorted(made)


async def test_the_clock_is_in_utc_and_goes_forward() -> None:
    """Wall time is aware, and sleeping lets both kinds of time pass."""
    clock = SystemClock()
    wall, steady = clock.now(), clock.monotonic()
    assert wall.utcoffset() == timedelta(0)
    assert abs(wall - datetime.now(UTC)) < timedelta(seconds=1)
    await clock.sleep(0.01)
    assert clock.monotonic() - steady >= 0.01
