"""Reports: what a device said becomes its state, events, and the end of the commands it fulfils."""

from dataclasses import dataclass, replace

from core.domain.commands import Command, expired, heard
from core.domain.devices import TABLE, Device, State
from core.domain.events import EventType
from core.domain.ports import Report
from core.domain.shards import Fence, fences
from core.services.devices import tell_end
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a report: `late` where a newer one was taken in before it."""

    late: bool = False
    ended: tuple[Command, ...] = ()


class Reports:
    """Takes in what connectors hear."""

    def __init__(self, committer: Committer) -> None:
        """Write through this committer."""
        self._committer = committer

    async def take(
        self, home_id: str, report: Report, sent: frozenset[str], fence: Fence | None = None
    ) -> Heard:
        """One report, in one transaction with all that follows from it.

        `sent` names the commands that went to the device before it made this report: only those
        can be confirmed by it. A report that is not newer than the last is not taken in.

        Raises:
            Unavailable: it could not be stored.
            Fenced: the `fence` does not stand: somebody else runs the device now.
        """

        def decide(ledger: Ledger) -> Heard:
            device = ledger.devices.get(report.device_id)
            if device is None or report.order == device.order:
                return Heard()
            if report.order < device.order:
                return Heard(late=True)
            return _take(ledger, replace(device, order=report.order), report, sent)

        needs = Needs(
            homes=frozenset({home_id}),
            devices=frozenset({report.device_id}),
            fences=fences(fence),
        )
        return await self._committer.submit(Work(needs, decide))


def _take(ledger: Ledger, device: Device, report: Report, sent: frozenset[str]) -> Heard:
    device, ended = expire(ledger, device)
    if report.online is not None and report.online != device.online:
        device = replace(device, online=report.online, updated_at=ledger.now)
        device = ledger.tell(EventType.DEVICE_AVAILABILITY_CHANGED, device)
    said = report.state.only(_has(device, report.state))
    causes = _fulfilled(ledger, device.id, said, sent) if report.settled else ()
    before = device.state
    if changed := before.differences(said):
        device = replace(device, state=before.merged(said), updated_at=ledger.now)
        device = ledger.tell(
            EventType.DEVICE_STATUS_CHANGED,
            device,
            previous=before,
            changed=changed,
            caused_by=causes,
        )
    for command in causes:
        if not command.open:
            device = tell_end(ledger, device, command)
            ended.append(command)
    ledger.devices.put(device.id, device)
    return Heard(ended=tuple(ended))


def expire(ledger: Ledger, device: Device) -> tuple[Device, list[Command]]:
    """End the device's commands whose deadline has come; the device with its new sequence."""
    ended = []
    for command in ledger.pending(device.id):
        if command.deadline <= ledger.now:
            over = expired(command)
            device = tell_end(ledger, device, over)
            ended.append(over)
    return device, ended


def _fulfilled(
    ledger: Ledger, device_id: str, said: State, sent: frozenset[str]
) -> tuple[Command, ...]:
    causes = []
    for command in ledger.pending(device_id):
        if command.id not in sent:
            continue
        after = heard(command, said, ledger.now)
        if after == command:
            continue
        ledger.put_command(after)
        if not set(command.awaits) <= set(after.awaits):  # something that was awaited is there
            causes.append(after)
    return tuple(causes)


def _has(device: Device, said: State) -> list[str]:
    """What the device may speak of: an attribute without its capability would be a lie."""
    return [name for name in said.values() if TABLE[name].capability in device.capabilities]
