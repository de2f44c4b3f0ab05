"""The ledger: work that raises is undone to the last row, whatever it did."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.commands import Command, CommandStatus
from core.domain.devices import State
from core.domain.events import EventType
from core.domain.homes import Role, Room
from core.domain.time import Uuid7
from core.store.ledger import HomeEntry, Ledger, Needs
from tests.core.services.estate import lamp
from tests.fakes import HOME, START, stored

Step = Callable[[Ledger], object]
LAMP = stored(lamp("lamp"))
COMMAND = Command(
    id="command_1",
    home_id=HOME.id,
    device_id=LAMP.id,
    grant_id="grant_1",
    client_id="client_1",
    desired=State(on=True),
    holds=("on",),
    awaits=("on",),
    status=CommandStatus.ACCEPTED,
    issued_at=START,
    deadline=START,
)


def loaded() -> Ledger:
    """A ledger with a home, its lamp and an open command."""
    ledger = Ledger(START, Uuid7())
    ledger.homes.load(HOME.id, HomeEntry(HOME, "", 7, 2))
    ledger.devices.load(LAMP.id, LAMP)
    ledger.load_command(COMMAND)
    ledger.access_place = 3
    return ledger


def tell(ledger: Ledger) -> object:
    """The lamp changes."""
    return ledger.tell(EventType.DEVICE_UPDATED, ledger.devices.get(LAMP.id) or LAMP)


STEPS: Sequence[Step] = (
    tell,
    lambda ledger: ledger.tell(EventType.DEVICE_REMOVED, LAMP),
    lambda ledger: ledger.tell_home(HOME.id),
    lambda ledger: ledger.tell_access("user", {}),
    lambda ledger: ledger.rooms.put("room_1", Room("room_1", "Hall", HOME)),
    lambda ledger: ledger.rooms.put("room_1", None),
    lambda ledger: ledger.members.put((HOME.id, "user_1"), Role.OWNER),
    lambda ledger: ledger.put_command(replace(COMMAND, status=CommandStatus.CANCELLED)),
    lambda ledger: ledger.put_command(replace(COMMAND, id="command_2")),
)
steps = st.lists(st.sampled_from(STEPS), max_size=12)


def seen(ledger: Ledger) -> dict[str, Any]:
    """All that the ledger would write or tell, and what it answers."""
    shelves = ("homes", "rooms", "members", "devices", "commands")
    return {
        **{name: list(getattr(ledger, name).written()) for name in shelves},
        "rows": [list(getattr(ledger, name).items()) for name in shelves],
        "log": list(ledger.events),
        "access": (ledger.access_place, list(ledger.accesses)),
        "pending": ledger.pending(LAMP.id),
    }


@given(steps, steps)
def test_work_that_raises_is_undone(kept: list[Step], undone: list[Step]) -> None:
    """After `back_to` the ledger is as it was at the mark, whatever was kept before."""
    ledger = loaded()
    for step in kept:
        step(ledger)
    before, mark = seen(ledger), ledger.mark()
    for step in undone:
        step(ledger)
    ledger.back_to(mark)
    assert seen(ledger) == before


@given(steps)
def test_places_and_sequences_go_on_from_what_is_stored(taken: list[Step]) -> None:
    """Each event takes the next place, and the next number of its device or home."""
    ledger = loaded()
    for step in taken:
        step(ledger)
    assert [event.place for event in ledger.events] == list(range(8, 8 + len(ledger.events)))
    of_home = [event.sequence for event in ledger.events if event.device is None]
    assert of_home == list(range(3, 3 + len(of_home)))
    places = [entry.place for entry in ledger.accesses]
    assert places == list(range(4, 4 + len(places)))


def test_pending_are_the_open_commands_oldest_first() -> None:
    """Commands that ended are not pending, whenever they came into the ledger."""
    ledger = loaded()
    ledger.put_command(replace(COMMAND, id="command_0"))
    ledger.put_command(replace(COMMAND, id="command_2", status=CommandStatus.REJECTED))
    assert [command.id for command in ledger.pending(LAMP.id)] == ["command_0", "command_1"]


def test_a_row_that_came_and_went_is_not_written() -> None:
    """What was never stored need not be removed."""
    ledger = loaded()
    ledger.rooms.put("room_1", Room("room_1", "Hall", HOME))
    ledger.rooms.put("room_1", None)
    assert list(ledger.rooms.written()) == []
    assert ledger.rooms.get("room_1") is None


def test_a_home_that_was_not_named_cannot_be_told() -> None:
    """Work that touches a home outside its needs is a bug, found at once."""
    ledger = Ledger(START, Uuid7())
    with pytest.raises(LookupError, match="without naming it"):
        ledger.tell_home(HOME.id)


def test_needs_of_many_are_all_their_needs() -> None:
    """A batch loads what any of its work wants."""
    union = Needs.union(
        [Needs(homes=frozenset("a")), Needs(homes=frozenset("b"), access=True), Needs()]
    )
    assert union == Needs(homes=frozenset("ab"), access=True)
