"""A command's whole life, against the table and a model of what the device has said."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.domain.commands import (
    MOVES,
    OPEN,
    SENT,
    Command,
    CommandStatus,
    Move,
    as_of,
    heard,
    moved,
    overtaken,
)
from core.domain.devices import ATTRIBUTES, State, reached
from core.domain.errors import Conflict
from tests.core.domain.records import VALUES, WRITABLE, command, states
from tests.fakes import START

OURS = [Move.DISPATCH, Move.ACKNOWLEDGE, Move.REJECT, Move.CANCEL]
"""The moves that services make themselves; the others follow from reports, orders and time."""


class Lifecycle(RuleBasedStateMachine):
    """One command, what happens to it, and which attributes are there, as the device said last."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = START
        self.there: set[str] = set()
        self.path: list[Command] = []
        self.taken: set[str] = set()

    @property
    def command(self) -> Command:
        """The command as it was written last."""
        return self.path[-1]

    def write(self, after: Command) -> None:
        """Write it down."""
        self.path.append(after)

    @initialize(asked=states(WRITABLE, least=1), seconds=st.integers(1, 60))
    def accepted(self, asked: State, seconds: int) -> None:
        """A new command."""
        self.write(command(asked, deadline=START + timedelta(seconds=seconds)))

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.5, 5.0]))
    def time_passes(self, seconds: float) -> None:
        """The clock goes on; whoever writes next first ends what is due, as services do."""
        self.now += timedelta(seconds=seconds)
        self.write(as_of(self.command, self.now))

    @rule(move=st.sampled_from(OURS))
    def move(self, move: Move) -> None:
        """One of the services' own moves, where the table has it."""
        if move in MOVES[self.command.status]:
            self.write(moved(self.command, move, self.now))

    @rule(data=st.data(), names=st.sets(st.sampled_from(ATTRIBUTES)))
    def report(self, data: st.DataObject, names: set[str]) -> None:
        """A settled report of some attributes, of which those that were asked are often there."""
        values: dict[str, Any] = {}
        for name in sorted(names):
            asked = getattr(self.command.desired, name)
            values[name] = data.draw(
                VALUES[name] if asked is None else VALUES[name] | st.just(asked)
            )
        if self.command.status in SENT:
            self.there -= names
            self.there |= {n for n in names if self.is_there(n, values[n])}
        self.write(heard(self.command, State(**values), self.now))

    @rule(names=st.sets(st.sampled_from(WRITABLE)))
    def newer_command(self, names: set[str]) -> None:
        """A newer command names some attributes."""
        if self.command.open:
            self.taken |= names
        self.write(overtaken(self.command, names, self.now))

    @rule(move=st.sampled_from(Move))
    def wrong_move(self, move: Move) -> None:
        """A move that the table does not have is refused, wherever the command is."""
        if move not in MOVES[self.command.status]:
            with pytest.raises(Conflict):
                moved(self.command, move, self.now)

    def is_there(self, name: str, value: object) -> bool:
        """Whether the value is the one that was asked for."""
        asked = getattr(self.command.desired, name)
        return asked is not None and reached(name, asked, value)

    @invariant()
    @precondition(lambda self: self.path)
    def awaited_is_held_is_desired(self) -> None:
        """In the order of the order, and nothing is lost but what a newer command took."""
        now = self.command
        desired = tuple(now.desired.values())
        assert now.holds == tuple(name for name in desired if name not in self.taken)
        assert now.awaits == tuple(name for name in now.holds if name in now.awaits)
        assert now.asks.values() == {
            n: v for n, v in now.desired.values().items() if n in now.holds
        }

    @invariant()
    @precondition(lambda self: self.path)
    def awaited_is_what_is_not_there(self) -> None:
        """While it is sent, exactly what the device has not confirmed, or has left again."""
        now = self.command
        if now.open:
            assert now.awaits == tuple(name for name in now.holds if name not in self.there)
            assert now.awaits

    @invariant()
    @precondition(lambda self: self.path)
    def superseded_holds_nothing(self) -> None:
        """And nothing else does."""
        assert (self.command.status is CommandStatus.SUPERSEDED) == (not self.command.holds)

    @invariant()
    @precondition(lambda self: self.path)
    def confirmed_was_sent_and_is_there(self) -> None:
        """Never before the dispatch, and never without the device's own word for all of it."""
        if self.command.status is CommandStatus.CONFIRMED:
            assert any(past.status in SENT for past in self.path)
            assert set(self.command.holds) <= self.there

    @invariant()
    @precondition(lambda self: self.path)
    def it_ends_by_its_deadline(self) -> None:
        """A reader sees an end from the deadline on; the time of an end is never later."""
        seen = as_of(self.command, self.now)
        assert (seen.completed_at is None) == seen.open == (seen.status in OPEN)
        assert not (seen.open and self.now >= seen.deadline)
        assert seen.completed_at is None or START <= seen.completed_at <= seen.deadline

    @invariant()
    @precondition(lambda self: len(self.path) > 1)
    def steps_are_the_table_s(self) -> None:
        """Every change of status is one of the table's, and an end never changes at all."""
        before, after = self.path[-2:]
        if before.status is not after.status:
            assert after.status in MOVES[before.status].values()
        if not before.open:
            assert after == before


TestLifecycle = Lifecycle.TestCase
