"""Reports: what a device says becomes its state, events, and the end of what was asked of it."""

from dataclasses import replace

import pytest

from core.domain.commands import CommandStatus
from core.domain.devices import State
from core.domain.events import Event, EventType
from core.domain.ports import Report
from core.services.reports import Heard
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, gaps, settle

C = EventType.COMMAND_UPDATED
S = EventType.DEVICE_STATUS_CHANGED
A = EventType.DEVICE_AVAILABILITY_CHANGED


async def told(estate: Estate) -> list[Event]:
    """What was told of the lamp after it was added, but for commands that were accepted."""
    events = await estate.events(C, S, A)
    return [event for event in events if event.command is None or not event.command.open]


async def test_a_change_is_told_with_what_was_before(estate: Estate) -> None:
    """The event carries the device after it, its state before it, and what differs."""
    await estate.hear(1, on=True, brightness=50)
    (event,) = await told(estate)
    assert (event.type, event.changed) == (S, ("on",))
    assert event.previous == State(on=False, brightness=50)
    assert event.device is not None
    assert event.device.state == State(on=True, brightness=50)
    assert event.device.updated_at == event.occurred_at
    assert replace(await estate.now(), address="", order=0) == event.device


async def test_the_same_again_tells_nothing(estate: Estate) -> None:
    """A report without news is taken in, so that an older one comes too late after it."""
    await estate.hear(5, on=False)
    assert await told(estate) == []
    assert (await estate.now()).order == 5
    assert await estate.hear(4, on=True) == Heard(late=True)


async def test_a_repeated_report_is_nothing(estate: Estate) -> None:
    """The same report twice is one, even if a command was sent between them."""
    await estate.hear(1, on=True)
    command = await estate.sent(on=True)
    assert await estate.hear(1, command, on=True) == Heard()
    assert len(await told(estate)) == 1
    assert (await estate.command(command)).open


async def test_a_late_report_changes_nothing(estate: Estate) -> None:
    """What was said before the last word is not taken for newer."""
    await estate.hear(2, brightness=80)
    assert await estate.hear(1, brightness=20) == Heard(late=True)
    assert (await estate.now()).state.brightness == 80


async def test_what_the_device_cannot_have_is_ignored(estate: Estate) -> None:
    """A lamp's word on a lock is neither stored nor told."""
    await estate.hear(1, locked=True, on=True)
    (event,) = await told(estate)
    assert event.changed == ("on",)
    assert (await estate.now()).state.locked is None


async def test_a_device_that_is_not_there_says_nothing(estate: Estate) -> None:
    """A report of an unknown device is dropped."""
    assert await estate.take(Report("device_none", 1, State(on=True))) == Heard()


async def test_a_device_goes_and_comes_back(estate: Estate) -> None:
    """Both are told, the return before what the device says then."""
    await estate.take(Report(estate.lamp.id, 1, online=False))
    await estate.take(Report(estate.lamp.id, 2, online=False))
    await estate.take(Report(estate.lamp.id, 3, State(on=True), online=True))
    events = await told(estate)
    assert [event.type for event in events] == [A, A, S]
    assert [event.device and event.device.online for event in events] == [False, True, True]


async def test_a_report_confirms_and_says_so(estate: Estate) -> None:
    """The change names the command that it fulfils, and then the command has ended."""
    command = await estate.sent(on=True)
    heard = await estate.hear(1, command, on=True)
    change, end = await told(estate)
    assert end.command is not None
    assert end.command.status is CommandStatus.CONFIRMED
    assert heard.ended == (end.command,)
    assert (change.caused_by, change.pending) == ((end.command,), ())
    assert end.command.completed_at == change.occurred_at
    assert gaps(await estate.events()) == []


async def test_a_report_made_before_the_dispatch_confirms_nothing(estate: Estate) -> None:
    """A device that was already there has not yet said so after it was asked."""
    command = await estate.sent(on=True)
    await estate.hear(1, on=True)
    (change,) = await told(estate)
    assert (change.caused_by, change.pending) == ((), (command,))
    assert (await estate.command(command)).status is CommandStatus.DISPATCHED


async def test_a_command_that_was_not_sent_is_not_confirmed(estate: Estate) -> None:
    """Whatever a runner believes, an ACCEPTED command cannot have been fulfilled."""
    command = await estate.ask(on=True)
    await estate.hear(1, command, on=True)
    assert (await estate.command(command)).status is CommandStatus.ACCEPTED


