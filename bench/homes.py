"""Homes for benchmarks: simulated ones, and ones whose devices speak when a benchmark says so."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, Final

from app.compose import House
from core.connectors.simulator import plans
from core.domain.accounts import ClientAuth, User
from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.grants import Scope, Share
from core.domain.homes import Home
from core.domain.ports import Report
from core.services.reports import Heard, Reports

TOKEN_SECONDS: Final = 3_600

AT_ONCE: Final = frozenset({DeviceKind.LIGHT, DeviceKind.SWITCH, DeviceKind.OUTLET})
"""Kinds that are switched without a way to go; a fan has to spin up first."""


@dataclass(slots=True)
class Puppet:
    """A device that reports when told to, the other way round each time."""

    device: Device
    on: bool
    order: int

    def speak(self) -> Report:
        """Its next report."""
        self.on = not self.on
        self.order += 1
        return Report(self.device.id, self.order, State(on=self.on))


@dataclass(slots=True)
class Puppets:
    """Devices that report in turn, through the service that real reports go through."""

    reports: Reports
    all: list[Puppet]
    _next: Any = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the first."""
        self._next = cycle(self.all)

    async def change(self) -> Heard:
        """Let the next device report a change; returns once it is stored with its event."""
        puppet: Puppet = next(self._next)
        return await self.reports.take(puppet.device.home.id, puppet.speak(), frozenset())


def puppets(house: House, devices: Sequence[Device]) -> Puppets:
    """The devices that can be on or off, as puppets, going on from what they last said."""
    able = [one for one in devices if Capability.ON_OFF in one.capabilities]
    every = [Puppet(one, on=bool(one.state.on), order=one.order) for one in able]
    return Puppets(house.services.reports, every)


async def simulated(house: House, owner: User, devices: int) -> tuple[Home, list[Device]]:
    """A home that the runner and its simulator bring to life."""
    assert house.runner is not None
    url = f"simulator://plan?devices={devices}"
    home = await house.services.homes.create(owner.id, "Bench", "UTC", url)
    return home, await house.runner.adopt(home, url)


async def quiet(house: House, owner: User, devices: int) -> tuple[Home, list[Device]]:
    """A home of the same mixture of devices, which no connector reaches."""
    home = await house.services.homes.create(owner.id, "Bench", "UTC", "bench://")
    found = plans.found(f"simulator://plan?devices={devices}")
    return home, await house.services.devices.reconcile(home, found)


async def switches(house: House, owner: User, devices: int) -> tuple[Home, list[Device]]:
    """A home of nothing but switches, which no connector reaches."""
    home = await house.services.homes.create(owner.id, "Bench", "UTC", "bench://")
    (model,) = (one for one in plans.found("simulator://harbor") if one.name == "Extractor fan")
    found = [replace(model, name=f"Switch {n}", address=f"switch-{n}") for n in range(devices)]
    return home, await house.services.devices.reconcile(home, found)


async def token(house: House, owner: User, home: Home) -> str:
    """A token with every scope for one home, of a client of its own."""
    client = await house.services.accounts.create_client("Bench")
    shares = (Share(home.id),)
    grant = await house.services.grants.give(owner.id, client.id, frozenset(Scope), shares)
    return house.tokens.issue(grant, grant.scopes, TOKEN_SECONDS)


async def app(house: House) -> dict[str, str]:
    """A confidential client with a secret, which may ask for itself."""
    client = await house.services.accounts.create_client("Bench app", auth=ClientAuth.BASIC)
    secret = await house.services.client_secrets.rotate(client.id)
    return {"id": client.id, "secret": secret}


def told(device: Device) -> dict[str, Any]:
    """A device as the benchmark's own process needs to know it."""
    return {
        "id": device.id,
        "name": device.name,
        "kind": device.kind.value,
        "room": device.room.name if device.room else None,
        "online": device.online,
        "switchable": Capability.ON_OFF in device.capabilities and device.kind in AT_ONCE,
    }
