"""The sandbox: what partners make happen in simulated homes that were shared with them."""

from dataclasses import dataclass
from datetime import datetime

from core.domain.devices import Device
from core.domain.errors import Missing
from core.domain.homes import Home
from core.domain.sandbox import Pacing, Simulation
from resolvers import devices, homes
from resolvers.answers import settled
from resolvers.asking import Ask


@dataclass(frozen=True, slots=True)
class Paced:
    """A home's time, after it was changed."""

    home: Home
    now: datetime
    speed: float


async def simulate(ask: Ask, simulation: Simulation) -> Device:
    """Let something happen at a device; the device as it then is.

    Raises:
        Missing: the device is missing or hidden.
        Invalid: it can never happen, or the home is not simulated.
        Unavailable: nobody runs the home now.
    """
    device = await devices.named(ask, simulation.device_id)
    await ask.services.simulations.simulate(ask.who, device, simulation)
    await _done(ask, device.home)
    return await devices.named(ask, simulation.device_id)


async def pace(ask: Ask, pacing: Pacing) -> Paced:
    """Let a home's time go on otherwise.

    Raises as `simulate` does, and Refused where less than the whole home is shared.
    """
    home = await settled(homes.find(ask, pacing.home_id))
    if home is None:
        sentence = f"There is no home {pacing.home_id}."
        raise Missing(sentence)
    time = await ask.services.simulations.pace(ask.who, home, pacing)
    await _done(ask, home)
    return Paced(home, time.now, time.speed)


async def _done(ask: Ask, home: Home) -> None:
    """Whichever process runs the home, what it stored for this is read from now on."""
    ask.touched.add(home.id)
    await ask.fresh.renew(home.id)
    ask.loaders.forget()
