"""Rates: how many may go each second, and when the next one may. Pure.

The generic cell rate algorithm: a token bucket that is one number, the time at which it is full.
In any window of w seconds no more than rate × w go, and what the bucket holds.
"""

from dataclasses import dataclass, replace
from typing import Final

from core.domain.errors import Invalid

LEAST: Final = 1
MOST: Final = 1_000
BURST_SECONDS: Final = 0.02
"""What a bucket holds, in time at its rate. Timers are late by some milliseconds; without any room
a rate of 1,000 would be half of it, and with more a second could have much more than was asked."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One that takes `rate` a second and is full at `full_at`, in seconds of a steady clock."""

    rate: int
    full_at: float

    @property
    def burst(self) -> int:
        """How many may go at once from a full one."""
        return max(1, int(self.rate * BURST_SECONDS))

    def free_at(self, count: int = 1) -> float:
        """When so many may go at once, `burst` at most."""
        return self.full_at + (count - self.burst) / self.rate

    def room(self, now: float) -> int:
        """How many may go now."""
        last = self.burst
        return next((many for many in range(last, 0, -1) if now >= self.free_at(many)), 0)

    def took(self, now: float, count: int = 1) -> "Bucket":
        """The bucket after so many went now."""
        return Bucket(self.rate, max(self.full_at, now) + count / self.rate)

    def at(self, rate: int, now: float) -> "Bucket":
        """The bucket at another rate, and as empty as it was, as far as it can be."""
        owed = max(0.0, self.full_at - now) * self.rate
        other = Bucket(rate, now)
        return replace(other, full_at=now + min(owed, other.burst) / rate)


def fresh(rate: int, now: float) -> Bucket:
    """A bucket that holds one: whoever had it before may just have emptied it."""
    bucket = Bucket(rate, now)
    return replace(bucket, full_at=now + (bucket.burst - 1) / rate)


def checked_rate(rate: int, field: str) -> int:
    """A number of messages each second.

    Raises:
        Invalid: it is out of range.
    """
    if not LEAST <= rate <= MOST:
        sentence = f"{field} is {rate}; it is {LEAST} to {MOST} messages a second."
        raise Invalid(sentence, field)
    return rate
