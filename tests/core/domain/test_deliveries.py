"""A delivery's life, attempt by attempt."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.domain.answers import Answer, Attempt, meaning
from core.domain.deliveries import (
    LASTING,
    MOVES,
    Delivery,
    DeliveryStatus,
    Move,
    moved,
    redelivered,
    settled,
)
from core.domain.endpoints import Ordering
from core.domain.errors import Conflict
from core.domain.schedule import DEFAULT, MOST_RETRY_AFTER, parsed
from tests.core.domain.webhooks import attempt, delivery
from tests.fakes import START

S = DeliveryStatus
USUAL = parsed(DEFAULT)
SOON = START + timedelta(seconds=1)
SECOND = timedelta(seconds=1)
ENDS = [status for status in S if status is not S.PENDING]
LONG = timedelta(seconds=USUAL.reach)


def after(one: Delivery, *statuses: int | None, asked: float | None = None) -> Delivery:
    """The delivery after these answers, each attempt made when it was due."""
    for status in statuses:
        one = settled(one, attempt(one, status, asked=asked), USUAL, START, 0)
    return one


def test_every_status_is_on_the_table() -> None:
    """One is open; out of the others there is one way, and it leads back."""
    assert set(MOVES) == set(S)
    assert set(MOVES[S.PENDING]) == set(Move)
    assert all(MOVES[status] == {Move.REDELIVER: S.PENDING} for status in ENDS)
    assert set(MOVES[S.PENDING].values()) == set(S)


@pytest.mark.parametrize(("status", "move"), list(product(S, Move)))
def test_a_move_is_the_table_s_or_none(status: DeliveryStatus, move: Move) -> None:
    """A move that the table does not have is a conflict that names delivery, move and status."""
    before = delivery(status=status)
    if move in MOVES[status]:
        there = moved(before, move, SOON, "Because.")
        assert (there.status, there.reason) == (MOVES[status][move], "Because.")
        assert there.ended_at == (None if there.open else SOON)
    else:
        sentence = f"Cannot {move.value} delivery delivery_1: it is {status.value}."
        with pytest.raises(Conflict, match=sentence):
            moved(before, move, SOON)


ONCE = {
    Answer.TAKEN: (204, S.DELIVERED, None),
    Answer.AGAIN: (503, S.PENDING, "After attempt 1: The receiver answered 503"),
    Answer.REFUSED: (422, S.PENDING, "After attempt 1: The receiver answered 422"),
    Answer.GONE: (410, S.FAILED, "After attempt 1: The receiver answered 410"),
}


@pytest.mark.parametrize(("status", "answer"), list(product(S, Answer)))
def test_an_answer_moves_what_is_open(status: DeliveryStatus, answer: Answer) -> None:
    """Every answer in every status: after an end, it is counted and changes nothing else."""
    before = delivery(status=status, reason="Before.")
    code, then, why = ONCE[answer]
    there = after(before, code)
    assert (there.made, there.tried_at) == (1, START)
    if status is S.PENDING:
        assert there.status is then
        assert (there.reason or "").startswith(why or "")
        assert (there.reason is None) == (why is None)
    else:
        refusals = int(answer is Answer.REFUSED)
        assert there == replace(before, made=1, tried_at=START, refusals=refusals)


@pytest.mark.parametrize("status", [None, 302, 408, 429, 500, 503])
def test_it_goes_by_the_schedule_until_it_is_dead(status: int | None) -> None:
    """Eight attempts at the promised ages; then it says why."""
    one, ages = delivery(), []
    while one.open:
        ages.append(round((one.next_at - START).total_seconds()))
        one = after(one, status)
    assert ages == [0, *USUAL.marks]
    assert (one.status, one.made) == (S.DEAD, 8)
    assert (one.reason or "").startswith("After attempt 8: ")


def test_a_lasting_refusal_parks_it_early() -> None:
    """The third in a row, five minutes after the event, and the lane goes on."""
    one = after(delivery(), 400, 422)
    assert (one.status, one.refusals) == (S.PENDING, LASTING - 1)
    one = after(one, 404)
    assert (one.status, one.made) == (S.FAILED, LASTING)
    assert one.reason == "After attempt 3: The receiver answered 404; 200 to 299 would be right."
    assert timedelta(minutes=5) < (one.ended_at or START) - START < timedelta(minutes=6)


def test_refusals_that_do_not_last_park_nothing() -> None:
    """A receiver that fails between them, or takes it in the end, did not mean it."""
    assert after(delivery(), 400, 400, 500, 400, 400).status is S.PENDING
    assert after(delivery(), 404, 404, 200).status is S.DELIVERED


def test_a_receiver_that_refuses_everything_loses_nothing_by_it() -> None:
    """Once the breaker is open, a refusal is not taken to be about the one that was let out."""
    one = after(delivery(), 404, 404)
    for _ in range(20):
        probe = replace(attempt(one, 404, START + timedelta(hours=1)), probe=True)
        one = settled(one, probe, USUAL, START, 0)
    assert (one.status, one.refusals) == (S.PENDING, 2)
    assert after(one, 404).status is S.FAILED


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_s_wish_is_honoured(status: int) -> None:
    """In place of the schedule's wait, be it longer or shorter, from the end of the attempt on."""
    for asked in (1.0, 77.0, MOST_RETRY_AFTER):
        one = after(delivery(), status, asked=asked)
        assert one.next_at == START + timedelta(seconds=0.1 + asked)
    assert after(delivery(), 500, asked=77.0).next_at == START + 5 * SECOND + timedelta(seconds=0.1)


