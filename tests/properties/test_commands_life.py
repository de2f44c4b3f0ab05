"""A device's commands against their table: whatever happens, in whatever order, each lives once."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.compose import build, running
from core.domain.commands import MOVES, Command, CommandErrorCode, CommandStatus as Status
from core.domain.devices import State, reached
from core.domain.errors import Conflict
from core.domain.ports import Report
from core.services import Commands, commands as room
from tests.conftest import settings_for
from tests.core.services.estate import Estate, LeapClock, gaps, settle

T = TypeVar("T")
asked = st.builds(State, on=st.none() | st.booleans(), brightness=st.none() | st.integers(0, 5))
said = st.builds(State, on=st.none() | st.booleans(), brightness=st.none() | st.integers(0, 5))


def after(status: Status) -> set[Status]:
    """Everywhere that a command may come to from a status."""
    found = {status}
    for following in MOVES[status].values():
        found |= after(following)
    return found


class Lives(RuleBasedStateMachine):
    """One lamp, and everything that can happen to what is asked of it."""

    commands = Bundle[Command]("commands")

    template: ClassVar[Path]
    """A migrated database to copy."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = self.stack.enter_context(TemporaryDirectory())
        shutil.copy(self.template, f"{self.folder}/lives.db")
        self.clock = LeapClock()
        self.order = 0
        self.known: dict[str, Command] = {}
        self.told: dict[str, State] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the machine's own loop."""
        return self.loop.run(work)

    @property
    def service(self) -> Commands:
        """The service that is tried."""
        return self.estate.house.services.commands

    @initialize()
    def settle(self) -> None:
        """Run a house in which nobody keeps time unless told."""

        async def begin() -> Estate:
            house = build(settings_for(f"sqlite+aiosqlite:///{self.folder}/lives.db"), self.clock)
            return await settle(await self.stack.enter_async_context(running(house)))

        self.estate = self.run(begin())

    @rule(target=commands, state=asked.filter(lambda state: bool(state.values())))
    def ask(self, state: State) -> Command:
        """Take an order."""
        command = self.run(self.estate.ask(**state.values()))
        self.known[command.id] = command
        return command

    @rule(command=commands)
    def dispatch(self, command: Command) -> None:
        """Send a command; what is said from now on may confirm it."""
        if self.run(self.service.dispatch(command)).status is Status.DISPATCHED:
            self.told.setdefault(command.id, State())

    @rule(command=commands)
    def acknowledge(self, command: Command) -> None:
        """Let the device take it."""
        self.run(self.service.acknowledge(command))

    @rule(command=commands)
    def reject(self, command: Command) -> None:
        """Let the device refuse it."""
        self.run(self.service.reject(command, CommandErrorCode.DEVICE_REJECTED, "No."))

    @rule(command=commands)
    def cancel(self, command: Command) -> None:
        """Give it up, if it has not ended."""
        with suppress(Conflict):
            self.run(self.service.cancel(self.estate.viewer, command))

    @rule(state=said, settled=st.booleans())
    def report(self, state: State, *, settled: bool) -> None:
        """Let the lamp say something."""
        self.order += 1
        report = Report(self.estate.lamp.id, self.order, state, settled)
        if settled:
            self.told = {key: heard.merged(state) for key, heard in self.told.items()}
        sent = [self.known[key] for key in self.told]
        self.run(self.estate.take(report, *sent))

    @rule(seconds=st.sampled_from([1, 4, 11]))
    def wait(self, seconds: int) -> None:
        """Let time pass, with nobody there to keep it."""
        self.clock.leap(seconds)

    @rule()
    def keep_time(self) -> None:
        """Let somebody look once; then nothing that is over is still open."""

        async def look() -> list[Command]:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.service.keep_time(), 0.03)
            found = await self.estate.house.reads.pending([self.estate.lamp.id])
            return found[self.estate.lamp.id]

        now = self.clock.now()
        assert [one.id for one in self.run(look()) if one.deadline <= now] == []

    @invariant()
    def all_is_well(self) -> None:
        """Whatever has been done, this holds after it."""
        if hasattr(self, "estate"):
            self.lives_follow_the_table()
            self.an_attribute_is_held_once()
            self.each_end_is_told_once()

    def lives_follow_the_table(self) -> None:
        """No command ever comes to where the table does not let it."""
        stored = self.run(self.stored())
        for key, command in stored.items():
            assert command.status in after(self.known[key].status)
            assert (command.completed_at is None) is command.open
            assert set(command.awaits) <= set(command.holds) <= set(command.desired.values())
            assert command.completed_at is None or command.completed_at <= command.deadline
            if command.status is Status.CONFIRMED and self.known[key].open:
                self.was_said(command)
        self.known |= stored

    def was_said(self, command: Command) -> None:
        """What has just been confirmed was said, settled and after the dispatch, as asked."""
        for name in command.holds:
            heard = getattr(self.told[command.id], name)
            assert reached(name, getattr(command.desired, name), heard)

    def an_attribute_is_held_once(self) -> None:
        """Open commands of one device never ask for the same attribute."""
        held = Counter(name for one in self.known.values() if one.open for name in one.holds)
        assert all(count == 1 for count in held.values())

    def each_end_is_told_once(self) -> None:
        """The log tells of each command that it was accepted, and once how it ended."""
        events = self.run(self.estate.events())
        told = [event.command for event in events if event.command is not None]
        ended = {key: one.status for key, one in self.known.items() if not one.open}
        assert Counter(one.id for one in told if one.open) == Counter(self.known.keys())
        assert {one.id: one.status for one in told if not one.open} == ended
        assert sum(not one.open for one in told) == len(ended)
        assert gaps(events) == []

    async def stored(self) -> dict[str, Command]:
        """Every command as it is stored."""
        if not self.known:
            return {}
        return await self.estate.house.reads.commands_by_id(self.estate.grant.view, self.known)

    def teardown(self) -> None:
        """End the house."""
        self.run(self.stack.aclose())
        self.loop.close()


def test_every_command_lives_by_its_table(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any sequence of orders, steps, reports and waiting keeps what partners are promised."""
    monkeypatch.setattr(room, "SWEEP_SECONDS", 999)
    monkeypatch.setattr(Lives, "template", sqlite_template, raising=False)
    run_state_machine_as_test(
        Lives, settings=settings(max_examples=settings().max_examples // 4, stateful_step_count=25)
    )
