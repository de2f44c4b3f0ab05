"""An estate: a running house with a family's home, its devices, and a partner who has a grant."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.compose import House
from core.domain.accounts import Client, User, Viewer
from core.domain.commands import Command
from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import Home
from core.domain.ports import Found, Report
from core.domain.time import SystemClock
from core.services.orders import Order
from core.services.reports import Heard
from core.tokens import Claims

SCOPES = frozenset(Scope)
MOST = 100_000


class LeapClock(SystemClock):
    """The machine's clock, whose wall time a test may set forward or back."""

    def __init__(self) -> None:
        self._leap = timedelta(0)

    def now(self) -> datetime:
        """The wall clock, as it was set."""
        return super().now() + self._leap

    def leap(self, seconds: float) -> None:
        """Set the wall clock forward (or back)."""
        self._leap += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Estate:
    """What `settle` made; records are as they were then."""

    house: House
    user: User
    client: Client
    home: Home
    devices: tuple[Device, ...]
    grant: Grant

    @property
    def lamp(self) -> Device:
        """The first device."""
        return self.devices[0]

    @property
    def viewer(self) -> Viewer:
        """The partner, as of now."""
        return viewer_of(self.house, self.grant)

    async def events(self, *types: EventType) -> list[Event]:
        """The home's log, whole or of some types."""
        return await self.house.logs.events(self.home.id, 0, MOST, types or None)

    async def now(self, device: Device | None = None) -> Device:
        """A device (the lamp) as it is stored now."""
        return await self.house.device((device or self.lamp).id)

    async def take(self, report: Report, *sent: Command) -> Heard:
        """Take in a report that was made after these commands were sent."""
        ids = frozenset(command.id for command in sent)
        return await self.house.services.reports.take(self.home.id, report, ids)

    async def hear(self, order: int, *sent: Command, settled: bool = True, **values: Any) -> Heard:
        """Take in a report of the lamp."""
        report = Report(self.lamp.id, order, State(**values), settled)
        return await self.take(report, *sent)

    async def ask(
        self,
        device: Device | None = None,
        *,
        key: str | None = None,
        ms: int = 10_000,
        **asked: Any,
    ) -> Command:
        """Have the partner ask a device (the lamp) for a state."""
        device = device or self.lamp
        order = Order(device.id, State(**asked), key, ms)
        return await self.house.services.commands.accept(self.viewer, device, order)

    async def sent(self, device: Device | None = None, **asked: Any) -> Command:
        """As `ask`, and have it dispatched."""
        return await self.house.services.commands.dispatch(await self.ask(device, **asked))

    async def ends(self) -> list[tuple[str, str]]:
        """The id and status of each command that the log says has ended, in order."""
        told = [event.command for event in await self.events(EventType.COMMAND_UPDATED)]
        return [(one.id, one.status.value) for one in told if one is not None and not one.open]

    async def command(self, command: Command) -> Command:
        """A command as it is stored now."""
        found = await self.house.reads.commands_by_id(self.grant.view, {command.id})
        return found[command.id]


def lamp(address: str, room: str | None = "Hall") -> Found:
    """A dimmable lamp that is off, at half its brightness."""
    return Found(
        address=address,
        name=address,
        kind=DeviceKind.LIGHT,
        capabilities=(Capability.ON_OFF, Capability.BRIGHTNESS),
        state=State(on=False, brightness=50),
        room=room,
        manufacturer="Lumen",
        model="L1",
        firmware="1.0",
    )


async def settle(
    house: House, devices: Iterable[Found] = (lamp("lamp"),), *, name: str = "Ada", url: str = ""
) -> Estate:
    """A user with one home, these devices in it, and a client to whom all of it is shared."""
    services = house.services
    user = await services.accounts.create_user(name)
    client = await services.accounts.create_client("Partner")
    home = await services.homes.create(user.id, f"{name}'s home", "Europe/Berlin", url)
    made = await services.devices.reconcile(home, list(devices))
    grant = await services.grants.give(user.id, client.id, SCOPES, [Share(home.id)])
    return Estate(house, user, client, home, tuple(made), grant)


async def another_home(estate: Estate, name: str = "Cabin") -> Home:
    """One more home of the same user, with one lamp."""
    services = estate.house.services
    home = await services.homes.create(estate.user.id, name, "UTC", "")
    await services.devices.reconcile(home, [lamp("cabin lamp")])
    return home


def viewer_of(
    house: House, grant: Grant, scopes: Iterable[Scope] = SCOPES, seconds: float = 900
) -> Viewer:
    """Who a token of this grant stands for in this house."""
    expires = house.clock.now() + timedelta(seconds=seconds)
    claims = Claims("token_1", grant.client_id, grant.user_id, grant.id, frozenset(scopes), expires)
    return house.access.viewer(claims)


async def eventually(
    look: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 20.0
) -> float:
    """Wait until it is so, and say for how many seconds that took."""
    begun = time.monotonic()
    while True:
        seen = look()
        if seen if isinstance(seen, bool) else await seen:
            return time.monotonic() - begun
        assert time.monotonic() - begun < seconds, "it never came to be"
        await asyncio.sleep(0.005)


async def lasting(look: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait until it is no longer so, and say for how many seconds it was seen to be.

    However long the test itself is held up: that is no look at anything.
    """
    begun = seen = time.monotonic()
    while True:
        now = time.monotonic()
        if not look():
            return seen - begun
        seen = now
        assert now - begun < seconds, "it never ended"
        await asyncio.sleep(0.005)


def gaps(events: Sequence[Event]) -> list[str]:
    """What is wrong with the places and sequences of one home's whole log."""
    counts: dict[str, int] = defaultdict(int)
    wrong = []
    for place, event in enumerate(events, start=1):
        subject = event.device.id if event.device else event.home.id
        counts[subject] += 1
        if event.place != place:
            wrong.append(f"place {event.place} where {place} was due")
        if event.sequence != counts[subject]:
            wrong.append(f"{subject}: {event.sequence} where {counts[subject]} was due")
    return wrong
