"""Commands: requests to devices, and the mutations that make them."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types.lazy_type import LazyType

from core.domain import commands as domain
from core.domain.accounts import Client as ClientRecord
from core.domain.devices import Device
from core.services.orders import Order
from resolvers import commands as resolve
from resolvers.answers import Answer
from schema.accounts import Client
from schema.asking import Info
from schema.costs import ACTION
from schema.enums import publish
from schema.errors import refused
from schema.nodes import Node
from schema.scopes import COMMANDS, CONTROL
from schema.states import DesiredStateInput, DeviceState

publish(
    domain.CommandStatus,
    "Where a command is. CONFIRMED, REJECTED, TIMED_OUT, SUPERSEDED and CANCELLED are final.",
    {
        "ACCEPTED": "It is stored and waits to be sent.",
        "DISPATCHED": "It was sent to the device.",
        "ACKNOWLEDGED": "The device took it and has not yet reported the asked state.",
        "CONFIRMED": "The device itself reported the asked state after the command was sent.",
        "REJECTED": "The device was out of reach or refused.",
        "TIMED_OUT": "The deadline came before the device confirmed.",
        "SUPERSEDED": "Newer commands took over everything that it asked for.",
        "CANCELLED": "It was cancelled; what the device already did stays done.",
    },
)
publish(
    domain.CommandErrorCode,
    "Why a command did not reach what it asked for.",
    {
        "DEVICE_OFFLINE": "The device could not be reached.",
        "DEVICE_REJECTED": "The device refused, or was removed.",
        "DEVICE_TIMEOUT": "The device did not confirm by the deadline.",
    },
)


def _device(root: domain.Command, info: Info) -> Answer[Device]:
    return resolve.device(info.context, root)


def _issuer(root: domain.Command, info: Info) -> ClientRecord | None:
    return resolve.issuer(info.context, root)


@strawberry.type(description="Why a command failed.", directives=[COMMANDS])
class CommandError:
    """`core.domain.commands.CommandError`."""

    code: domain.CommandErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason in a sentence, for people.")


@strawberry.type(description="A request to a device, and what became of it.", directives=[COMMANDS])
class Command(Node):
    """`core.domain.commands.Command`."""

    record = domain.Command

    device: Any = strawberry.field(
        resolver=_device,
        graphql_type=LazyType("Device", "schema.devices"),
        description="The device that it was given to.",
    )
    desired: DeviceState = strawberry.field(description="What was asked for.")
    status: domain.CommandStatus = strawberry.field(
        description="Where it is; final by the deadline at the latest."
    )
    error: CommandError | None = strawberry.field(
        description="Why it failed; null unless it was REJECTED or TIMED_OUT."
    )
    issued_at: datetime = strawberry.field(description="When it was accepted.")
    deadline: datetime = strawberry.field(description="When it is over at the latest.")
    completed_at: datetime | None = strawberry.field(
        description="When it ended; null while it can still change."
    )
    issued_by: Any = strawberry.field(
        resolver=_issuer,
        graphql_type=Client | None,
        description="The client that gave it; null unless that is your own.",
    )


@strawberry.type(description="Why one of several commands was not accepted.", directives=[CONTROL])
class ControlError:
    """A refusal, as `schema.errors` writes it."""

    code: str = strawberry.field(
        description="The code that `controlDevice` would have had as `extensions.code`."
    )
    message: str = strawberry.field(description="What was wrong, and what would be right.")


def _error(root: resolve.Outcome) -> ControlError | None:
    return ControlError(**refused(root.error)) if root.error else None


@strawberry.type(
    description="What became of one of several commands: a command, or why there is none.",
    directives=[CONTROL],
)
class ControlResult:
    """`resolvers.commands.Outcome`."""

    device_id: strawberry.ID = strawberry.field(description="The device id, as it was given.")
    command: Command | None = strawberry.field(description="The command; null where refused.")
    error: ControlError | None = strawberry.field(
        resolver=_error, description="Why it was refused; null where it was accepted."
    )


@strawberry.input(description="One command to one device.")
class ControlDeviceInput:
    """What becomes a `resolvers.commands.Wish`."""

    device_id: strawberry.ID = strawberry.field(description="The device to control.")
    state: DesiredStateInput = strawberry.field(
        directives=[ACTION], description="What to ask it for."
    )
    idempotency_key: str | None = strawberry.field(
        description=(
            "1–255 printable characters of your choice. Within 24 hours the same key with the same "
            "input gives the same command, and with another input a CONFLICT."
        ),
    )
    wait_ms: int | None = strawberry.field(
        default=resolve.WAIT_MS,
        description="How long to wait for the command's end, in milliseconds, 0–10000.",
    )
    timeout_ms: int | None = strawberry.field(
        default=resolve.TIMEOUT_MS,
        description="How long the device has to confirm, in milliseconds, 1000–60000.",
    )

    def wish(self) -> resolve.Wish:
        """The wish, with the usual times where none is given."""
        timeout = resolve.TIMEOUT_MS if self.timeout_ms is None else self.timeout_ms
        order = Order(self.device_id, self.state.state(), self.idempotency_key, timeout)
        return resolve.Wish(order, resolve.WAIT_MS if self.wait_ms is None else self.wait_ms)


@strawberry.input(description="Several commands, each for itself.")
class ControlDevicesInput:
    """What becomes several wishes."""

    commands: list[ControlDeviceInput] = strawberry.field(
        description="1–50 commands. All are waited for at once, by the longest `waitMs`."
    )


def find_command(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The command's id.")],
) -> Answer[domain.Command | None]:
    """One command."""
    return resolve.find(info.context, id)


async def control_device(
    info: Info,
    input: Annotated[
        ControlDeviceInput, strawberry.argument(description="What to ask of which device.")
    ],
) -> domain.Command:
    """Ask a device for a state."""
    return await resolve.control(info.context, input.wish())


async def control_devices(
    info: Info,
    input: Annotated[
        ControlDevicesInput, strawberry.argument(description="What to ask of which devices.")
    ],
) -> list[resolve.Outcome]:
    """Ask several devices at once."""
    return await resolve.control_all(info.context, [each.wish() for each in input.commands])


async def cancel_command(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The command's id.")],
) -> domain.Command:
    """Give up a command."""
    return await resolve.cancel(info.context, id)