async def test_a_way_point_confirms_nothing(estate: Estate) -> None:
    """A device that passes by what was asked is not there until it has settled."""
    command = await estate.sent(brightness=70)
    await estate.hear(1, command, settled=False, brightness=70)
    assert [event.caused_by for event in await told(estate)] == [()]
    await estate.hear(2, command, brightness=71)
    assert await estate.ends() == [(command.id, "CONFIRMED")]


@pytest.mark.parametrize(("reported", "there"), [(49, True), (51, True), (48, False), (52, False)])
async def test_close_is_there(estate: Estate, reported: int, *, there: bool) -> None:
    """Within the attribute's tolerance the device has done what was asked."""
    await estate.hear(1, brightness=0)
    command = await estate.sent(brightness=50)
    await estate.hear(2, command, brightness=reported)
    assert (not (await estate.command(command)).open) is there


async def test_no_change_confirms_without_a_change(estate: Estate) -> None:
    """A lamp that was already on confirms by saying so; only the command's end is told."""
    await estate.hear(1, on=True)
    command = await estate.sent(on=True)
    await estate.hear(2, command, on=True)
    assert [event.type for event in await told(estate)] == [S, C]
    assert await estate.ends() == [(command.id, "CONFIRMED")]


async def test_a_command_is_confirmed_once_all_of_it_is(estate: Estate) -> None:
    """Every change that brings it nearer names it; the last one ends it."""
    command = await estate.sent(on=True, brightness=80)
    await estate.hear(1, command, on=True)
    await estate.hear(2, command, brightness=80)
    first, second, end = await told(estate)
    assert [one.status.value for one in first.caused_by] == ["DISPATCHED"]
    assert [one.status.value for one in second.caused_by] == ["CONFIRMED"]
    assert end.type is C


async def test_what_left_again_is_awaited_again(estate: Estate) -> None:
    """A lamp that was switched off by hand has not done what was asked of it."""
    command = await estate.sent(on=True, brightness=80)
    await estate.hear(1, command, on=True)
    await estate.hear(2, command, on=False)
    await estate.hear(3, command, brightness=80)
    assert (await estate.command(command)).awaits == ("on",)
    await estate.hear(4, command, on=True)
    assert await estate.ends() == [(command.id, "CONFIRMED")]


async def test_one_step_forth_and_one_back_is_still_a_step(estate: Estate) -> None:
    """A change that fulfils a part names the command, though it undoes another part."""
    command = await estate.sent(on=True, brightness=80)
    await estate.hear(1, command, on=True)
    await estate.hear(2, command, on=False, brightness=80)
    change = (await told(estate))[-1]
    assert [one.id for one in change.caused_by] == [command.id]


async def test_what_was_taken_over_is_not_awaited(estate: Estate) -> None:
    """A command of which a newer one took a part ends with the part that it kept."""
    older = await estate.sent(on=True, brightness=80)
    newer = await estate.sent(brightness=20)
    await estate.hear(1, older, newer, on=True)
    await estate.hear(2, older, newer, brightness=20)
    assert await estate.ends() == [(older.id, "CONFIRMED"), (newer.id, "CONFIRMED")]


async def test_one_report_may_end_several(estate: Estate) -> None:
    """Commands for different attributes are confirmed together, oldest first."""
    first, second = await estate.sent(on=True), await estate.sent(brightness=80)
    heard = await estate.hear(1, first, second, on=True, brightness=80)
    change, *ends = await told(estate)
    assert [one.id for one in change.caused_by] == [first.id, second.id]
    assert [end.command for end in ends] == list(heard.ended) == list(change.caused_by)


async def test_too_late_is_timed_out_not_confirmed(database_url: str, run_house: Run) -> None:
    """A report after the deadline first ends the command, at its deadline."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        estate = await settle(house)
        command = await estate.sent(on=True)
        clock.leap(11)
        heard = await estate.hear(1, command, on=True)
        assert [one.status for one in heard.ended] in ([CommandStatus.TIMED_OUT], [])
        (end,) = [event for event in await told(estate) if event.command is not None]
        assert end.command is not None
        assert end.command.status is CommandStatus.TIMED_OUT
        assert end.command.completed_at == command.deadline
        assert (await estate.events(S))[0].caused_by == ()
