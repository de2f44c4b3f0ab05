"""Pending: the open commands of one home, as its events and its rows tell of them.

Events tell which commands are open and what they hold. How far an open command is, only its row
tells: at once of what this process moved, and of what another one did each time the rows are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from core.domain.commands import Command, CommandStatus
from core.domain.ports import Clock

KNOWN_SECONDS: Final = 0.5
"""How long what rows said of other processes' moves is good for."""

_PLACES: Final = {status: place for place, status in enumerate(CommandStatus)}


class Pending:
    """By device, oldest first."""

    def __init__(self, found: Mapping[str, Sequence[Command]], read_at: float) -> None:
        """What was found in the rows at this monotonic time."""
        self._open = {device_id: tuple(commands) for device_id, commands in found.items()}
        self._read_at = read_at

    @property
    def devices(self) -> frozenset[str]:
        """Those that have an open command."""
        return frozenset(self._open)

    def told(self, device_id: str, commands: Sequence[Command]) -> None:
        """Take in which commands an event left open; one that is known to be further stays so."""
        known = {command.id: command.status for command in self._open.get(device_id, ())}
        if commands:
            self._open[device_id] = tuple(_further(one, known) for one in commands)
        else:
            self._open.pop(device_id, None)

    def moved(self, command: Command) -> None:
        """Take in that this process moved a command along."""
        if command.device_id in self._open and command.open:
            self._take(command.device_id, {command.id: command.status})

    def learned(self, statuses: Mapping[str, CommandStatus], read_at: float) -> None:
        """Take in how far the rows say that open commands are."""
        self._read_at = read_at
        for device_id in self._open:
            self._take(device_id, statuses)

    def of(self, device_id: str, clock: Clock) -> Sequence[Command] | None:
        """The commands of a device that are open now: past its deadline one is over.

        None where it cannot be said how far they are.
        """
        commands = self._open.get(device_id)
        if commands is None:
            return ()
        if clock.monotonic() - self._read_at > KNOWN_SECONDS:
            return None
        now = clock.now()
        if commands[-1].deadline > now and len(commands) == 1:
            return commands
        return tuple([command for command in commands if command.deadline > now])

    def _take(self, device_id: str, statuses: Mapping[str, CommandStatus]) -> None:
        self._open[device_id] = tuple(_further(one, statuses) for one in self._open[device_id])


def _further(command: Command, statuses: Mapping[str, CommandStatus]) -> Command:
    status = statuses.get(command.id, command.status)
    return replace(command, status=status) if _PLACES[status] > _PLACES[command.status] else command
