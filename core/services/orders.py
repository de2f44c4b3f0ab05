"""Orders: what is asked of a device, and the command that it becomes in the ledger."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import orjson

from core.domain.accounts import Viewer
from core.domain.commands import (
    Command,
    CommandError,
    CommandErrorCode,
    CommandStatus,
    Move,
    as_of,
    moved,
    overtaken,
)
from core.domain.devices import Device, State
from core.domain.errors import Conflict, Invalid
from core.services.devices import tell_end
from core.services.reports import expire
from core.store import codec
from core.store.ledger import KeyEntry, Ledger

KEY_LENGTH = 255
KEY_LIFE = timedelta(hours=24)
MOST_WAIT_MS = 10_000
TIMEOUT_MS = (1_000, 60_000)


@dataclass(frozen=True, slots=True)
class Order:
    """What a viewer asks of one device. Times in milliseconds."""

    device_id: str
    asked: State
    key: str | None = None
    timeout_ms: int = 10_000

    def check(self) -> None:
        """Refuse what no device could do.

        Raises:
            Invalid: the timeout or the key is out of range.
        """
        least, most = TIMEOUT_MS
        if not least <= self.timeout_ms <= most:
            sentence = f"timeoutMs is {self.timeout_ms}; it must be between {least} and {most}."
            raise Invalid(sentence, "timeoutMs")
        key = self.key
        if key is not None and not (1 <= len(key) <= KEY_LENGTH and key.isprintable()):
            sentence = f"idempotencyKey must have 1 to {KEY_LENGTH} printable characters."
            raise Invalid(sentence, "idempotencyKey")

    @property
    def fingerprint(self) -> str:
        """Equal for equal orders."""
        what = [self.device_id, codec.state_out(self.asked), self.timeout_ms]
        text = orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()


def check_wait(wait_ms: int) -> None:
    """Refuse to wait longer than a request may.

    Raises:
        Invalid: it is out of range.
    """
    if not 0 <= wait_ms <= MOST_WAIT_MS:
        sentence = f"waitMs is {wait_ms}; it must be between 0 and {MOST_WAIT_MS}."
        raise Invalid(sentence, "waitMs")


def used(ledger: Ledger, viewer: Viewer, order: Order) -> Command | None:
    """The command that the order's idempotency key stands for, if it was used already.

    Raises:
        Conflict: it was used for another order.
    """
    if order.key is None:
        return None
    entry = ledger.keys.get((viewer.grant.id, order.key))
    if entry is None or entry.created_at <= ledger.now - KEY_LIFE:
        return None
    if entry.fingerprint != order.fingerprint:
        sentence = (
            f"idempotencyKey {order.key!r} was used within 24 h for another command; "
            "use a new key for a new input."
        )
        raise Conflict(sentence)
    command = ledger.commands.get(entry.command_id)
    return as_of(command, ledger.now) if command else None


def taken(ledger: Ledger, viewer: Viewer, device: Device, order: Order, command_id: str) -> Command:
    """The command that the order becomes; those that it overtakes lose what it names."""
    device, _ = expire(ledger, device)
    names = tuple(order.asked.values())
    for older in ledger.pending(device.id):
        left = overtaken(older, names, ledger.now)
        if not left.open:
            device = tell_end(ledger, device, left)
        elif left != older:
            ledger.put_command(left)
    command = Command(
        id=command_id,
        home_id=device.home.id,
        device_id=device.id,
        grant_id=viewer.grant.id,
        client_id=viewer.client.id,
        desired=order.asked,
        holds=names,
        awaits=names,
        status=CommandStatus.ACCEPTED,
        issued_at=ledger.now,
        deadline=ledger.now + timedelta(milliseconds=order.timeout_ms),
    )
    device = tell_end(ledger, device, command)
    if order.key is not None:
        entry = KeyEntry(command.id, order.fingerprint, ledger.now)
        ledger.keys.put((viewer.grant.id, order.key), entry)
    if not device.online:
        error = CommandError(CommandErrorCode.DEVICE_OFFLINE, "The device is offline.")
        command = moved(command, Move.REJECT, ledger.now, error)
        tell_end(ledger, device, command)
    return command
