"""Commands: a request to a device, and its life from ACCEPTED to an end that is always reached.

The lifecycle is the table `MOVES`; `moved` interprets it. A command names attributes. It *holds*
those that no newer command has taken over, and *awaits* those of them that the device has not yet
confirmed by a settled report later than the dispatch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from core.domain.devices import State, reached
from core.domain.errors import Conflict


class CommandStatus(Enum):
    """Where a command is; the last five never change again."""

    ACCEPTED = "ACCEPTED"
    DISPATCHED = "DISPATCHED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"
    SUPERSEDED = "SUPERSEDED"
    CANCELLED = "CANCELLED"


class Move(Enum):
    """What can happen to a command."""

    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    CONFIRM = "confirm"
    REJECT = "reject"
    TIME_OUT = "time out"
    SUPERSEDE = "supersede"
    CANCEL = "cancel"


class CommandErrorCode(Enum):
    """Why a command did not reach what was asked."""

    DEVICE_OFFLINE = "DEVICE_OFFLINE"
    DEVICE_REJECTED = "DEVICE_REJECTED"
    DEVICE_TIMEOUT = "DEVICE_TIMEOUT"


@dataclass(frozen=True, slots=True)
class CommandError:
    """The reason in a code and a sentence."""

    code: CommandErrorCode
    message: str


_S = CommandStatus
_ENDS: Final = {
    Move.REJECT: _S.REJECTED,
    Move.TIME_OUT: _S.TIMED_OUT,
    Move.SUPERSEDE: _S.SUPERSEDED,
    Move.CANCEL: _S.CANCELLED,
}
MOVES: Final[Mapping[CommandStatus, Mapping[Move, CommandStatus]]] = {
    _S.ACCEPTED: {Move.DISPATCH: _S.DISPATCHED, **_ENDS},
    _S.DISPATCHED: {Move.ACKNOWLEDGE: _S.ACKNOWLEDGED, Move.CONFIRM: _S.CONFIRMED, **_ENDS},
    _S.ACKNOWLEDGED: {Move.CONFIRM: _S.CONFIRMED, **_ENDS},
    _S.CONFIRMED: {},
    _S.REJECTED: {},
    _S.TIMED_OUT: {},
    _S.SUPERSEDED: {},
    _S.CANCELLED: {},
}
OPEN: Final = frozenset(status for status, moves in MOVES.items() if moves)
SENT: Final = frozenset({_S.DISPATCHED, _S.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was at one moment."""

    id: str
    home_id: str
    device_id: str
    grant_id: str
    client_id: str
    desired: State
    holds: tuple[str, ...]
    awaits: tuple[str, ...]
    status: CommandStatus
    issued_at: datetime
    deadline: datetime
    completed_at: datetime | None = None
    error: CommandError | None = None

    @property
    def open(self) -> bool:
        """Whether it can still change."""
        return self.status in OPEN

    @property
    def asks(self) -> State:
        """What it still asks for: the desired values that no newer command took over."""
        return self.desired.only(self.holds)


def moved(
    command: Command, move: Move, now: datetime, error: CommandError | None = None
) -> Command:
    """The command after `move`.

    Raises:
        Conflict: the table has no such move from where the command is.
    """
    status = MOVES[command.status].get(move)
    if status is None:
        sentence = f"Cannot {move.value} command {command.id}: it is {command.status.value}."
        raise Conflict(sentence)
    ended = now if status not in OPEN else None
    return replace(command, status=status, completed_at=ended, error=error)


def as_of(command: Command, now: datetime) -> Command:
    """The command as a reader must see it: past its deadline it is over, written or not."""
    if command.open and now >= command.deadline:
        return expired(command)
    return command


def expired(command: Command) -> Command:
    """The command, ended at its deadline."""
    seconds = (command.deadline - command.issued_at).total_seconds()
    error = CommandError(
        CommandErrorCode.DEVICE_TIMEOUT, f"The device did not confirm this within {seconds:g} s."
    )
    return moved(command, Move.TIME_OUT, command.deadline, error)


def overtaken(command: Command, names: Iterable[str], now: datetime) -> Command:
    """The command after a newer one took over the attributes `names`; one that has ended stays."""
    taken = frozenset(names)
    holds = tuple(name for name in command.holds if name not in taken)
    awaits = tuple(name for name in command.awaits if name not in taken)
    if not command.open or holds == command.holds:
        return command
    left = replace(command, holds=holds, awaits=awaits)
    if not holds:
        return moved(left, Move.SUPERSEDE, now)
    if not awaits and command.status in SENT:
        return moved(left, Move.CONFIRM, now)
    return left


def heard(command: Command, reported: State, now: datetime) -> Command:
    """The command after a settled report that the device made later than the dispatch.

    Attributes that the report speaks of stop being awaited where they reached what was asked, and
    are awaited again where they left it; with nothing left to await, the command is CONFIRMED.
    """
    if command.status not in SENT:
        return command
    values = reported.values()
    awaits = tuple(
        name
        for name in command.holds
        if (
            not reached(name, getattr(command.desired, name), values[name])
            if name in values
            else name in command.awaits
        )
    )
    left = replace(command, awaits=awaits)
    return left if awaits else moved(left, Move.CONFIRM, now)
