"""The line between a simulated device and us: its latency, and what a fault does to reports."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from core.connectors.simulator.faults import DeviceFault
from core.domain.ports import Report

SLOW_SECONDS: Final = (3.0, 6.0)
HOLD_SECONDS: Final = 1.0
"""How long an out-of-order line keeps a report back when no other comes to overtake it."""


class Spell:
    """One injection of a fault; its end must not end a later one of the same fault."""


@dataclass(slots=True)
class Line:
    """The fault of one device and what is under way to and from it."""

    fault: DeviceFault = DeviceFault.NONE
    spell: Spell = field(default_factory=Spell)
    held: Report | None = None
    busy: float = 0.0
    """When (monotonic) the last request arrives; requests do not overtake each other."""

    def arrival(self, now: float, latency: float, random: Random) -> float:
        """When (monotonic) a request made now reaches the device."""
        if self.fault is DeviceFault.SLOW:
            seconds = random.uniform(*SLOW_SECONDS)
        else:
            seconds = latency * random.uniform(0.5, 1.5)
        self.busy = max(self.busy, now + seconds)
        return self.busy

    def carry(self, report: Report) -> tuple[Report, ...]:
        """What comes out at our end when the device makes this report; it may be held back."""
        if self.fault is DeviceFault.DUPLICATE:
            return (report, report)
        if self.fault is not DeviceFault.OUT_OF_ORDER:
            return (report,)
        if self.held is None:
            self.held = report
            return ()
        return (report, *self.release())

    def release(self) -> tuple[Report, ...]:
        """The report that was held back, if there is one."""
        held, self.held = self.held, None
        return () if held is None else (held,)
