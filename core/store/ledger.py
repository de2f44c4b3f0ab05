"""The ledger: the few rows that a batch of work needs, in memory, under their locks.

Work reads and changes it by plain functions, so a fact is decided by pure code; the committer then
writes what changed in one transaction. Work that raises is undone here alone, as a savepoint would.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Unpack

from core.domain.accounts import Client, User
from core.domain.audit import Actor, Detail, Entry, Kind, Outcome, entry
from core.domain.clients import InitialToken
from core.domain.commands import Command
from core.domain.devices import Device, State
from core.domain.documents import RegisteredDocument
from core.domain.events import AccessEntry, Event, EventType
from core.domain.grants import Grant
from core.domain.homes import Home, Role, Room
from core.domain.invites import Invite
from core.domain.keys import SigningKey
from core.domain.ports import Ids
from core.domain.shards import Fence
from core.store.shelf import Shelf

ACCESS = "access"
"""The name of the access log, beside the homes' ids."""
AUDIT = "audit"
"""The name under which the audit has its head."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a piece of work wants loaded and locked.

    `homes` are locked; `whole` homes come with rooms, members and all devices; devices come with
    their open commands; `givers` are users whose every grant comes along (the work must need
    `access`, under which grants are given); `documents` come with how many their clients have (it
    must need `access` too); `sharers` are memberships by home and user; `inviting` are homes whose
    invites come along (it must need the homes, too); `access` locks the access log. `fences` must
    stand: where one does not any more, the work is refused before it decides.
    """

    homes: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str]] = frozenset()
    users: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    grants: frozenset[str] = frozenset()
    givers: frozenset[str] = frozenset()
    sharers: frozenset[tuple[str, str]] = frozenset()
    inviting: frozenset[str] = frozenset()
    documents: frozenset[tuple[str, str]] = frozenset()
    initial: frozenset[str] = frozenset()
    registrations: frozenset[str] = frozenset()
    fences: frozenset[Fence] = frozenset()
    access: bool = False

    @staticmethod
    def union(all_needs: Iterable["Needs"]) -> "Needs":
        """What several pieces of work want together."""
        needs = list(all_needs)
        if len(needs) == 1:
            return needs[0]
        names = [name for name in Needs.__slots__ if name != "access"]
        sets: dict[str, Any] = {
            name: frozenset().union(*(getattr(one, name) for one in needs)) for name in names
        }
        return Needs(access=any(one.access for one in needs), **sets)


@dataclass(frozen=True, slots=True)
class HomeEntry:
    """A home's row: the home, how its devices are reached, its log's head, its own sequence."""

    home: Home
    connector: str
    place: int
    sequence: int


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """An idempotency key that was used: for which command, with what input."""

    command_id: str
    fingerprint: str
    created_at: datetime


