"""Attempts at what can be guessed: buckets that fill again, in the memory of this process.

It takes one before it looks, so that many at once get no more than one after the other. What it
forgets where it knows too many is whoever tried longest ago.
"""

from dataclasses import dataclass
from typing import Final

from core.domain.errors import Limited
from core.domain.ports import Clock

MOST: Final = 20_000
"""Buckets that are kept; each is about 200 bytes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """So many at once, and one more each so many seconds."""

    burst: int
    seconds: float


RULES: Final = {
    "account": Rule(10, 60.0),
    "address": Rule(30, 10.0),
    "authorize": Rule(100, 1.0),
    "client": Rule(300, 0.2),
    "device": Rule(10, 20.0),
    "device_account": Rule(10, 60.0),
    "personal_key": Rule(30, 120.0),
    "registration": Rule(10, 60.0),
    "endings": Rule(1_000, 0.05),
}
"""Sign-ins by the name that is tried, and by where they come from; then, each by where it comes
from: requests that somebody be asked, clients that prove nothing, and codes that devices show,
those by who types them, too. Then what stays in the access log: personal access tokens by who makes
them, and changes that a client makes to its own registration, by the client."""


class Attempts:
    """The buckets, by kind and key."""

    def __init__(self, clock: Clock) -> None:
        """None yet."""
        self._clock = clock
        self._used: dict[tuple[str, str], tuple[float, float]] = {}

    async def take(self, kind: str, key: str) -> None:
        """Count an attempt.

        Raises:
            Limited: there were too many; the sentence says when to come again.
        """
        self.check(kind, key)
        self.count(kind, key)

    def check(self, kind: str, key: str) -> None:
        """See that there is room for an attempt.

        Raises:
            Limited: there is none; the sentence says when there will be.
        """
        rule, used = RULES[kind], self._now(kind, key)
        if used > rule.burst - 1:
            wait = round((used - rule.burst + 1) * rule.seconds) + 1
            sentence = f"There were too many attempts. Try again in {wait} seconds."
            raise Limited(sentence, wait)

    def count(self, kind: str, key: str) -> None:
        """Count an attempt that was made. One beyond the burst makes nobody wait longer."""
        used = min(self._now(kind, key) + 1, RULES[kind].burst)
        self._used.pop((kind, key), None)
        self._used[kind, key] = (used, self._clock.monotonic())
        if len(self._used) > MOST:
            del self._used[next(iter(self._used))]

    async def give_back(self, kind: str, key: str) -> None:
        """Uncount an attempt that turned out to be a good one."""
        used = self._now(kind, key)
        self._used[kind, key] = (max(0.0, used - 1), self._clock.monotonic())

    def _now(self, kind: str, key: str) -> float:
        used, since = self._used.get((kind, key), (0.0, 0.0))
        return max(0.0, used - (self._clock.monotonic() - since) / RULES[kind].seconds)
