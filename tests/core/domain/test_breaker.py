"""The circuit breaker, alone and with attempts that answer late, out of turn, or never."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.domain.breaker import (
    FIRST_COOL_DOWN,
    FLIPS,
    LONGEST_COOL_DOWN,
    LONGEST_HOLD,
    THRESHOLD,
    Breaker,
    BreakerState,
    Flip,
    asked,
    cool_down,
    failed,
    free_at,
    renewed,
    succeeded,
)
from core.domain.schedule import DEFAULT, parsed
from tests.fakes import START

B = BreakerState
LASTS = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


def opened(now: datetime = START) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker()
    for _ in range(THRESHOLD):
        breaker = failed(breaker, breaker.ticket, now)
    return breaker


def half_open(now: datetime = START + FIRST_COOL_DOWN) -> Breaker:
    """One whose probe has just gone out."""
    breaker, ticket = asked(opened(), now, LASTS)
    assert ticket is not None
    return breaker


def test_the_table_is_whole() -> None:
    """Closed opens; open lets a probe out or closes; half-open may do any of it."""
    ways = {(state, flip): end for state, flips in FLIPS.items() for flip, end in flips.items()}
    assert ways == {
        (B.CLOSED, Flip.TRIP): B.OPEN,
        (B.OPEN, Flip.PROBE): B.HALF_OPEN,
        (B.OPEN, Flip.RECOVER): B.CLOSED,
        (B.HALF_OPEN, Flip.TRIP): B.OPEN,
        (B.HALF_OPEN, Flip.PROBE): B.HALF_OPEN,
        (B.HALF_OPEN, Flip.RECOVER): B.CLOSED,
    }


def test_failures_in_a_row_open_it() -> None:
    """More than one delivery's schedule has; a success between begins the count anew."""
    assert len(parsed(DEFAULT).steps) + 1 < THRESHOLD
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        breaker = failed(breaker, 0, START)
    assert (breaker.state, breaker.failures) == (B.CLOSED, THRESHOLD - 1)
    assert succeeded(breaker, START) == Breaker()
    assert failed(breaker, 0, START) == opened()
    assert (opened().state, opened().until) == (B.OPEN, START + FIRST_COOL_DOWN)


def test_nobody_goes_while_it_is_open() -> None:
    """Then one may, and everybody else hears when to ask again."""
    breaker = opened()
    at = START + FIRST_COOL_DOWN
    assert asked(breaker, at - timedelta(microseconds=1), LASTS) == (breaker, None)
    probing, ticket = asked(breaker, at, LASTS)
    assert (probing.state, ticket) == (B.HALF_OPEN, probing.ticket)
    assert asked(probing, at + SECOND, LASTS) == (probing, None)
    assert free_at(probing, at) == at + LASTS


def test_the_probe_decides() -> None:
    """Taken, all may go; failed, the next one waits twice as long."""
    probing, now = half_open(), START + FIRST_COOL_DOWN + SECOND
    closed = succeeded(probing, now)
    assert (closed.state, closed.recovered_at, closed.trips) == (B.CLOSED, now, 0)
    again = failed(probing, probing.ticket, now)
    assert (again.state, again.until, again.trips) == (B.OPEN, now + 2 * FIRST_COOL_DOWN, 2)


def test_a_probe_that_is_lost_makes_room_for_another() -> None:
    """Its process died; should it answer after all, its failure no longer counts."""
    lost = half_open()
    assert lost.until is not None
    other, ticket = asked(lost, lost.until, LASTS)
    assert (other.state, ticket) == (B.HALF_OPEN, lost.ticket + 1)
    assert failed(other, lost.ticket, lost.until) is other


def test_late_answers_are_told_apart() -> None:
    """What was on its way when it opened cannot fail the probe; but a success is one."""
    probing, now = half_open(), START + FIRST_COOL_DOWN
    assert failed(probing, 0, now) is probing
    assert failed(opened(), 0, now) == opened()
    assert succeeded(opened(), now).state is B.CLOSED
    closed = succeeded(probing, now)
    assert failed(closed, 0, now) is closed


def test_a_receiver_is_left_alone_for_as_long_as_it_asks() -> None:
    """Closed or not, for an hour at most; a shorter wish does not shorten an earlier one."""
    held = failed(Breaker(), 0, START, timedelta(seconds=60))
    assert (held.state, free_at(held, START)) == (B.CLOSED, START + 60 * SECOND)
    assert failed(held, 0, START, SECOND).until == held.until
    assert asked(held, START + 59 * SECOND, LASTS)[1] is None
    assert asked(held, START + 60 * SECOND, LASTS) == (replace(held, until=None), 0)
    probing, now = half_open(), START + FIRST_COOL_DOWN
    assert failed(probing, probing.ticket, now, timedelta(days=9)).until == now + LONGEST_HOLD


