"""A command's life, move by move."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, strategies as st

from core.domain.commands import (
    MOVES,
    OPEN,
    SENT,
    Command,
    CommandError,
    CommandErrorCode,
    CommandStatus,
    Move,
    as_of,
    expired,
    heard,
    moved,
    overtaken,
)
from core.domain.devices import State
from core.domain.errors import Conflict
from tests.core.domain.records import WRITABLE, command, states
from tests.fakes import START

S = CommandStatus
SOON = START + timedelta(seconds=1)
BOTH = State(on=True, brightness=40)
OFFLINE = CommandError(CommandErrorCode.DEVICE_OFFLINE, "The device is offline.")
WAITING = [S.DISPATCHED, S.ACKNOWLEDGED]
UNDER_WAY = [S.ACCEPTED, *WAITING]
ENDS = [status for status in S if status not in OPEN]


def test_every_status_is_on_the_table() -> None:
    """Three statuses are open, five are ends, and two mean that the device was asked."""
    assert set(MOVES) == set(S)
    assert [status for status in S if status in OPEN] == UNDER_WAY
    assert frozenset(WAITING) == SENT


def test_a_command_can_always_end() -> None:
    """Whoever may reject, time out, supersede or cancel can do so at any open status."""
    for status in OPEN:
        assert {Move.REJECT, Move.TIME_OUT, Move.SUPERSEDE, Move.CANCEL} <= set(MOVES[status])


def test_only_what_was_sent_is_confirmed() -> None:
    """The one way to CONFIRMED leads over DISPATCHED."""
    assert {status for status, moves in MOVES.items() if Move.CONFIRM in moves} == SENT
    assert {s for s, moves in MOVES.items() if S.DISPATCHED in moves.values()} == {S.ACCEPTED}


@pytest.mark.parametrize(("status", "move"), list(product(S, Move)))
def test_a_move_is_the_table_s_or_none(status: CommandStatus, move: Move) -> None:
    """A move that the table does not have is a conflict that names command, move and status."""
    before = command(BOTH, status)
    if move in MOVES[status]:
        after = moved(before, move, SOON)
        assert after.status is MOVES[status][move]
        assert after.completed_at == (None if after.open else SOON)
    else:
        with pytest.raises(Conflict) as refused:
            moved(before, move, SOON)
        sentence = f"Cannot {move.value} command command_1: it is {status.value}."
        assert str(refused.value) == sentence


def test_a_move_carries_its_reason() -> None:
    """A rejected command says why; nothing else of it changes."""
    before = command(BOTH, S.DISPATCHED)
    after = moved(before, Move.REJECT, SOON, OFFLINE)
    assert (after.status, after.completed_at, after.error) == (S.REJECTED, SOON, OFFLINE)
    assert (after.desired, after.holds, after.awaits) == (BOTH, before.holds, before.awaits)


@pytest.mark.parametrize("status", UNDER_WAY)
def test_past_its_deadline_it_is_over(status: CommandStatus) -> None:
    """A reader sees TIMED_OUT from the deadline on, whoever has written it or not."""
    waiting = command(BOTH, status)
    assert as_of(waiting, waiting.deadline - timedelta(microseconds=1)) is waiting
    late = as_of(waiting, waiting.deadline + timedelta(hours=1))
    assert late == as_of(waiting, waiting.deadline) == expired(waiting)
    assert (late.status, late.completed_at) == (S.TIMED_OUT, waiting.deadline)


@pytest.mark.parametrize("status", ENDS)
def test_an_end_stays(status: CommandStatus) -> None:
    """Time, reports and newer commands change nothing once it is over."""
    over = command(BOTH, status)
    assert as_of(over, over.deadline + timedelta(days=1)) is over
    assert heard(over, BOTH, SOON) is over
    assert overtaken(over, ["on"], SOON) is over
    assert overtaken(over, ["on", "brightness"], SOON) is over


@pytest.mark.parametrize(("seconds", "told"), [(10, "10"), (2.5, "2.5"), (60, "60")])
def test_a_timeout_says_how_long_it_was(seconds: float, told: str) -> None:
    """The sentence has the partner's own timeout in seconds."""
    over = expired(command(BOTH, deadline=START + timedelta(seconds=seconds)))
    sentence = f"The device did not confirm this within {told} s."
    assert over.error == CommandError(CommandErrorCode.DEVICE_TIMEOUT, sentence)


