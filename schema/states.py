"""States: what devices report and commands ask for."""

import strawberry

from core.domain import devices as domain
from schema.scopes import READ


@strawberry.type(
    description="A colour; how bright it is, is the brightness of the light.", directives=[READ]
)
class Color:
    """`core.domain.devices.Color`."""

    hue: float = strawberry.field(description="Hue in degrees, 0–360: 0 is red, 120 green.")
    saturation: float = strawberry.field(description="Saturation in %, 0–100: 0 is white.")


@strawberry.type(
    description=(
        "Values by attribute. Reported: null where the device lacks the capability. "
        "Asked for: null where nothing is asked."
    ),
    directives=[READ],
)
class DeviceState:
    """`core.domain.devices.State`."""

    on: bool | None = strawberry.field(description="Whether it is on.")
    brightness: int | None = strawberry.field(description="Brightness in %, 0–100.")
    color: Color | None = strawberry.field(description="Colour of the light.")
    color_temperature: int | None = strawberry.field(
        description="Colour temperature in kelvin, 1500–9000.",
    )
    position: int | None = strawberry.field(description="Position in %, 0–100: 100 is open.")
    fan_speed: int | None = strawberry.field(description="Speed of the fan in %, 0–100.")
    locked: bool | None = strawberry.field(description="Whether it is locked.")
    temperature: float | None = strawberry.field(description="Measured temperature in °C.")
    target_temperature: float | None = strawberry.field(
        description="Temperature to be reached in °C, 5–35.",
    )
    humidity: float | None = strawberry.field(description="Relative humidity in %, 0–100.")
    motion: bool | None = strawberry.field(description="Whether motion is seen.")
    contact: bool | None = strawberry.field(description="Whether the contact is closed.")
    battery: int | None = strawberry.field(description="Charge of the battery in %, 0–100.")
    power: float | None = strawberry.field(description="Power drawn now in W.")
    energy: float | None = strawberry.field(description="Energy used so far in kWh.")


@strawberry.input(description="A colour to be shown.")
class ColorInput:
    """What becomes a `core.domain.devices.Color`."""

    hue: float = strawberry.field(description="Hue in degrees, 0–360: 0 is red, 120 green.")
    saturation: float = strawberry.field(description="Saturation in %, 0–100: 0 is white.")


@strawberry.input(
    description="What a device is asked for: at least one attribute. Null asks for nothing."
)
class DesiredStateInput:
    """What becomes a `core.domain.devices.State`."""

    on: bool | None = strawberry.field(description="Switch it on or off.")
    brightness: int | None = strawberry.field(description="Brightness in %, 0–100.")
    color: ColorInput | None = strawberry.field(description="Colour of the light.")
    color_temperature: int | None = strawberry.field(
        description="Colour temperature in kelvin, 1500–9000.",
    )
    position: int | None = strawberry.field(description="Position in %, 0–100: 100 is open.")
    fan_speed: int | None = strawberry.field(description="Speed of the fan in %, 0–100.")
    locked: bool | None = strawberry.field(description="Lock or unlock it.")
    target_temperature: float | None = strawberry.field(
        description="Temperature to be reached in °C, 5–35.",
    )

    def state(self) -> domain.State:
        """The asked state of the domain."""
        color = self.color
        return domain.State(
            on=self.on,
            brightness=self.brightness,
            color=domain.Color(color.hue, color.saturation) if color else None,
            color_temperature=self.color_temperature,
            position=self.position,
            fan_speed=self.fan_speed,
            locked=self.locked,
            target_temperature=self.target_temperature,
        )


@strawberry.input(
    description=(
        "What a simulated device is changed to, as by hand or by the weather: measured values too. "
        "Null changes nothing."
    )
)
class ReportedStateInput:
    """What becomes a `core.domain.devices.State`."""

    on: bool | None = strawberry.field(description="Somebody switches it on or off.")
    brightness: int | None = strawberry.field(description="Brightness in %, 0–100.")
    color: ColorInput | None = strawberry.field(description="Colour of the light.")
    color_temperature: int | None = strawberry.field(
        description="Colour temperature in kelvin, 1500–9000.",
    )
    position: int | None = strawberry.field(description="Position in %, 0–100: 100 is open.")
    fan_speed: int | None = strawberry.field(description="Speed of the fan in %, 0–100.")
    locked: bool | None = strawberry.field(description="Somebody turns the key.")
    temperature: float | None = strawberry.field(description="Measured temperature in °C.")
    target_temperature: float | None = strawberry.field(
        description="Temperature to be reached in °C, 5–35.",
    )
    humidity: float | None = strawberry.field(description="Relative humidity in %, 0–100.")
    motion: bool | None = strawberry.field(description="Whether somebody moves before it.")
    contact: bool | None = strawberry.field(description="Whether the contact is closed.")
    battery: int | None = strawberry.field(description="Charge of the battery in %, 0–100.")
    power: float | None = strawberry.field(description="Power drawn now in W.")
    energy: float | None = strawberry.field(description="Energy used so far in kWh.")

    def state(self) -> domain.State:
        """The state of the domain."""
        values = {name: getattr(self, name) for name in domain.ATTRIBUTES}
        color = self.color
        values["color"] = domain.Color(color.hue, color.saturation) if color else None
        return domain.State(**values)
