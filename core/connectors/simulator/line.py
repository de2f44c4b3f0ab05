"""The line between a simulated device and us: its latency, and what a fault does to reports."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from core.connectors.simulator.chance import Chance
from core.domain.ports import Offline, Report
from core.domain.sandbox import DeviceFault

Answer = asyncio.Future[None]

SLOW_SECONDS: Final = (3.0, 6.0)
HOLD_SECONDS: Final = 1.0
"""How long an out-of-order line keeps a report back when no other comes to overtake it."""
CARRIES: Final = 256
"""Requests that may be on their way to one device: in a home whose time is held none arrives."""


@dataclass(slots=True)
class Line:
    """The fault of one device and what is under way to and from it; all times are the home's."""

    fault: DeviceFault = DeviceFault.NONE
    cut: bool = False
    """Whether somebody cut it off; that lasts beside any fault, until it is put back."""
    held: Report | None = None
    busy: float = 0.0
    """When the last request arrives; requests do not overtake each other."""
    coming: int = 0
    """Requests on their way, whether somebody still waits for their answers or not."""
    answers: set[Answer] = field(default_factory=set)

    def arrival(self, now: float, latency: float, chance: Chance) -> float:
        """When a request made now reaches the device."""
        if self.fault is DeviceFault.SLOW:
            seconds = chance.uniform(*SLOW_SECONDS)
        else:
            seconds = latency * chance.uniform(0.5, 1.5)
        self.busy = max(self.busy, now + seconds)
        return self.busy

    def call(self, answer: Answer) -> None:
        """Put a request on its way.

        Raises:
            Offline: too many are on their way already.
        """
        if self.coming >= CARRIES:
            raise unreachable()
        self.coming += 1
        self.answers.add(answer)
        answer.add_done_callback(self.answers.discard)

    def hang_up(self, error: BaseException | None = None) -> None:
        """Answer everybody who waits: with `error`, or that the device cannot be reached."""
        for answer in tuple(self.answers):
            reply(answer, error or unreachable())

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


def reply(answer: Answer, refusal: BaseException | None) -> None:
    """Answer a request, if somebody still waits."""
    if answer.done():
        return  # a caller who gave up has not stopped the device
    if refusal is None:
        answer.set_result(None)
    else:
        answer.set_exception(refusal)


def unreachable() -> Offline:
    """That the device cannot be reached."""
    return Offline("The device does not answer.")
