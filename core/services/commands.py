"""Commands: accepted, moved along by the runner, ended. Any process may accept and end them.

What the runner notes of them it notes under a fence, which has to stand when that is written.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from core import observe
from core.domain.accounts import Viewer
from core.domain.commands import (
    Command,
    CommandError,
    CommandErrorCode,
    CommandStatus,
    Move,
    expired,
    moved,
)
from core.domain.devices import Device, check
from core.domain.errors import Missing, Refused, Unavailable
from core.domain.grants import Scope
from core.domain.ports import Clock, Ids
from core.domain.shards import Fence, fences
from core.domain.uses import Deed
from core.feed import Feed
from core.services.devices import tell_end
from core.services.endings import Endings
from core.services.orders import KEY_LIFE, Order, check_wait, taken, used
from core.services.uses import Uses
from core.snapshots.access import Access
from core.snapshots.homes import HomeSnapshots
from core.store.backlog import Backlog
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs

log = observe.logger(__name__)

SWEEP_SECONDS = 0.25
PRUNE_SECONDS = 600.0


class Commands:
    """The life of commands, as far as it is written."""

    def __init__(
        self,
        committer: Committer,
        backlog: Backlog,
        feed: Feed,
        access: Access,
        homes: HomeSnapshots,
        uses: Uses,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Write through this committer, wait by this feed, ask `access` who may still do it.

        `homes` are told how far commands are, which no event tells; `uses`, that they were given.
        """
        self._homes = homes
        self._uses = uses
        self._access = access
        self._committer = committer
        self._backlog = backlog
        self._feed = feed
        self._clock = clock
        self._ids = ids

    async def control(self, viewer: Viewer, device: Device, order: Order, wait_ms: int) -> Command:
        """Ask a device for a state, and wait up to `wait_ms` for the end.

        Raises:
            Invalid: the order is out of range or asks for what the device lacks.
            Missing: the device is gone, or no longer shared.
            Conflict: the idempotency key was used for another order.
        """
        check_wait(wait_ms)
        async with self.endings({device.home.id}) as endings:
            command = await self.accept(viewer, device, order)
            (command,) = await endings.wait([command], wait_ms / 1000)
            return command

    @asynccontextmanager
    async def endings(self, home_ids: Collection[str]) -> AsyncIterator[Endings]:
        """Know of every command of these homes that ends while the block runs."""
        endings = Endings(self._clock)
        followed: list[str] = []
        try:
            for home_id in home_ids:
                await self._feed.follow(home_id, endings.told)
                followed.append(home_id)
            yield endings
        finally:
            for home_id in followed:
                self._feed.drop(home_id, endings.told)

    async def accept(self, viewer: Viewer, device: Device, order: Order) -> Command:
        """Take an order: the command, ACCEPTED, or REJECTED where the device is out of reach.

        Raises as `control` does.
        """
        order.check()
        command_id = self._ids.new("command")

        def decide(ledger: Ledger) -> Command:
            may = self._still(viewer)
            before = used(ledger, viewer, order)
            if before is not None:
                return before
            current = ledger.devices.get(device.id)
            if current is None or not may.grant.view.sees(current):
                sentence = f"There is no device {device.id}."
                raise Missing(sentence)
            check(current, order.asked)
            return taken(ledger, viewer, current, order, command_id)

        key = (viewer.grant.id, order.key) if order.key is not None else None
        needs = Needs(
            homes=frozenset({device.home.id}),
            devices=frozenset({device.id}),
            keys=frozenset({key} if key else ()),
        )
        command = await self._committer.submit(Work(needs, decide))
        at, home = command.issued_at, device.home.name  # what a key stands for was given before
        self._uses.did(viewer.grant.id, Deed(at, device.name, home, device.kind, order.asked))
        return command

    async def cancel(self, viewer: Viewer, command: Command) -> Command:
        """Give up a command that has not ended; what the device already did stays done.

        Raises:
            Missing: its device is gone, or no longer shared.
            Conflict: it has ended.
        """

        def step(current: Command, ledger: Ledger) -> Command:
            device = ledger.devices.get(current.device_id)
            if device is None or not self._still(viewer).grant.view.sees(device):
                sentence = f"There is no command {current.id}."
                raise Missing(sentence)
            return moved(current, Move.CANCEL, ledger.now)

        return await self._step(command, step)

    async def dispatch(self, command: Command, fence: Fence | None = None) -> Command:
        """Note that it is being sent. It comes back as it is where it was not ACCEPTED any more."""

        def step(current: Command, ledger: Ledger) -> Command:
            if current.status is not CommandStatus.ACCEPTED:
                return current
            return moved(current, Move.DISPATCH, ledger.now)

        return await self._step(command, step, fence)

    async def acknowledge(self, command: Command, fence: Fence | None = None) -> Command:
        """Note that the device took it; nothing where it has ended or is noted already."""

        def step(current: Command, ledger: Ledger) -> Command:
            if current.status is not CommandStatus.DISPATCHED:
                return current
            return moved(current, Move.ACKNOWLEDGE, ledger.now)

        return await self._step(command, step, fence)

    async def reject(
        self,
        command: Command,
        code: CommandErrorCode,
        message: str,
        fence: Fence | None = None,
    ) -> Command:
        """End it because the device did not take it; nothing where it has ended."""
        error = CommandError(code, message)

        def step(current: Command, ledger: Ledger) -> Command:
            return moved(current, Move.REJECT, ledger.now, error) if current.open else current

        return await self._step(command, step, fence)

    async def keep_time(self) -> None:
        """End commands at their deadline and prune old keys, for ever; any process may."""
        pruned_at = self._clock.monotonic()
        while True:
            try:
                due = await self._backlog.due(self._clock.now())
                await asyncio.gather(*(self._expire(command) for command in due))
                if self._clock.monotonic() - pruned_at > PRUNE_SECONDS:
                    pruned_at = self._clock.monotonic()
                    await self._backlog.prune_keys(self._clock.now() - KEY_LIFE)
            except Unavailable:
                log.warning("deadlines_unreadable")
            await self._clock.sleep(SWEEP_SECONDS)

    def _still(self, viewer: Viewer) -> Viewer:
        """The viewer as of this moment: a long operation does not outlive the access it had.

        Raises:
            Unauthenticated: access was taken back, or the token is over.
            Refused: the grant may no longer control devices.
        """
        viewer = self._access.again(viewer)
        if Scope.DEVICES_CONTROL not in viewer.scopes:
            sentence = "The grant no longer has the scope devices:control."
            raise Refused(sentence, (Scope.DEVICES_CONTROL.value,))
        return viewer

    async def _expire(self, command: Command) -> None:
        await self._step(command, lambda current, _: current)

    async def _step(
        self,
        command: Command,
        step: Callable[[Command, Ledger], Command],
        fence: Fence | None = None,
    ) -> Command:
        """One step of a command in one transaction; one whose deadline has come ends first."""

        def decide(ledger: Ledger) -> Command:
            current, device = ledger.commands.get(command.id), ledger.devices.get(command.device_id)
            if current is None:
                sentence = f"There is no command {command.id}."
                raise Missing(sentence)
            if device is None:
                return current  # removed: that ended its commands
            if current.open and current.deadline <= ledger.now:
                over = expired(current)
                tell_end(ledger, device, over)
                return over
            after = step(current, ledger)
            if after != current and not after.open:
                tell_end(ledger, device, after)
            elif after != current:
                ledger.put_command(after)
            return after

        needs = Needs(
            homes=frozenset({command.home_id}),
            devices=frozenset({command.device_id}),
            commands=frozenset({command.id}),
            fences=fences(fence),
        )
        after = await self._committer.submit(Work(needs, decide))
        self._homes.moved(after)
        return after
