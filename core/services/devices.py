"""Devices: added, described, moved and removed. What they report is `reports`' business."""

from collections.abc import Collection
from dataclasses import replace

from core.domain.commands import Command, CommandError, CommandErrorCode, Move, moved
from core.domain.devices import Device
from core.domain.errors import Missing
from core.domain.events import EventType
from core.domain.homes import Home, Room
from core.domain.ports import Found, Ids
from core.domain.shards import Fence, fences
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs


class Devices:
    """The devices of the homes."""

    def __init__(self, committer: Committer, ids: Ids) -> None:
        """Write through this committer."""
        self._committer = committer
        self._ids = ids

    async def reconcile(
        self, home: Home, found: Collection[Found], fence: Fence | None = None
    ) -> list[Device]:
        """Add what a connector found and the home does not have; describe anew what has changed.

        Devices are told apart by address. Missing ones are not removed: they are only out of reach.

        Raises:
            Missing: the home is gone.
            Fenced: the `fence` does not stand: somebody else runs the home now.
        """

        def decide(ledger: Ledger) -> list[Device]:
            if ledger.homes.get(home.id) is None:
                sentence = f"There is no home {home.id}."
                raise Missing(sentence)
            known = {d.address: d for d in ledger.devices.values() if d.home.id == home.id}
            return [self._take_in(ledger, home, one, known.get(one.address)) for one in found]

        needs = Needs(whole=frozenset({home.id}), fences=fences(fence))
        return await self._committer.submit(Work(needs, decide))

    async def describe(self, device: Device, name: str, room: Room | None) -> Device:
        """Give a device this name and put it into this room.

        Raises:
            Missing: the device or the room is gone.
        """

        def decide(ledger: Ledger) -> Device:
            current = _here(ledger, device.id)
            there = ledger.rooms.get(room.id) if room else None
            if room is not None and (there is None or there.home.id != current.home.id):
                sentence = f"There is no room {room.id} in {current.home.id}."
                raise Missing(sentence)
            changed = replace(current, name=name, room=there, updated_at=ledger.now)
            return ledger.tell(EventType.DEVICE_UPDATED, changed)

        return await self._committer.submit(Work(Needs(whole=frozenset({device.home.id})), decide))

    async def remove(self, device: Device) -> None:
        """Remove a device for good; its open commands end REJECTED.

        Raises:
            Missing: it is gone already.
        """

        def decide(ledger: Ledger) -> None:
            current = _here(ledger, device.id)
            error = CommandError(CommandErrorCode.DEVICE_REJECTED, "The device was removed.")
            for command in ledger.pending(device.id):
                ended = moved(command, Move.REJECT, ledger.now, error)
                current = tell_end(ledger, current, ended)
            gone = replace(current, updated_at=ledger.now)
            ledger.tell(EventType.DEVICE_REMOVED, gone)

        needs = Needs(homes=frozenset({device.home.id}), devices=frozenset({device.id}))
        await self._committer.submit(Work(needs, decide))

    def _take_in(self, ledger: Ledger, home: Home, found: Found, known: Device | None) -> Device:
        facts = {
            "kind": found.kind,
            "capabilities": found.capabilities,
            "manufacturer": found.manufacturer,
            "model": found.model,
            "firmware": found.firmware,
        }
        if known is not None:
            if all(getattr(known, name) == value for name, value in facts.items()):
                return known
            changed = replace(known, **facts, updated_at=ledger.now)  # type: ignore[arg-type]  # facts are Device's own
            return ledger.tell(EventType.DEVICE_UPDATED, changed)
        device = Device(
            id=self._ids.new("device"),
            home=home,
            room=self._room(ledger, home, found.room),
            name=found.name,
            kind=found.kind,
            capabilities=found.capabilities,
            online=found.online,
            state=found.state,
            updated_at=ledger.now,
            manufacturer=found.manufacturer,
            model=found.model,
            firmware=found.firmware,
            address=found.address,
        )
        return ledger.tell(EventType.DEVICE_ADDED, device)

    def _room(self, ledger: Ledger, home: Home, name: str | None) -> Room | None:
        if name is None:
            return None
        for room in ledger.rooms.values():
            if room.home.id == home.id and room.name == name:
                return room
        room = Room(self._ids.new("room"), name, home)
        ledger.rooms.put(room.id, room)
        ledger.tell_home(home.id)
        return room


def tell_end(ledger: Ledger, device: Device, command: Command) -> Device:
    """Store a command and tell that it was accepted or has ended."""
    ledger.put_command(command)
    return ledger.tell(EventType.COMMAND_UPDATED, device, command=command)


def _here(ledger: Ledger, device_id: str) -> Device:
    device = ledger.devices.get(device_id)
    if device is None:
        sentence = f"There is no device {device_id}."
        raise Missing(sentence)
    return device
