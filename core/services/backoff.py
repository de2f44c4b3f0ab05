"""Backoff: who guesses wrong waits, longer each time, in the memory of this process.

Wrong guesses are counted three ways: for an account from one source, for a source whatever it says
it is, and, widely, for an account from everywhere. The last would let a crowd of guessers keep the
owner out, so its waits are short, and a source from which the account was opened before is not
asked it. An attempt is counted before it is looked at, so many at once are no way around.
"""

from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from typing import Final, TypeAlias

from core.domain.errors import Limited
from core.domain.ports import Clock
from core.domain.sources import network

MOST: Final = 50_000
"""Counts that are kept of each of the three kinds, about 200 bytes each. Beyond, those that were
touched longest ago are forgotten."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` wrong guesses, then a wait of `first` seconds that doubles with each, up to `most`.

    Failures are forgotten `quiet` seconds after the last.
    """

    free: int
    first: float
    most: float
    quiet: float

    def wait(self, failures: int) -> float:
        """The seconds after so many failures in a row before there may be another."""
        over = failures - self.free
        # Waits double; 60 doublings are more than any `most`.
        return 0.0 if over < 0 else min(self.most, self.first * 2.0 ** min(over, 60))


@dataclass(frozen=True, slots=True)
class Rules:
    """The three ways of counting."""

    pair: Rule
    source: Rule
    account: Rule


PEOPLE: Final = Rules(
    pair=Rule(free=5, first=1, most=900, quiet=3_600),
    source=Rule(free=50, first=1, most=300, quiet=3_600),
    account=Rule(free=100, first=1, most=30, quiet=3_600),
)
"""At sign-in: passwords can be guessed. Many people may share a source."""

CLIENTS: Final = Rules(
    pair=Rule(free=100, first=1, most=60, quiet=600),
    source=Rule(free=500, first=1, most=60, quiet=600),
    account=Rule(free=1_000, first=1, most=5, quiet=600),
)
"""Where clients show secrets of 256 bits: nobody guesses those, and a client may ask often and at
once, so this only spares the server work."""


@dataclass(slots=True)
class _Streak:
    failures: int
    last: float


Key: TypeAlias = bytes | str
_Streaks: TypeAlias = dict[Key, _Streak]


class Backoff:
    """A throttle by these rules."""

    def __init__(self, clock: Clock, rules: Rules) -> None:
        """Nothing counted yet."""
        self._clock = clock
        self._rules = rules
        self._pairs: _Streaks = {}
        self._sources: _Streaks = {}
        self._accounts: _Streaks = {}
        self._known: dict[Key, None] = {}

    def __len__(self) -> int:
        """How much is kept in mind."""
        streaks = len(self._pairs) + len(self._sources) + len(self._accounts)
        return streaks + len(self._known)

    def take(self, account: str, source: str | None) -> None:
        """Count an attempt as a wrong one (`core.domain.ports.Throttle`)."""
        place = network(source)
        name, pair = _digest(account), _digest(account, place)
        counted: list[tuple[_Streaks, Key, Rule]] = [
            (self._pairs, pair, self._rules.pair),
            (self._sources, place, self._rules.source),
            (self._accounts, name, self._rules.account),
        ]
        asked = counted[:2] if pair in self._known else counted
        if (seconds := max(self._wait(*one) for one in asked)) > 0:
            whole = ceil(seconds)
            sentence = f"There were too many wrong attempts; wait {whole} s before the next."
            raise Limited(sentence, whole)
        for one in counted:
            self._count(*one)

    def succeed(self, account: str, source: str | None) -> None:
        """Forget the account's failures, and of the source's the one that was none."""
        place = network(source)
        name, pair = _digest(account), _digest(account, place)
        self._pairs.pop(pair, None)
        self._accounts.pop(name, None)
        streak = self._sources.get(place)
        if streak is not None and streak.failures > 0:
            streak.failures -= 1
        self._known.pop(pair, None)
        self._known[pair] = None
        _bound(self._known)

    def _wait(self, streaks: _Streaks, key: Key, rule: Rule) -> float:
        streak = streaks.get(key)
        passed = 0.0 if streak is None else self._clock.monotonic() - streak.last
        if streak is None or passed >= rule.quiet:
            return 0.0
        return rule.wait(streak.failures) - passed

    def _count(self, streaks: _Streaks, key: Key, rule: Rule) -> None:
        now = self._clock.monotonic()
        before = streaks.pop(key, None)
        over = before is None or now - before.last >= rule.quiet
        streaks[key] = _Streak(1 if before is None or over else before.failures + 1, now)
        _bound(streaks)


class Unthrottled:
    """The throttle that lets everybody try."""

    def take(self, account: str, source: str | None) -> None:
        """Let it happen."""

    def succeed(self, account: str, source: str | None) -> None:
        """Keep nothing in mind."""


def _digest(*parts: str) -> bytes:
    """A key of one size: what callers say they are may be long, and is not kept in clear."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(encoded) + encoded)
    return digest.digest()


def _bound(kept: "_Streaks | dict[Key, None]") -> None:
    if len(kept) > MOST:
        del kept[next(iter(kept))]