def test_wishes_have_an_end() -> None:
    """A receiver that always wants to be asked again is asked until the schedule is over."""
    one = delivery()
    for _ in range(100):
        one = after(one, 429, asked=MOST_RETRY_AFTER)
    assert one.status is S.DEAD
    assert (one.ended_at or START) - START < LONG + timedelta(seconds=MOST_RETRY_AFTER + 60)


def test_time_in_which_its_endpoint_was_not_active_does_not_age_it() -> None:
    """What waited through a week of pause has its whole schedule once it goes on."""
    week = START + timedelta(days=7)
    one = delivery(next_at=week, made=6)
    first = settled(one, attempt(one, 500), USUAL, week, 0)
    assert (first.status, first.next_at) == (S.PENDING, week + 5.1 * SECOND)
    assert settled(one, attempt(one, 500), USUAL, START, 0).status is S.DEAD


@pytest.mark.parametrize("status", S)
def test_redelivery_begins_anew(status: DeliveryStatus) -> None:
    """At once, whatever became of it; as the same message, its attempts counted on."""
    later = START + timedelta(days=30)
    was = delivery(status=status, made=8, refusals=2, ended_at=SOON, reason="After attempt 8: …")
    again = redelivered(was, later)
    assert (again.status, again.next_at, again.ended_at, again.reason) == (
        S.PENDING,
        later,
        None,
        None,
    )
    assert (again.message_id, again.made) == (was.message_id, 8)
    failed = after(again, 422)
    assert (failed.status, failed.made, failed.next_at) == (S.PENDING, 9, later + 5.1 * SECOND)


def test_an_answer_from_before_a_redelivery_does_not_turn_the_count_back() -> None:
    """Two attempts never have the same number."""
    again = after(redelivered(delivery(made=1), SOON), 500)
    late = settled(again, attempt(delivery(), 500, SOON), USUAL, START, 0)
    assert (again.made, late.made) == (2, 2)


def test_its_lane_is_its_device_s() -> None:
    """A home's own events have one, a replay has its own, and who is in no order has their own."""
    ordered, unordered = Ordering.ORDERED, Ordering.UNORDERED
    assert delivery().lane(ordered) == "device_1"
    assert delivery(device_id=None).lane(ordered) == "home_1"
    assert delivery(replay_id="replay_1").lane(ordered) == "replay_1/device_1"
    assert delivery().lane(unordered) == "delivery_1"
    assert redelivered(delivery(), SOON).lane(ordered) == "delivery_1"


def test_a_message_is_known_by_its_id() -> None:
    """It is the delivery's own, so that no two deliveries share one."""
    digits = "0192f0a1b2c37d4e8f00112233445566"
    assert delivery(id=f"delivery_{digits}").message_id == f"msg_{digits}"


def test_what_failed_before_a_recovery_is_due_at_once() -> None:
    """When the breaker closes; what was not tried, or failed since, waits as planned."""
    failed = after(delivery(), 500, 500, 500)
    back = START + timedelta(minutes=20)
    assert failed.next_at > back
    assert failed.due(back) == back
    assert failed.due(None) == failed.due(START) == failed.next_at
    assert failed.due(failed.next_at + SECOND) == failed.next_at
    assert delivery().due(back) == START


