"""Pending: what events, moves and rows tell of open commands, in whatever order it comes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as some

from core.domain.commands import OPEN, Command, CommandStatus
from core.domain.devices import State
from core.snapshots.pending import Pending

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = list(CommandStatus)
IDS = ("command_1", "command_2", "command_3")
STATUSES = some.sampled_from(sorted(OPEN, key=ORDER.index))
TELLINGS = some.lists(
    some.tuples(
        some.sampled_from(["event", "move", "rows"]),
        some.dictionaries(some.sampled_from(IDS), STATUSES),
    ),
    max_size=12,
)


def command(command_id: str, status: CommandStatus, seconds: int = 10) -> Command:
    """A command of the one device."""
    deadline = BEGUN + timedelta(seconds=seconds)
    one = ("on",)
    return Command(
        command_id,
        "home",
        "lamp",
        "grant",
        "client",
        State(on=True),
        one,
        one,
        status,
        BEGUN,
        deadline,
    )


def furthest(*statuses: CommandStatus) -> CommandStatus:
    """The one that comes last in a life."""
    return max(statuses, key=ORDER.index)


@given(TELLINGS)
def test_nothing_goes_back(
    tellings: Sequence[tuple[str, dict[str, CommandStatus]]],
) -> None:
    """Events alone say what is open; how far it is only ever grows, whoever tells it."""
    pending, model = Pending({}, 0.0), dict[str, CommandStatus]()
    for kind, said in tellings:
        known = {one: said[one] for one in said if one in model}
        if kind == "event":
            pending.told("lamp", [command(one, said[one]) for one in sorted(said)])
            model = {
                one: max(said[one], model.get(one, said[one]), key=ORDER.index) for one in said
            }
        else:
            if kind == "rows":
                pending.learned(said, 0.0)
            for one in said if kind == "move" else ():
                pending.moved(command(one, said[one]))
            model |= {one: furthest(known[one], model[one]) for one in known}
        found = {one.id: one.status for one in pending.of("lamp", BEGUN)}
        assert found == model
        assert pending.devices == ({"lamp"} if model else set())


def test_a_command_past_its_deadline_is_over() -> None:
    """Whether or not that is written yet; the others stay."""
    quick = command("command_1", CommandStatus.DISPATCHED, 1)
    slow = command("command_2", CommandStatus.ACCEPTED)
    pending = Pending({"lamp": [quick, slow]}, 0.0)
    assert pending.of("lamp", BEGUN) == (quick, slow)
    assert pending.of("lamp", BEGUN + timedelta(seconds=1)) == (slow,)


def test_a_move_that_ended_it_is_the_event_s_to_tell() -> None:
    """So that a command and what it led to are seen together."""
    one = command("command_1", CommandStatus.DISPATCHED)
    pending = Pending({"lamp": [one]}, 0.0)
    pending.moved(replace(one, status=CommandStatus.CONFIRMED))
    assert pending.of("lamp", BEGUN) == (one,)


def test_what_rows_said_is_good_for_a_while() -> None:
    """Where nothing is open, there is nothing that could have moved."""
    pending = Pending({"lamp": [command("command_1", CommandStatus.ACCEPTED)]}, 100.0)
    assert pending.known("lamp", 100.4)
    assert not pending.known("lamp", 100.6)
    assert pending.known("other", 100.6)
    pending.learned({}, 100.6)
    assert pending.known("lamp", 101.0)
