"""The catalogue of simulated products: what they are, what they can do, how they leave the shop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from core.domain.devices import Capability, DeviceKind, State


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
        (_C.ON_OFF, _C.POWER),
        "Brightwell",
        "Meter Plug 16A",
        "3.2.0",
        State(on=True, power=42.0),
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
}


def unpacked(product: Product, random: Random) -> State:
    """The state of one exemplar: what is measured differs from house to house."""
    state = product.state
    if state.battery is not None:
        state = replace(state, battery=random.randint(55, 100))
    if state.temperature is not None:
        state = replace(state, temperature=round(random.uniform(18.0, 21.5), 1))
    if state.power is not None:
        state = replace(state, power=round(random.uniform(4, 120), 1))
    return state
