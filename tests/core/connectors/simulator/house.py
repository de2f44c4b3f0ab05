"""A simulated house on a fake clock, with somebody who listens to it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from core.connectors.simulator import Simulator
from core.connectors.simulator.products import PRODUCTS
from core.domain.devices import Device, State
from core.domain.ports import Found, Report
from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from tests.fakes import HOME, FakeClock, stored


class House:
    """A simulator, what it reported, and shorthands; nothing changes by itself unless lively."""

    def __init__(
        self, *, lively: bool = False, seed: int = 1, clock: FakeClock | None = None
    ) -> None:
        self.clock = clock or FakeClock()
        self.simulator = Simulator(self.clock, seed, lively=lively)
        self.heard: list[Report] = []
        self._listener = asyncio.ensure_future(self._listen())
        self._count = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.simulator.close()
        await self._listener

    async def add(self, product: str, *, address: str = "", order: int = 0) -> Device:
        """Adopt a device of this product."""
        self._count += 1
        device = stored(found(product, address), self._count, order=order)
        await self.simulator.adopt(device)
        return device

    def press(self, device: Device, state: State) -> int:
        """Somebody at home changes a device by hand."""
        return self.simulator.simulate(Simulation(device.id, report=state))

    def fault(self, device: Device, fault: DeviceFault, seconds: int = 60) -> None:
        """Something goes wrong with a device for a while."""
        self.simulator.simulate(Simulation(device.id, fault=fault, fault_seconds=seconds))

    def pace(self, speed: float | None = None, step: float = 0.0) -> HomeTime:
        """Change how the time of the home goes on."""
        return self.simulator.pace(Pacing(HOME.id, speed, step))

    async def send(self, device: Device, state: State) -> None:
        """Send, and let time pass until the acknowledgement."""
        await self.clock.finish(self.simulator.send(device.id, state, 1))

    async def read(self, device: Device) -> None:
        """Read, and let time pass until the acknowledgement."""
        await self.clock.finish(self.simulator.read(device.id))

    async def after(self, seconds: float) -> list[Report]:
        """What was heard since the last look, once so many more seconds have passed."""
        await self.clock.advance(seconds)
        heard, self.heard = self.heard, []
        return heard

    async def quiet(self) -> list[Report]:
        """What was heard since the last look, once all that is due now has happened."""
        while self.simulator._scheduler._left() <= 0:  # noqa: ASYNC110, SLF001 - the clock stands still
            await asyncio.sleep(0)
        return await self.after(0)

    async def _listen(self) -> None:
        async for report in self.simulator.reports():
            self.heard.append(report)


def found(product: str, address: str = "") -> Found:
    """A device of this product, as it leaves the shop."""
    made = PRODUCTS[product]
    return Found(address, product, made.kind, made.capabilities, made.state)


def state(values: Mapping[str, Any]) -> State:
    """A state from values by name."""
    return State(**values)
