"""Commands: looked up, given and cancelled. Each is shown as of now, whatever is written of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.accounts import Client
from core.domain.commands import Command, CommandStatus, as_of
from core.domain.devices import Device
from core.domain.errors import Conflict, Invalid, Missing
from core.services.orders import Order, check_wait
from resolvers import devices
from resolvers.answers import Answer, settled, then
from resolvers.asking import Ask

MOST = 50
WAIT_MS = 2_000
TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Wish:
    """An order, and how long its giver waits for the end."""

    order: Order
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one wish of several: a command, or why there is none."""

    device_id: str
    command: Command | None = None
    error: Exception | None = None


def find(ask: Ask, command_id: str) -> Answer[Command | None]:
    """A command; None where it is missing, or its device hidden."""

    def now(command: Command | None) -> Command | None:
        return as_of(command, ask.clock.now()) if command else None

    return then(ask.loaders.command(command_id), now)


def device(ask: Ask, command: Command) -> Answer[Device]:
    """The device of a command.

    Raises:
        Missing: it has gone meanwhile.
    """

    def there(found: Device | None) -> Device:
        if found is None:
            sentence = f"There is no device {command.device_id}."
            raise Missing(sentence)
        return found

    return then(ask.loaders.commanded(command), there)


def issuer(ask: Ask, command: Command) -> Client | None:
    """The client that gave the command, where it is the viewer's own."""
    client = ask.who.client
    return client if command.client_id == client.id else None


async def control(ask: Ask, wish: Wish) -> Command:
    """Give an order and wait for its end, as long as wished.

    Raises:
        Missing: the device is missing or hidden.
        Invalid: the order is out of range or asks for what the device lacks.
        Conflict: the idempotency key was used for another order.
    """
    device = await devices.named(ask, wish.order.device_id)
    check_wait(wish.wait_ms)
    wait_ms = ask.patience(wish.wait_ms)
    command = await ask.services.commands.control(ask.who, device, wish.order, wait_ms)
    ask.touched.add(command.home_id)
    ask.loaders.forget()
    return command


async def control_all(ask: Ask, wishes: Sequence[Wish]) -> list[Outcome]:
    """Give several orders at once, each for itself, and wait for all by the longest wait.

    Raises:
        Invalid: there are none, or too many.
    """
    if not 1 <= len(wishes) <= MOST:
        sentence = f"commands has {len(wishes)} entries; give between 1 and {MOST}."
        raise Invalid(sentence, "commands")
    ids = [wish.order.device_id for wish in wishes]
    found = await asyncio.gather(
        *(devices.named(ask, device_id) for device_id in ids), return_exceptions=True
    )
    homes = {one.home.id for one in found if isinstance(one, Device)}
    async with ask.services.commands.endings(homes) as endings:
        taken = await asyncio.gather(
            *(_accept(ask, *pair) for pair in zip(wishes, found, strict=True)),
            return_exceptions=True,
        )
        pairs = zip(wishes, taken, strict=True)
        waits = [(wish.wait_ms, one) for wish, one in pairs if isinstance(one, Command)]
        longest = max((wait_ms for wait_ms, _ in waits), default=0)
        patience = ask.patience(longest) / 1_000
        ended = await endings.wait([one for _, one in waits], patience)
    ask.touched.update(command.home_id for command in ended)
    ask.loaders.forget()
    latest = {command.id: command for command in ended}
    return [_outcome(*pair, latest) for pair in zip(ids, taken, strict=True)]


async def cancel(ask: Ask, command_id: str) -> Command:
    """Give up a command that has not ended.

    Raises:
        Missing: it is missing, or its device hidden.
        Conflict: it has ended.
    """
    command = await settled(ask.loaders.command(command_id))
    if command is None:
        sentence = f"There is no command {command_id}."
        raise Missing(sentence)
    ended = await ask.services.commands.cancel(ask.who, command)
    ask.touched.add(command.home_id)
    ask.loaders.forget()
    if ended.status is not CommandStatus.CANCELLED:
        sentence = f"Cannot cancel command {command_id}: it is {ended.status.value}."
        raise Conflict(sentence)
    return ended


async def _accept(ask: Ask, wish: Wish, device: Device | BaseException) -> Command:
    if isinstance(device, BaseException):
        raise device
    check_wait(wish.wait_ms)
    return await ask.services.commands.accept(ask.who, device, wish.order)


def _outcome(device_id: str, taken: Command | BaseException, latest: dict[str, Command]) -> Outcome:
    if isinstance(taken, Command):
        return Outcome(device_id, command=latest[taken.id])
    if not isinstance(taken, Exception):
        raise taken
    return Outcome(device_id, error=taken)
