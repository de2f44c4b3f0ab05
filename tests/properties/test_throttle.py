"""The throttle against a model: whatever callers do, guessing is slow and owners get in."""

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.domain.errors import Limited
from core.domain.sources import network
from core.services.backoff import PEOPLE, Backoff
from tests.fakes import FakeClock

ACCOUNTS = st.sampled_from(["ada", "bob"])
SOURCES = st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"])
ELSEWHERE = "192.0.2.1"
Pair = tuple[str, str]


class HandClock(FakeClock):
    """A clock that is set without a loop."""

    def set_forward(self, seconds: float) -> None:
        """Let so much time pass."""
        self._elapsed += seconds


class Guessing(RuleBasedStateMachine):
    """Two accounts, three networks, wrong guesses and right ones."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.throttle = Backoff(self.clock, PEOPLE)
        self.wrong: defaultdict[Pair, list[float]] = defaultdict(list)

    def admitted(self, account: str, source: str) -> int:
        """Try: 0 where it was let in, else the seconds that it was told to wait."""
        try:
            self.throttle.take(account, source)
        except Limited as limited:
            wait = limited.seconds or -1
        else:
            return 0
        assert 1 <= wait <= PEOPLE.pair.most
        return wait

    @rule(account=ACCOUNTS, source=SOURCES, times=st.integers(1, 30))
    def guess(self, account: str, source: str, times: int) -> None:
        """Somebody guesses wrong, as often as they are let."""
        for _ in range(times):
            if self.admitted(account, source):
                break
            self.wrong[account, network(source)].append(self.clock.monotonic())

    @rule(account=ACCOUNTS, source=SOURCES)
    def come_in(self, account: str, source: str) -> None:
        """The owner tries, waits as long as they are told, and is in."""
        if wait := self.admitted(account, source):
            self.clock.set_forward(wait)
            assert self.admitted(account, source) == 0
        self.throttle.succeed(account, source)
        self.wrong[account, network(source)].clear()

    @rule(seconds=st.sampled_from([0.5, 1, 10, 300, 900, 3_600]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on."""
        self.clock.set_forward(seconds)

    @invariant()
    def guessing_is_slow(self) -> None:
        """Between good ones, the nth wrong guess comes its full wait after the one before."""
        for times in self.wrong.values():
            streak = 0
            for before, after in zip([None, *times], times, strict=False):
                quiet = before is None or after - before >= PEOPLE.pair.quiet
                if before is not None and not quiet:
                    assert after - before >= PEOPLE.pair.wait(streak) - 1e-6
                streak = 1 if quiet else streak + 1

    @rule(account=ACCOUNTS)
    def come_from_elsewhere(self, account: str) -> None:
        """The owner, at a place where nobody guessed, waits for the crowd's sake alone."""
        if wait := self.admitted(account, ELSEWHERE):
            assert wait <= PEOPLE.account.most
            self.clock.set_forward(wait)
            assert self.admitted(account, ELSEWHERE) == 0
        self.throttle.succeed(account, ELSEWHERE)
        assert self.admitted(account, ELSEWHERE) == 0
        self.throttle.succeed(account, ELSEWHERE)

    @invariant()
    def a_stranger_is_let_in(self) -> None:
        """Nobody's guesses are held against another account at another place."""
        assert self.admitted("carol", ELSEWHERE) == 0
        self.throttle.succeed("carol", ELSEWHERE)

    @invariant()
    def little_is_kept(self) -> None:
        """No more than there are accounts, networks and pairs of them."""
        assert len(self.throttle) <= 3 + 4 + 2 * 3 * 4


TestGuessing = Guessing.TestCase