@given(
    st.lists(st.none() | st.integers(100, 599), max_size=20),
    st.none() | st.floats(1, MOST_RETRY_AFTER),
    st.floats(0, 60),
    st.floats(0, 1, exclude_max=True),
)
@settings(deadline=None)
def test_whatever_is_answered_it_goes_forward(
    statuses: list[int | None], asked: float | None, seconds: float, chance: float
) -> None:
    """The next attempt is never before the end of the last one; and each end has its reason."""
    one = delivery()
    for status in statuses:
        tried = Attempt(one.made + 1, one.next_at, seconds, status, asked=asked)
        then = settled(one, tried, USUAL, START, chance)
        assert then.made == one.made + 1
        if not one.open:
            assert (then.status, then.ended_at) == (one.status, one.ended_at)
        elif then.open:
            assert then.next_at >= one.next_at + timedelta(seconds=seconds) + SECOND
        assert (then.reason is None) == (then.status is S.DELIVERED)
        one = then
    taken = [meaning(status) is Answer.TAKEN for status in statuses]
    assert (one.status is S.DELIVERED) <= any(taken)


class Life(RuleBasedStateMachine):
    """One delivery, its receiver, its partner, and an endpoint that comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.active_since = START
        self.one = delivery()
        self.asked_for = 0
        self.flying: list[Attempt] = []
        self.taken = False
        self.last_refused = 0

    @precondition(lambda self: self.one.open and not self.flying)
    @rule(status=st.sampled_from([None, 200, 204, 301, 400, 404, 410, 429, 500, 503]))
    def send(self, status: int | None) -> None:
        """It is due, and is tried; what comes back is not known yet."""
        self.now = max(self.now, self.one.next_at)
        self.flying.append(Attempt(self.one.made + 1, self.now, 0.5, status, asked=30.0))

    @precondition(lambda self: self.flying)
    @rule(chance=st.floats(0, 1, exclude_max=True))
    def land(self, chance: float) -> None:
        """The answer is there, whatever has happened meanwhile."""
        attempt, before = self.flying.pop(), self.one
        self.now = max(self.now, attempt.started_at + timedelta(seconds=0.5))
        self.one = settled(before, attempt, USUAL, self.active_since, chance)
        self.last_refused = self.last_refused + 1 if attempt.answer is Answer.REFUSED else 0
        self.taken |= before.open and attempt.answer is Answer.TAKEN
        if not before.open:
            assert self.one.status is before.status

    @precondition(lambda self: self.one.open)
    @rule()
    def revoke(self) -> None:
        """The grant is taken back, perhaps while an attempt is on its way."""
        self.one = moved(self.one, Move.CANCEL, self.now, "The grant was taken back.")

    @precondition(lambda self: not self.one.open)
    @rule(move=st.sampled_from([move for move in Move if move is not Move.REDELIVER]))
    def nothing_else_revives_it(self, move: Move) -> None:
        """An end is one."""
        with pytest.raises(Conflict):
            moved(self.one, move, self.now)

    @rule()
    def redeliver(self) -> None:
        """The partner wants it again."""
        self.one = redelivered(self.one, self.now)
        self.asked_for += 1
        self.taken, self.last_refused = False, 0

    @rule(hours=st.integers(1, 100))
    def pause(self, hours: int) -> None:
        """The endpoint is away for a while; nothing ages meanwhile."""
        self.now += timedelta(hours=hours)
        self.active_since = self.now

    @rule(hours=st.sampled_from([0.01, 1, 30]))
    def wait(self, hours: float) -> None:
        """Workers are down, and nobody sends; or the breaker is open for longer than it may be."""
        self.now += timedelta(hours=hours)
        age = self.now - max(self.one.since, self.active_since)
        overdue = age.total_seconds() > USUAL.reach  # which the store finds by the same rule
        if self.one.open and overdue and not self.flying:
            self.one = moved(self.one, Move.GIVE_UP, self.now, "Its endpoint was down.")

    @invariant()
    def it_is_what_happened(self) -> None:
        """Delivered where it was taken; ended with a time and a reason; the same message always."""
        assert (self.one.status is S.DELIVERED) == self.taken
        assert (self.one.ended_at is None) == self.one.open
        assert self.one.open or self.taken or self.one.reason
        assert self.one.message_id == "msg_1"
        assert self.one.by_hand == bool(self.asked_for)

    @invariant()
    def refusals_are_those_in_a_row(self) -> None:
        """And never as many as last, while it is open."""
        assert self.one.refusals == self.last_refused
        assert not self.one.open or self.one.refusals < LASTING

    @invariant()
    def it_ends_in_time(self) -> None:
        """Nothing that is open is planned beyond the schedule, but for a receiver's wish."""
        begun = max(self.one.since, self.active_since, self.one.tried_at or START)
        assert not self.one.open or self.one.next_at <= begun + timedelta(hours=12)


TestLife = Life.TestCase
