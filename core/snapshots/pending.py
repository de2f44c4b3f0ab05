"""Pending: the open commands of one home, as its events and its rows tell of them.

Events tell which commands are open and what they hold. How far an open command is, only its row
tells: at once of what this process moved, and of what another one did each time the rows are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from core.domain.commands import Command, CommandStatus

KNOWN_SECONDS: Final = 0.5
"""How long what rows said of other processes' moves is good for."""

_PLACES: Final = {status: place for place, status in enumerate(CommandStatus)}


class Pending:
    """By device, oldest first. It owns no clock: times come in as they are read."""

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

    def known(self, device_id: str, moment: float) -> bool:
        """Whether it can be said now how far the commands of a device are."""
        return device_id not in self._open or moment - self._read_at <= KNOWN_SECONDS

    def of(self, device_id: str, now: datetime) -> Sequence[Command]:
        """The commands of a device that are open now: past its deadline one is over."""
        commands = self._open.get(device_id, ())
        if any(command.deadline <= now for command in commands):
            return tuple(command for command in commands if command.deadline > now)
        return commands

    def _take(self, device_id: str, statuses: Mapping[str, CommandStatus]) -> None:
        self._open[device_id] = tuple(_further(one, statuses) for one in self._open[device_id])


def _further(command: Command, statuses: Mapping[str, CommandStatus]) -> Command:
    status = statuses.get(command.id, command.status)
    return replace(command, status=status) if _PLACES[status] > _PLACES[command.status] else command
