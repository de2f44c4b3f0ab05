"""The sandbox: what can be made to happen in simulated homes."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.domain import devices, sandbox as domain
from resolvers import sandbox as resolve
from schema.asking import Info
from schema.enums import publish
from schema.homes import Home
from schema.scopes import SANDBOX
from schema.states import ReportedStateInput

publish(
    domain.DeviceFault,
    "What is wrong with a simulated device; one at a time.",
    {
        "NONE": "Nothing: it heals whatever was wrong.",
        "OFFLINE": "It cannot be reached: commands end REJECTED with DEVICE_OFFLINE.",
        "SLOW": "Commands reach it only after several seconds.",
        "REFUSE": "It takes no commands: they end REJECTED with DEVICE_REJECTED.",
        "WRONG_STATE": "It acknowledges and then does something else: commands end TIMED_OUT.",
        "DUPLICATE": "It says everything twice.",
        "OUT_OF_ORDER": "Its reports overtake each other.",
    },
)

FAULT_SECONDS = 60


@strawberry.input(description="What is to happen at a simulated device; at least one thing.")
class SimulateDeviceInput:
    """What becomes a `core.domain.sandbox.Simulation`."""

    device_id: strawberry.ID = strawberry.field(description="The device, in a simulated home.")
    report: ReportedStateInput | None = strawberry.field(
        description="What it is changed to at once. It reports that, unless it is out of reach."
    )
    online: bool | None = strawberry.field(
        description=(
            "False cuts it off until true puts it back; after a restart of the server it is back "
            "within 30 seconds of the home's time."
        )
    )
    fault: domain.DeviceFault | None = strawberry.field(
        description="What begins to be wrong with it, in place of what was."
    )
    fault_seconds: int | None = strawberry.field(
        default=FAULT_SECONDS,
        description="How long the fault lasts, in seconds of the home's time, 1–86400.",
    )

    def simulation(self) -> domain.Simulation:
        """The simulation, for the usual time where none is given."""
        return domain.Simulation(
            device_id=self.device_id,
            report=self.report.state() if self.report else None,
            online=self.online,
            fault=self.fault,
            fault_seconds=FAULT_SECONDS if self.fault_seconds is None else self.fault_seconds,
        )


@strawberry.input(
    description=(
        "How the time of a simulated home is to go on; without speed and step it is only told."
    )
)
class SimulateTimeInput:
    """What becomes a `core.domain.sandbox.Pacing`."""

    home_id: strawberry.ID = strawberry.field(description="The simulated home.")
    speed: float | None = strawberry.field(
        description=(
            "Its seconds in one of the world's, 0–100: 0 holds its time, 1 is usual; more than 1 "
            "lasts 15 minutes."
        )
    )
    step_seconds: float | None = strawberry.field(
        description="Seconds to put in at once, 0–3600; all that is due in them happens."
    )

    def pacing(self) -> domain.Pacing:
        """The pacing, without a step where none is given."""
        return domain.Pacing(self.home_id, self.speed, self.step_seconds or 0.0)


@strawberry.type(description="The time of a simulated home.", directives=[SANDBOX])
class SimulatedTime:
    """`resolvers.sandbox.Paced`."""

    home: Home = strawberry.field(description="The home.")
    now: datetime = strawberry.field(description="What time it is there.")
    speed: float = strawberry.field(description="Its seconds in one of the world's.")


async def simulate_device(
    info: Info,
    input: Annotated[
        SimulateDeviceInput, strawberry.argument(description="What is to happen, and where.")
    ],
) -> devices.Device:
    """Make something happen at a device."""
    return await resolve.simulate(info.context, input.simulation())


async def simulate_time(
    info: Info,
    input: Annotated[
        SimulateTimeInput, strawberry.argument(description="How time is to go on, and where.")
    ],
) -> resolve.Paced:
    """Hold, step or hurry a home's time."""
    return await resolve.pace(info.context, input.pacing())
