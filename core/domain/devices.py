"""Devices, what they can do, and the arithmetic of their state. Pure; knows no transport.

Units are those of the graph: brightness, position (100 = open), fan speed, humidity and battery in
percent, colour temperature in kelvin, temperatures in °C, power in W, energy in kWh; `contact` is
true when closed. The names follow Matter and Home Assistant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from core.domain.errors import Invalid
from core.domain.homes import Home, Room


class DeviceKind(Enum):
    """What a device is to the people who live with it; its capabilities say what it can do."""

    LIGHT = "LIGHT"
    SWITCH = "SWITCH"
    OUTLET = "OUTLET"
    FAN = "FAN"
    BLIND = "BLIND"
    GARAGE_DOOR = "GARAGE_DOOR"
    LOCK = "LOCK"
    THERMOSTAT = "THERMOSTAT"
    SENSOR = "SENSOR"
    METER = "METER"


GUARDED = frozenset({DeviceKind.LOCK, DeviceKind.GARAGE_DOOR})
"""What lets people into a house: shared one by one, or by a line that says so."""


class Capability(Enum):
    """One thing that a device can report, and for some also be asked for."""

    ON_OFF = "ON_OFF"
    BRIGHTNESS = "BRIGHTNESS"
    COLOR = "COLOR"
    COLOR_TEMPERATURE = "COLOR_TEMPERATURE"
    POSITION = "POSITION"
    FAN_SPEED = "FAN_SPEED"
    LOCK = "LOCK"
    TEMPERATURE = "TEMPERATURE"
    TARGET_TEMPERATURE = "TARGET_TEMPERATURE"
    HUMIDITY = "HUMIDITY"
    MOTION = "MOTION"
    CONTACT = "CONTACT"
    BATTERY = "BATTERY"
    POWER = "POWER"
    ENERGY = "ENERGY"


@dataclass(frozen=True, slots=True)
class Color:
    """A colour without its brightness: hue 0–360 degrees, saturation 0–100 %."""

    hue: float
    saturation: float


@dataclass(frozen=True, slots=True)
class State:
    """Values by attribute; `None` means "says nothing about it".

    The same shape serves what a device reported and what a command asked for: the first speaks of
    every attribute that the device has, the second of those that were asked.
    """

    on: bool | None = None
    brightness: int | None = None
    color: Color | None = None
    color_temperature: int | None = None
    position: int | None = None
    fan_speed: int | None = None
    locked: bool | None = None
    temperature: float | None = None
    target_temperature: float | None = None
    humidity: float | None = None
    motion: bool | None = None
    contact: bool | None = None
    battery: int | None = None
    power: float | None = None
    energy: float | None = None

    def values(self) -> dict[str, Any]:
        """The attributes that this state speaks of, by name."""
        return {name: value for name in ATTRIBUTES if (value := getattr(self, name)) is not None}

    def merged(self, newer: "State") -> "State":
        """This state with whatever `newer` speaks of put over it."""
        return replace(self, **newer.values())

    def only(self, names: Iterable[str]) -> "State":
        """This state, silent about everything that is not named."""
        return State(**{name: getattr(self, name) for name in names})

    def differences(self, newer: "State") -> tuple[str, ...]:
        """Names of the attributes in which `newer`, laid over this state, changes it; in order."""
        return tuple(name for name, value in newer.values().items() if getattr(self, name) != value)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What the graph promises of one attribute: who has it, its range, what counts as reached."""

    capability: Capability
    least: float | None = None
    most: float | None = None
    tolerance: float = 0.0
    unit: str = ""
    writable: bool = True


TABLE: Final[Mapping[str, Attribute]] = {
    "on": Attribute(Capability.ON_OFF),
    "brightness": Attribute(Capability.BRIGHTNESS, 0, 100, 1, "%"),
    "color": Attribute(Capability.COLOR),
    "color_temperature": Attribute(Capability.COLOR_TEMPERATURE, 1500, 9000, 75, "K"),
    "position": Attribute(Capability.POSITION, 0, 100, 1, "%"),
    "fan_speed": Attribute(Capability.FAN_SPEED, 0, 100, 1, "%"),
    "locked": Attribute(Capability.LOCK),
    "temperature": Attribute(Capability.TEMPERATURE, unit="°C", writable=False),
    "target_temperature": Attribute(Capability.TARGET_TEMPERATURE, 5, 35, 0.1, "°C"),
    "humidity": Attribute(Capability.HUMIDITY, 0, 100, 1, "%", writable=False),
    "motion": Attribute(Capability.MOTION, writable=False),
    "contact": Attribute(Capability.CONTACT, writable=False),
    "battery": Attribute(Capability.BATTERY, 0, 100, 1, "%", writable=False),
    "power": Attribute(Capability.POWER, unit="W", writable=False),
    "energy": Attribute(Capability.ENERGY, unit="kWh", writable=False),
}
"""Tolerances are those promised to partners: 1 % of the range or one step, 0.1 °C, 1° of hue."""

