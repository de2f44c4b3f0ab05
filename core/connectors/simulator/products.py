"""The catalogue of simulated products: what they are, what they can do, how they leave the shop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.connectors.simulator.chance import Chance
from core.domain.devices import Capability, Color, DeviceKind, State


@dataclass(frozen=True, slots=True)
class Product:
    """One model of one (invented) manufacturer."""

    kind: DeviceKind
    capabilities: tuple[Capability, ...]
    manufacturer: str
    model: str
    firmware: str
    state: State


_C = Capability
PRODUCTS: Final[Mapping[str, Product]] = {
    "lamp": Product(
        DeviceKind.LIGHT,
        (_C.ON_OFF, _C.BRIGHTNESS),
        "Northlight",
        "Glow A60 Dim",
        "2.14.1",
        State(on=False, brightness=60),
    ),
    "light": Product(
        DeviceKind.LIGHT,
        (_C.ON_OFF,),
        "Northlight",
        "Disc C28",
        "2.9.0",
        State(on=False),
    ),
    "switch": Product(
        DeviceKind.SWITCH,
        (_C.ON_OFF,),
        "Brightwell",
        "Relay One",
        "1.6.3",
        State(on=False),
    ),
    "outlet": Product(
        DeviceKind.OUTLET,
        (_C.ON_OFF, _C.POWER, _C.ENERGY),
        "Brightwell",
        "Meter Plug 16A",
        "3.2.0",
        State(on=True, power=42.0, energy=12.0),
    ),
    "lock": Product(
        DeviceKind.LOCK,
        (_C.LOCK, _C.BATTERY),
        "Oakbolt",
        "Keeper 3",
        "5.0.12",
        State(locked=True, battery=88),
    ),
    "thermostat": Product(
        DeviceKind.THERMOSTAT,
        (_C.TEMPERATURE, _C.TARGET_TEMPERATURE),
        "Hearthline",
        "Room T2",
        "4.7.5",
        State(temperature=19.4, target_temperature=21.0),
    ),
    "motion": Product(
        DeviceKind.SENSOR,
        (_C.MOTION, _C.BATTERY),
        "Sentra",
        "Eye Mini",
        "1.1.8",
        State(motion=False, battery=91),
    ),
    "contact": Product(
        DeviceKind.SENSOR,
        (_C.CONTACT, _C.BATTERY),
        "Sentra",
        "Door & Window",
        "1.3.0",
        State(contact=True, battery=76),
    ),
    "white lamp": Product(
        DeviceKind.LIGHT,
        (_C.ON_OFF, _C.BRIGHTNESS, _C.COLOR_TEMPERATURE),
        "Northlight",
        "Glow A60 White",
        "2.14.1",
        State(on=False, brightness=80, color_temperature=2700),
    ),
    "colour lamp": Product(
        DeviceKind.LIGHT,
        (_C.ON_OFF, _C.BRIGHTNESS, _C.COLOR, _C.COLOR_TEMPERATURE),
        "Northlight",
        "Glow Spectrum",
        "2.16.0",
        State(on=False, brightness=70, color=Color(30, 60), color_temperature=2700),
    ),
    "fan": Product(
        DeviceKind.FAN,
        (_C.ON_OFF, _C.FAN_SPEED),
        "Zephyrine",
        "Ceiling 120",
        "1.2.4",
        State(on=False, fan_speed=0),
    ),
    "blind": Product(
        DeviceKind.BLIND,
        (_C.POSITION,),
        "Velarium",
        "Roller 24V",
        "3.0.7",
        State(position=100),
    ),
    "garage door": Product(
        DeviceKind.GARAGE_DOOR,
        (_C.POSITION,),
        "Oakbolt",
        "Sectional Drive",
        "2.3.1",
        State(position=0),
    ),
    "heating": Product(
        DeviceKind.THERMOSTAT,
        (_C.TEMPERATURE, _C.TARGET_TEMPERATURE, _C.HUMIDITY),
        "Hearthline",
        "Room T2 Plus",
        "4.7.5",
        State(temperature=20.2, target_temperature=21.5, humidity=52.0),
    ),
    "climate sensor": Product(
        DeviceKind.SENSOR,
        (_C.TEMPERATURE, _C.HUMIDITY, _C.BATTERY),
        "Sentra",
        "Air",
        "1.4.2",
        State(temperature=19.8, humidity=47.0, battery=83),
    ),
    "meter": Product(
        DeviceKind.METER,
        (_C.POWER, _C.ENERGY),
        "Brightwell",
        "Main Meter 3P",
        "7.1.0",
        State(power=320.0, energy=2500.0),
    ),
}


def unpacked(product: Product, chance: Chance) -> State:
    """The state of one exemplar: what is measured differs from house to house."""
    state = product.state
    if state.battery is not None:
        state = replace(state, battery=round(chance.uniform(55, 100)))
    if state.temperature is not None:
        state = replace(state, temperature=round(chance.uniform(18.0, 21.5), 1))
    if state.humidity is not None:
        state = replace(state, humidity=round(chance.uniform(38, 58), 1))
    if state.power is not None:
        state = replace(state, power=round(state.power * chance.uniform(0.1, 2.5), 1))
    if state.energy is not None:
        state = replace(state, energy=round(state.energy * chance.uniform(0.1, 3), 3))
    return state
