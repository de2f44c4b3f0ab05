"""Which behaviour a device has: the table that picks one by kind and capabilities."""

from collections.abc import Iterable, Mapping
from typing import Final

from core.connectors.simulator.behaviour import Behaviour
from core.connectors.simulator.climate import Climate, Thermostat
from core.connectors.simulator.lights import Colorful, Dimmer, Lamp, Tunable
from core.connectors.simulator.meters import Meter, Outlet
from core.connectors.simulator.movers import Blind, Bolt, Fan, GarageDoor
from core.connectors.simulator.sensors import Contact, Motion
from core.domain.devices import Capability, DeviceKind

PLAIN: Final = Behaviour()
KINDS: Final[Mapping[DeviceKind, Mapping[Capability, Behaviour]]] = {
    DeviceKind.LIGHT: {
        Capability.COLOR: Colorful(),
        Capability.COLOR_TEMPERATURE: Tunable(),
        Capability.BRIGHTNESS: Dimmer(),
        Capability.ON_OFF: Lamp(),
    },
    DeviceKind.SWITCH: {Capability.ON_OFF: Lamp()},
    DeviceKind.OUTLET: {Capability.POWER: Outlet()},
    DeviceKind.FAN: {Capability.FAN_SPEED: Fan()},
    DeviceKind.BLIND: {Capability.POSITION: Blind()},
    DeviceKind.GARAGE_DOOR: {Capability.POSITION: GarageDoor()},
    DeviceKind.LOCK: {Capability.LOCK: Bolt()},
    DeviceKind.THERMOSTAT: {Capability.TARGET_TEMPERATURE: Thermostat()},
    DeviceKind.SENSOR: {
        Capability.MOTION: Motion(),
        Capability.CONTACT: Contact(),
        Capability.TEMPERATURE: Climate(),
    },
    DeviceKind.METER: {Capability.POWER: Meter()},
}
"""By kind, then by the first capability that the device has; all else is PLAIN."""


def behaviour(kind: DeviceKind, capabilities: Iterable[Capability]) -> Behaviour:
    """How a device of this kind with these capabilities behaves."""
    owned = frozenset(capabilities)
    return next((how for need, how in KINDS.get(kind, {}).items() if need in owned), PLAIN)