@dataclass(slots=True)
class Ledger:
    """The loaded rows and the facts that the batch adds. Used by one batch, then dropped."""

    now: datetime
    ids: Ids
    journal: list[Callable[[], None]] = field(default_factory=list)
    homes: Shelf[str, HomeEntry] = field(init=False)
    rooms: Shelf[str, Room] = field(init=False)
    members: Shelf[tuple[str, str], Role] = field(init=False)
    devices: Shelf[str, Device] = field(init=False)
    commands: Shelf[str, Command] = field(init=False)
    keys: Shelf[tuple[str, str], KeyEntry] = field(init=False)
    users: Shelf[str, User] = field(init=False)
    clients: Shelf[str, Client] = field(init=False)
    grants: Shelf[str, Grant] = field(init=False)
    signing_keys: Shelf[str, SigningKey] = field(init=False)
    invites: Shelf[str, Invite] = field(init=False)
    documents: Shelf[tuple[str, str], RegisteredDocument] = field(init=False)
    initial_tokens: Shelf[str, InitialToken] = field(init=False)
    registration_tokens: Shelf[str, str] = field(init=False)
    secrets: Shelf[str, str] = field(init=False)
    registered: dict[str, int] = field(default_factory=dict)
    fences: frozenset[Fence] = frozenset()
    access_place: int = 0
    events: list[Event] = field(default_factory=list)
    accesses: list[AccessEntry] = field(default_factory=list)
    notes: list[Entry] = field(default_factory=list)
    _by_device: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put up the shelves."""
        for name in _SHELVES:
            setattr(self, name, Shelf(self.journal))

    def mark(self) -> int:
        """Where the journal is, for `back_to`."""
        return len(self.journal)

    def back_to(self, mark: int) -> None:
        """Undo everything since `mark`, newest first."""
        while len(self.journal) > mark:
            self.journal.pop()()

    def load_command(self, command: Command) -> None:
        """Take in a command as the database has it."""
        self.commands.load(command.id, command)
        self._by_device.setdefault(command.device_id, set()).add(command.id)

    def put_command(self, command: Command) -> None:
        """Insert or change a command."""
        self.commands.put(command.id, command)
        self._by_device.setdefault(command.device_id, set()).add(command.id)

    def pending(self, device_id: str) -> tuple[Command, ...]:
        """The device's open commands, oldest first (identifiers sort by time)."""
        found = (self.commands.get(key) for key in sorted(self._by_device.get(device_id, ())))
        return tuple(command for command in found if command is not None and command.open)

    def tell(
        self,
        kind: EventType,
        device: Device,
        *,
        previous: State | None = None,
        changed: tuple[str, ...] = (),
        command: Command | None = None,
        caused_by: tuple[Command, ...] = (),
    ) -> Device:
        """Append an event of a device and return the device with its new sequence.

        The given device is stored as it is given: an event and its state are one fact.
        """
        entry = self._next(device.home.id, 0)
        device = replace(_in(entry.home, device), sequence=device.sequence + 1)
        self.devices.put(device.id, None if kind is EventType.DEVICE_REMOVED else device)
        self._append(
            Event(
                id=self.ids.new("event"),
                type=kind,
                home=entry.home,
                place=entry.place,
                sequence=device.sequence,
                occurred_at=self.now,
                # As the log will hold it, so that an event told now equals the one read later.
                device=replace(device, address="", order=0),
                previous=previous,
                changed=changed,
                command=command,
                caused_by=caused_by,
                pending=self.pending(device.id),
            )
        )
        return device

    def tell_home(self, home_id: str) -> None:
        """Append HOME_UPDATED for the home as it is in the ledger now."""
        entry = self._next(home_id, 1)
        self._append(
            Event(
                id=self.ids.new("event"),
                type=EventType.HOME_UPDATED,
                home=entry.home,
                place=entry.place,
                sequence=entry.sequence,
                occurred_at=self.now,
            )
        )

    def tell_access(self, kind: str, body: dict[str, Any]) -> None:
        """Append a fact to the access log."""
        before = self.access_place

        def undo() -> None:
            self.access_place = before
            self.accesses.pop()

        self.journal.append(undo)
        self.access_place = before + 1
        self.accesses.append(AccessEntry(self.access_place, kind, body, self.now))

    def note(self, kind: Kind, actor: Actor, **detail: Unpack[Detail]) -> None:
        """Put down in the audit that this was decided: it is written with the fact, or not at all.

        What stays as it was is no decision.
        """

        def undo() -> None:
            self.notes.pop()

        self.journal.append(undo)
        new = self.ids.new("audit")
        self.notes.append(entry(new, self.now, kind, Outcome.ALLOWED, actor, None, detail))

    def _next(self, home_id: str, step: int) -> HomeEntry:
        entry = self.homes.get(home_id)
        if entry is None:
            sentence = f"work touched {home_id} without naming it in its needs"
            raise LookupError(sentence)
        place, sequence = entry.place + 1, entry.sequence + step
        entry = HomeEntry(entry.home, entry.connector, place, sequence)
        self.homes.put(home_id, entry)
        return entry

    def _append(self, event: Event) -> None:
        def undo() -> None:
            self.events.pop()

        self.journal.append(undo)
        self.events.append(event)


def _in(home: Home, device: Device) -> Device:
    """The device with its home as it is now, which this very batch may have renamed."""
    if device.home == home:
        return device
    room = replace(device.room, home=home) if device.room else None
    return replace(device, home=home, room=room)


_SHELVES = (
    "homes",
    "rooms",
    "members",
    "devices",
    "commands",
    "keys",
    "users",
    "clients",
    "grants",
    "signing_keys",
    "documents",
    "invites",
    "initial_tokens",
    "registration_tokens",
    "secrets",
)
