"""Lists of devices: what they can be chosen by, and ordered by."""

from typing import Annotated, TypeAlias

import strawberry

from core.domain import lists as domain
from core.domain.devices import Capability, DeviceKind
from schema.enums import publish
from schema.pages import given

publish(
    DeviceKind,
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
    Capability,
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
publish(
    domain.DeviceOrder,
    (
        "In which order devices are listed. Names are compared without their case, by Unicode code "
        "point. A cursor belongs to its order, and opens no list of another; it goes on under any "
        "`filter`. Pages go on from where a cursor stands in the order, so whatever is added, "
        "removed or moved meanwhile, nothing else is skipped or shown twice."
    ),
    {
        "NAME": (
            "By name, then id. A walk from either end shows each device exactly once that was "
            "there throughout and was not renamed."
        ),
        "ROOM": (
            "By the name of the room, devices in no room last; then by the device's name, then "
            "id. A walk from either end shows each device exactly once that was there throughout "
            "and of which neither the name, nor the room, nor the room's name changed."
        ),
        "UPDATED_DESC": (
            "The newest `updatedAt` first, then by id. A walk from either end shows each device "
            "exactly once that was there throughout and did not change. One that changes moves to "
            "where its new `updatedAt` belongs, to the front: a walk from the start may miss it, "
            "a walk from the end may show it again."
        ),
    },
)


@strawberry.input(description="Which devices; all given conditions hold together.")
class DeviceFilter:
    """What becomes a `core.domain.lists.DeviceFilter`."""

    home_id: strawberry.ID | None = strawberry.field(
        description="Only of this home; one that is missing or hidden has none."
    )
    room_id: strawberry.ID | None = strawberry.field(
        description="Only of this room; one that is missing or hidden has none."
    )
    kind: list[DeviceKind] | None = strawberry.field(
        description="Only of one of these kinds; at least one."
    )
    capability: list[Capability] | None = strawberry.field(
        description="Only those that have every one of these capabilities; at least one."
    )
    online: bool | None = strawberry.field(
        description="Only those that can be reached, or only those that cannot."
    )
    name: str | None = strawberry.field(
        description=(
            "Only those whose name contains this text, whatever the case (`strasse` finds "
            "`Straße`); at most 255 characters, of which each stands for itself."
        )
    )

    def asked(self) -> domain.DeviceFilter:
        """The conditions for the resolver."""
        return domain.DeviceFilter(
            home_id=self.home_id,
            room_id=self.room_id,
            kinds=None if self.kind is None else frozenset(self.kind),
            capabilities=None if self.capability is None else frozenset(self.capability),
            online=self.online,
            name=self.name,
        )


Filter: TypeAlias = Annotated[
    DeviceFilter | None, strawberry.argument(description="Only some of the devices.")
]
OrderBy: TypeAlias = Annotated[
    domain.DeviceOrder | None, strawberry.argument(description="In which order; NAME if left out.")
]


def filters(
    filter: DeviceFilter | None, *places: domain.DeviceFilter
) -> tuple[domain.DeviceFilter, ...]:
    """The conditions of the argument, and of the place that the list belongs to."""
    asked = given(filter)
    return places if asked is None else (*places, asked.asked())


def order(order_by: domain.DeviceOrder | None) -> domain.DeviceOrder:
    """The order; by name where none is given."""
    # Not the argument's default: what Strawberry makes of an enum there cannot be introspected.
    return given(order_by) or domain.DeviceOrder.NAME