ATTRIBUTES: Final = tuple(field.name for field in fields(State))
FULL_CIRCLE: Final = 360.0
SLACK: Final = 1e-9
"""Lets 21.1 - 21.0 count as 0.1, which binary fractions miss by a hair."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device with the home and room it is in, as it was at one moment.

    `address` is its connector's own name for it; `sequence` counts its events without gaps;
    `order` is the connector's number of the last report that was taken in.
    """

    id: str
    home: Home
    room: Room | None
    name: str
    kind: DeviceKind
    capabilities: tuple[Capability, ...]
    online: bool
    state: State
    updated_at: datetime
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    address: str = ""
    sequence: int = 0
    order: int = 0


@lru_cache(len(ATTRIBUTES))  # an event says what has changed by these
def spoken(name: str) -> str:
    """An attribute's name as the graph writes it: `color_temperature` → `colorTemperature`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def check(device: Device, asked: State) -> None:
    """Refuse what `device` can never do, with the field and what would be right.

    Raises:
        Invalid: nothing is asked, a value is out of range or can only be reported, or the device
            lacks the capability.
    """
    values = asked.values()
    if not values:
        sentence = f"state asks for nothing; this {_kind(device)} takes {_able(device)}."
        raise Invalid(sentence, "state")
    for name, value in values.items():
        field = f"state.{spoken(name)}"
        attribute = TABLE[name]
        if attribute.capability not in device.capabilities:
            sentence = f"{field}: this {_kind(device)} has no {attribute.capability.value}; "
            raise Invalid(sentence + f"it takes {_able(device)}.", field)
        if not attribute.writable:
            sentence = f"{field} can only be reported; this {_kind(device)} takes {_able(device)}."
            raise Invalid(sentence, field)
        if isinstance(value, Color):
            within(f"{field}.hue", value.hue, 0, FULL_CIRCLE, "degrees")
            within(f"{field}.saturation", value.saturation, 0, 100, "%")
        elif attribute.least is not None and attribute.most is not None:
            within(field, value, attribute.least, attribute.most, attribute.unit)


def reached(name: str, asked: object, reported: object) -> bool:
    """Whether `reported` counts as `asked` for this attribute, within the attribute's tolerance."""
    if isinstance(asked, Color) and isinstance(reported, Color):
        return _same_color(asked, reported)
    if isinstance(asked, int | float) and isinstance(reported, int | float):
        return abs(asked - reported) <= TABLE[name].tolerance + SLACK
    return asked == reported


def _same_color(asked: Color, reported: Color) -> bool:
    if abs(asked.saturation - reported.saturation) > 1 + SLACK:
        return False
    if asked.saturation <= 1:
        return True  # white has no hue, and lamps report any
    apart = abs(asked.hue - reported.hue) % FULL_CIRCLE
    return min(apart, FULL_CIRCLE - apart) <= 1 + SLACK


def within(field: str, value: float, least: float, most: float, unit: str) -> None:
    """Refuse a number out of range, naming the input that it came in.

    Raises:
        Invalid: it is out of range, or no number.
    """
    if not least <= value <= most:  # NaN is nowhere
        given = str(value).removesuffix(".0")
        sentence = f"{field} is {given}; it must be between {least:g} and {most:g} {unit}."
        raise Invalid(sentence, field)


def _able(device: Device) -> str:
    names = [
        spoken(name)
        for name, attribute in TABLE.items()
        if attribute.writable and attribute.capability in device.capabilities
    ]
    return ", ".join(names) or "no commands"


def _kind(device: Device) -> str:
    return device.kind.value.lower().replace("_", " ")
