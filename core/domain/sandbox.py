"""The sandbox: what can be made to happen in a simulated home, besides commands. Pure.

People press switches, sensors see things, devices fail; and the home's time can be held, stepped
and hurried. Nothing here reaches a real device.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol, runtime_checkable

from core.domain.devices import FULL_CIRCLE, TABLE, Color, State, spoken, within
from core.domain.errors import Invalid

FASTEST: Final = 100.0
HURRY_SECONDS: Final = 900.0
"""How long (of the world's time) a home is hurried; its events cost everybody."""
LONGEST_STEP: Final = 3_600.0
LONGEST_FAULT: Final = 86_400
LONGEST_SCRIPT: Final = 86_400.0
MOST_STEPS: Final = 10_000
UNBOUNDED: Final = 1_000_000.0
"""The most that a value without a range of its own may be simulated as, either side of 0."""


class DeviceFault(Enum):
    """What is wrong with a simulated device; one at a time."""

    NONE = "NONE"
    OFFLINE = "OFFLINE"
    SLOW = "SLOW"
    REFUSE = "REFUSE"
    WRONG_STATE = "WRONG_STATE"
    DUPLICATE = "DUPLICATE"
    OUT_OF_ORDER = "OUT_OF_ORDER"


@dataclass(frozen=True, slots=True)
class Simulation:
    """Something that happens at one simulated device.

    `report` is what it is changed to by hand, measured values too; `online` cuts it off until it
    is put back, or puts it back; `fault` begins in place of any other and ends after
    `fault_seconds` of the home's time; NONE heals. Reach and fault change first, then the state.
    """

    device_id: str
    report: State | None = None
    online: bool | None = None
    fault: DeviceFault | None = None
    fault_seconds: int = 60

    def check(self) -> None:
        """Refuse what can never happen.

        Raises:
            Invalid: nothing is to happen, two things exclude each other, or a value is out of
                range.
        """
        values = self.report.values() if self.report else {}
        if not values and self.online is None and self.fault is None:
            sentence = "Nothing is to happen: give a report, online or a fault."
            raise Invalid(sentence, "report")
        if self.fault is not None and self.online is (self.fault is DeviceFault.OFFLINE):
            reach = "true" if self.online else "false"
            sentence = f"online: {reach} and fault: {self.fault.value} exclude each other."
            raise Invalid(sentence, "online")
        within("faultSeconds", self.fault_seconds, 1, LONGEST_FAULT, "s")
        for name, value in values.items():
            field = f"report.{spoken(name)}"
            if isinstance(value, Color):
                within(f"{field}.hue", value.hue, 0, FULL_CIRCLE, "degrees")
                within(f"{field}.saturation", value.saturation, 0, 100, "%")
            elif not isinstance(value, bool):
                attribute = TABLE[name]
                least = -UNBOUNDED if attribute.least is None else attribute.least
                most = UNBOUNDED if attribute.most is None else attribute.most
                within(field, value, least, most, attribute.unit)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How the time of a simulated home is to go on; where nothing is said, as it does.

    `speed` is how many of its seconds pass in one of the world's: 1 is as usual, 0 holds it, 100 is
    the most, and more than 1 lasts a quarter of an hour of the world's. `step_seconds` are put in
    at once, and everything due in them happens.
    """

    home_id: str
    speed: float | None = None
    step_seconds: float = 0.0

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            Invalid: a number is out of range.
        """
        if self.speed is not None:
            within("speed", self.speed, 0, FASTEST, "times the usual")
        within("stepSeconds", self.step_seconds, 0, LONGEST_STEP, "s")


@dataclass(frozen=True, slots=True)
class HomeTime:
    """The time of a simulated home: what it is there (UTC), and how fast it passes."""

    now: datetime
    speed: float


@runtime_checkable
class Sandbox(Protocol):
    """A connector to simulated homes, as what makes things happen in them. Checked input only."""

    def simulate(self, simulation: Simulation) -> int:
        """Let it happen at once; the order of the device's newest report after it.

        Raises:
            Invalid: the device lacks an attribute that the report names.
            Missing: the device is not adopted.
        """

    def pace(self, pacing: Pacing) -> HomeTime:
        """Let the home's time go on like this; what was stepped over happens right after.

        Raises:
            Missing: no device of the home is adopted.
        """

    def script(self, home_id: str, steps: Iterable[tuple[float, Simulation | Pacing]]) -> None:
        """Let things happen in a home, each so many seconds of its time from now.

        What cannot happen when its time has come is left out and logged.

        Raises:
            Invalid: a step can never happen, or there are too many.
            Missing: no device of the home is adopted.
        """