def test_a_newer_command_takes_its_part() -> None:
    """What it names is neither held nor awaited any more; the desired state stays on record."""
    left = overtaken(command(BOTH, S.DISPATCHED), ["on", "locked"], SOON)
    assert (left.holds, left.awaits) == (("brightness",), ("brightness",))
    assert (left.status, left.desired) == (S.DISPATCHED, BOTH)
    assert left.asks == State(brightness=40)


@pytest.mark.parametrize("status", UNDER_WAY)
def test_with_nothing_left_it_is_superseded(status: CommandStatus) -> None:
    """A command whose every attribute was taken over asks for nothing any more."""
    left = overtaken(command(BOTH, status), ["brightness", "on"], SOON)
    assert (left.status, left.completed_at, left.asks) == (S.SUPERSEDED, SOON, State())


def test_a_newer_command_about_something_else_changes_nothing() -> None:
    """Two commands may run side by side."""
    waiting = command(BOTH, S.DISPATCHED)
    assert overtaken(waiting, ["locked"], SOON) is waiting


def test_what_is_left_may_be_there_already() -> None:
    """Where the device had confirmed all but what was taken over, the command is confirmed."""
    left = overtaken(command(BOTH, S.ACKNOWLEDGED, awaits=("on",)), ["on"], SOON)
    assert (left.status, left.completed_at) == (S.CONFIRMED, SOON)
    assert left.holds == ("brightness",)


def test_a_report_before_the_dispatch_confirms_nothing() -> None:
    """A lamp that was at the asked level before it was asked has confirmed nothing."""
    waiting = command(BOTH, S.ACCEPTED)
    assert heard(waiting, BOTH, SOON) is waiting


@pytest.mark.parametrize("status", WAITING)
def test_a_report_of_everything_confirms(status: CommandStatus) -> None:
    """An acknowledgement that got lost or is late stands in nobody's way."""
    done = heard(command(BOTH, status), State(on=True, brightness=41), SOON)
    assert (done.status, done.completed_at, done.awaits) == (S.CONFIRMED, SOON, ())
    assert done.holds == ("on", "brightness")


def test_reports_add_up() -> None:
    """Attributes may be confirmed one after the other, and left again in between."""
    waiting = command(BOTH, S.DISPATCHED)
    half = heard(waiting, State(on=True), SOON)
    assert (half.status, half.awaits) == (S.DISPATCHED, ("brightness",))
    lost = heard(half, State(on=False), SOON)
    assert lost.awaits == ("on", "brightness")
    assert heard(half, State(brightness=40), SOON).status is S.CONFIRMED
    assert heard(lost, State(brightness=40), SOON).awaits == ("on",)


def test_a_report_of_something_else_is_no_news() -> None:
    """A temperature says nothing of a switch."""
    waiting = command(BOTH, S.DISPATCHED, awaits=("on",))
    assert heard(waiting, State(temperature=20.0), SOON) == waiting


@given(states(WRITABLE, least=1), states(), st.sampled_from(WAITING))
def test_one_report_confirms_what_it_reaches(
    asked: State, said: State, status: CommandStatus
) -> None:
    """With the asked values laid over it any report confirms; hearing it twice is once."""
    waiting: Command = command(asked, status)
    assert heard(waiting, said.merged(asked), SOON).status is S.CONFIRMED
    once = heard(waiting, said, SOON)
    assert heard(once, said, SOON) == once