def test_a_cool_down_doubles_to_its_bound() -> None:
    """And never becomes shorter; a success begins anew."""
    waits = [cool_down(trips) for trips in range(1, 2_000)]
    assert waits[:4] == [5 * SECOND, 10 * SECOND, 20 * SECOND, 40 * SECOND]
    assert all(one <= other <= 2 * one for one, other in pairwise(waits))
    assert waits[-1] == LONGEST_COOL_DOWN
    assert succeeded(replace(opened(), trips=9), START).trips == 0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    """A time that nobody can have meant is none."""
    yesterday = START - timedelta(days=1)
    assert asked(opened(), yesterday, LASTS)[1] is not None


def test_resuming_closes_it() -> None:
    """All that waits is due, and what is still on its way does not count."""
    fresh = renewed(half_open(), START)
    assert (fresh.state, fresh.recovered_at, fresh.until) == (B.CLOSED, START, None)
    assert failed(fresh, half_open().ticket, START) is fresh


@pytest.mark.parametrize("breaker", [Breaker(), opened(), half_open()])
def test_a_row_can_hold_it(breaker: Breaker) -> None:
    """Its columns are a word, numbers and times."""
    row = {**asdict(breaker), "state": breaker.state.value}
    assert Breaker(**{**row, "state": BreakerState(row["state"])}) == breaker


@given(st.integers(0, 5), st.booleans(), st.sampled_from([Breaker(), opened(), half_open()]))
def test_a_success_always_closes(late: int, fails: bool, breaker: Breaker) -> None:  # noqa: FBT001
    """Whatever was told before it."""
    now = START + late * SECOND
    before = failed(breaker, breaker.ticket, now) if fails and breaker.until is None else breaker
    after = succeeded(before, now)
    assert (after.state, after.failures, after.trips) == (B.CLOSED, 0, 0)
    assert asked(after, now, LASTS)[1] == after.ticket


@pytest.mark.parametrize("breaker", [Breaker(), opened(), half_open()])
def test_the_table_and_the_functions_agree(breaker: Breaker) -> None:
    """Where asking and a success lead from each state is on the table, and how far it goes."""
    now = START + timedelta(hours=1)
    flips, there = FLIPS[breaker.state], breaker.state
    assert asked(breaker, now, LASTS)[0].state is flips.get(Flip.PROBE, there)
    assert succeeded(breaker, now).state is flips.get(Flip.RECOVER, there)


class Traffic(RuleBasedStateMachine):
    """Attempts that go out, and answer in any order, late, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = START
        self.out: list[tuple[int, datetime]] = []
        self.probe: tuple[int, datetime] | None = None

    @rule()
    def send(self) -> None:
        """Somebody asks; while it is not closed, one is let out, once the last is back or lost."""
        was = self.breaker
        self.breaker, ticket = asked(was, self.now, LASTS)
        if ticket is None:
            assert was.until is not None
            assert self.now < was.until
            return
        if was.state is not B.CLOSED:
            assert self.probe is None or self.now >= self.probe[1] + LASTS
            self.probe = (ticket, self.now)
        self.out.append((ticket, self.now))

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99), good=st.booleans(), hold=st.sampled_from([0, 0, 7]))
    def answer(self, which: int, good: bool, hold: int) -> None:  # noqa: FBT001  # drawn
        """One of those that are out comes back."""
        ticket, _ = self.out.pop(which % len(self.out))
        if good:
            self.breaker = succeeded(self.breaker, self.now)
        else:
            self.breaker = failed(self.breaker, ticket, self.now, timedelta(seconds=hold))
        if self.breaker.state is not B.HALF_OPEN:
            self.probe = None

    @rule(times=st.integers(1, THRESHOLD))
    def outage(self, times: int) -> None:
        """Several go out, and all fail."""
        for _ in range(times):
            self.send()
        while self.out:
            self.answer(0, False, 0)  # noqa: FBT003  # as it is drawn

    @rule(seconds=st.sampled_from([0.1, 1, 5, 11, 30, 700]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.out)
    @rule()
    def die(self) -> None:
        """A process is killed, and nothing is heard of its attempts any more."""
        self.out.clear()

    @invariant()
    def somebody_may_go_before_long(self) -> None:
        """Whatever was lost, an endpoint is never forgotten."""
        later = free_at(self.breaker, self.now)
        assert later - self.now <= LONGEST_COOL_DOWN
        assert asked(self.breaker, later, LASTS)[1] is not None

    @invariant()
    def the_row_is_sound(self) -> None:
        """A cool-down or a probe has its end; failures are below what opens it."""
        assert self.breaker.until is not None or self.breaker.state is B.CLOSED
        assert 0 <= self.breaker.failures < THRESHOLD
        assert (self.breaker.trips == 0) == (self.breaker.state is B.CLOSED)


TestTraffic = Traffic.TestCase
