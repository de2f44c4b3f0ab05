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
from schema.enums import publish
from schema.homes import Home, Room
from schema.nodes import Node
from schema.pages import After, Before, First, Last, asked
from schema.scopes import READ
from schema.states import DeviceState

publish(
    domain.DeviceKind,
    "What a device is to the people who live with it; its capabilities say what it can do.",
    {
        "LIGHT": "A lamp.",
        "SWITCH": "A switch on a wall.",
        "OUTLET": "A plug or socket.",
        "FAN": "A fan.",
        "BLIND": "A blind, shutter or curtain.",
        "GARAGE_DOOR": "The door of a garage.",
        "LOCK": "The lock of a door.",
        "THERMOSTAT": "What keeps a temperature.",
        "SENSOR": "What only reports.",
        "METER": "What measures power and energy.",
    },
)
publish(
    domain.Capability,
    "One thing that a device can report, and for some also be asked for.",
    {
        "ON_OFF": "It can be switched: `on`.",
        "BRIGHTNESS": "It can be dimmed, in %.",
        "COLOR": "It can show colours, by hue in degrees and saturation in %.",
        "COLOR_TEMPERATURE": "Its white can be warm or cold, in kelvin.",
        "POSITION": "It opens and closes, in %.",
        "FAN_SPEED": "Its fan has speeds, in %.",
        "LOCK": "It can be locked: `locked`.",
        "TEMPERATURE": "It measures temperature, in °C.",
        "TARGET_TEMPERATURE": "It can be told which temperature to reach, in °C.",
        "HUMIDITY": "It measures relative humidity, in %.",
        "MOTION": "It sees motion.",
        "CONTACT": "It knows whether its contact is closed.",
        "BATTERY": "It has a battery, whose charge it reports in %.",
        "POWER": "It measures power, in W.",
        "ENERGY": "It counts energy, in kWh.",
    },
)


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


async def list_devices(
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> Page[domain.Device]:
    """The devices of all homes."""
    return await resolve.listed(info.context, asked(first, after, last, before))


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
