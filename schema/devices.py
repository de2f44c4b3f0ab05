"""Devices: what they are, what they report and what is asked of them."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from core.domain import commands, devices as domain
from resolvers import devices as resolve
from resolvers.answers import Answer
from resolvers.paging import Page
from schema.asking import Info
from schema.commands import Command
from schema.homes import Home, Room
from schema.lists import Filter, OrderBy, filters, order
from schema.nodes import Node
from schema.pages import After, Before, First, Last, asked
from schema.scopes import READ
from schema.states import DeviceState


def _desired(root: domain.Device, info: Info) -> Answer[domain.State | None]:
    return resolve.desired(info.context, root)


def _pending(root: domain.Device, info: Info) -> Answer[commands.Command | None]:
    return resolve.pending(info.context, root)


def find_device(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The device's id.")],
) -> Answer[domain.Device | None]:
    """One device."""
    return resolve.find(info.context, id)


def list_devices(
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
    filter: Filter = strawberry.UNSET,
    order_by: OrderBy = strawberry.UNSET,
) -> Answer[Page[domain.Device]]:
    """The devices of all homes."""
    window = asked(first, after, last, before)
    return resolve.listed(info.context, window, order(order_by), filters(filter))


@strawberry.type(description="A device in a home.", directives=[READ])
class Device(Node):
    """`core.domain.devices.Device`."""

    record = domain.Device

    name: str = strawberry.field(description="What its people call it.")
    kind: domain.DeviceKind = strawberry.field(description="What it is.")
    capabilities: list[domain.Capability] = strawberry.field(description="What it can do.")
    online: bool = strawberry.field(description="Whether it can be reached.")
    state: DeviceState = strawberry.field(description="What it reported.")
    desired: Any = strawberry.field(
        resolver=_desired,
        graphql_type=DeviceState | None,
        description="What commands under way still ask for; null where there are none.",
    )
    pending_command: Any = strawberry.field(
        resolver=_pending,
        graphql_type=Command | None,
        description="The newest command that can still change; null where there is none.",
    )
    room: Room | None = strawberry.field(description="The room that it is in, if any.")
    home: Home = strawberry.field(description="The home that it is in.")
    manufacturer: str | None = strawberry.field(description="Who made it.")
    model: str | None = strawberry.field(description="Its model, as its maker calls it.")
    firmware: str | None = strawberry.field(description="The version of its firmware.")
    updated_at: datetime = strawberry.field(
        description="When something about it last changed: state, reachability, name or room."
    )
