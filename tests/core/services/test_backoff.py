"""Who guesses waits, and the owner does not for long."""

import pytest

from core.domain.errors import Limited
from core.domain.ports import Throttle
from core.services import backoff
from core.services.backoff import CLIENTS, PEOPLE, Backoff, Rule, Unthrottled
from tests.fakes import FakeClock

HERE, THERE = "203.0.113.1", "203.0.113.2"


def guess(throttle: Backoff, account: str = "ada", source: str | None = HERE) -> int:
    """A wrong guess: 0 where it may be tried, else the seconds to wait."""
    try:
        throttle.take(account, source)
    except Limited as limited:
        return limited.seconds or -1
    return 0


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def people(clock: FakeClock) -> Backoff:
    """The throttle of sign-in."""
    return Backoff(clock, PEOPLE)


async def test_waits_double(clock: FakeClock, people: Backoff) -> None:
    """After five wrong guesses: 1 s, 2 s, 4 s, … and a quarter of an hour at most."""
    assert [guess(people) for _ in range(6)] == [0, 0, 0, 0, 0, 1]
    waits = []
    for _ in range(13):
        waits.append(guess(people))
        await clock.advance(waits[-1])
        assert guess(people) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


async def test_a_success_forgets(people: Backoff) -> None:
    """The owner who remembers begins anew."""
    for _ in range(3):
        assert [guess(people) for _ in range(5)] == [0] * 5
        people.succeed("ada", HERE)


async def test_the_owner_is_not_locked_out(clock: FakeClock, people: Backoff) -> None:
    """By a crowd that guesses from everywhere: where they signed in before, they need not wait."""
    people.take("ada", HERE)
    people.succeed("ada", HERE)
    waits = [guess(people, source=f"10.0.{n // 200}.{n % 200}") for n in range(300)]
    assert waits.count(0) == PEOPLE.account.free
    assert guess(people, source=THERE) <= PEOPLE.account.most
    assert guess(people, source=HERE) == 0
    await clock.advance(PEOPLE.account.most)
    assert guess(people, source=THERE) == 0


def test_others_are_none_of_it(people: Backoff) -> None:
    """Another account from the same source may be tried, and the same account from another."""
    while not guess(people):
        pass
    assert (guess(people, "bob"), guess(people, source=THERE)) == (0, 0)


def test_a_source_that_tries_many_accounts_waits(people: Backoff) -> None:
    """IPv6 addresses of one /64 are one source."""
    waits = [guess(people, f"user {n}", f"2001:db8::{n:x}") for n in range(60)]
    assert waits.count(0) == PEOPLE.source.free
    assert guess(people, "ada", "2001:db8:0:1::1") == 0


def test_a_source_of_good_attempts_never_waits(people: Backoff) -> None:
    """As an office where all sign in in the morning."""
    for number in range(10 * PEOPLE.source.free):
        assert guess(people, f"user {number}") == 0
        people.succeed(f"user {number}", HERE)


async def test_quiet_is_forgiven(clock: FakeClock, people: Backoff) -> None:
    """An hour after the last wrong guess all are free again."""
    while not guess(people):
        pass
    await clock.advance(PEOPLE.pair.quiet)
    assert [guess(people) for _ in range(5)] == [0] * 5


def test_a_busy_client_does_not_wait(clock: FakeClock) -> None:
    """Fifty at once are under way before the first turns out to be good."""
    clients = Backoff(clock, CLIENTS)
    for _ in range(20):
        assert [guess(clients, "client") for _ in range(50)] == [0] * 50
        for _ in range(50):
            clients.succeed("client", HERE)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, people: Backoff) -> None:
    """However many accounts and sources somebody invents, and however long their names."""
    monkeypatch.setattr(backoff, "MOST", 10)
    for number in range(100):
        name, source = f"{number}" * 1_000, f"10.0.0.{number}"
        guess(people, name, source)
        people.succeed(name, source)
        guess(people, name, source)
    assert len(people) == 40


def test_text_that_is_no_text_is_an_account_too(people: Backoff) -> None:
    """A caller may send anything."""
    assert [guess(people, "\ud800", None) for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_nobody_waits_where_nothing_throttles() -> None:
    """The null object takes everything."""
    throttle: Throttle = Unthrottled()
    for _ in range(1_000):
        throttle.take("ada", HERE)
    throttle.succeed("ada", HERE)
    assert isinstance(throttle, Unthrottled)


def test_waits_have_an_end() -> None:
    """However many failures there were."""
    assert Rule(1, 1, 900, 1).wait(10**9) == 900
