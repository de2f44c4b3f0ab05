"""A furnished house for the tests of resolvers and schema, and who asks in it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, event

from app.compose import House
from core.domain.accounts import Client, User, Viewer
from core.domain.commands import Command
from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.errors import Invalid
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import Home
from core.domain.ports import Clock, Found, Report
from core.services.orders import Order
from resolvers.asking import Ask
from resolvers.loaders import SnapshotLoaders, StoreLoaders

EVERY: Final = frozenset(Scope)


def checked(text: str) -> None:
    """Take any document but an empty one."""
    if not text:
        sentence = "The document is empty."
        raise Invalid(sentence)


def lamp(address: str, name: str | None = None, room: str | None = None) -> Found:
    """A dimmable lamp that is on at half."""
    able = (Capability.ON_OFF, Capability.BRIGHTNESS)
    state = State(on=True, brightness=50)
    return Found(address, name or address, DeviceKind.LIGHT, able, state, room=room, model="L1")


@dataclass(frozen=True)
class World:
    """A running house with one user, one client, one home of three lamps, all of it granted."""

    house: House
    user: User
    client: Client
    home: Home
    grant: Grant
    lamps: Sequence[Device]

    def viewer(self, grant: Grant | None = None, scopes: Iterable[Scope] = EVERY) -> Viewer:
        """Who asks with this grant, as it is known now."""
        known = self.house.access.grants[(grant or self.grant).id]
        client = self.house.access.clients[known.client_id]
        until = self.house.clock.now() + timedelta(hours=1)
        held = frozenset(scopes) & known.scopes
        return Viewer(client, self.user, known, held, until, "token_1")

    def ask(self, viewer: Viewer | None = None, clock: Clock | None = None) -> Ask:
        """A fresh context; the clock is the one that commands are looked at by."""
        house, viewer = self.house, viewer or self.viewer()
        loaders = SnapshotLoaders(house.reads, house.logs, viewer.grant.view, house.homes)
        return Ask(
            viewer=viewer,
            services=house.services,
            loaders=loaders,
            cursors=house.cursors,
            live=house.hub,
            fresh=house.fresh,
            clock=clock or house.clock,
            check=checked,
            opens=lambda _, scopes: frozenset(scopes) >= EVERY,
        )

    def unkept(self) -> Ask:
        """A fresh context in which everything comes from the store."""
        ask = self.ask()
        ask.loaders = StoreLoaders(self.house.reads, self.house.logs, ask.who.grant.view)
        return ask

    async def give(self, *shares: Share) -> Grant:
        """One more grant, to a client of its own."""
        client = await self.house.services.accounts.create_client("Other")
        return await self.house.services.grants.give(self.user.id, client.id, EVERY, shares)

    async def more(self, name: str, *found: Found) -> tuple[Home, list[Device]]:
        """One more home of the user, with these devices; nobody was granted it."""
        services = self.house.services
        home = await services.homes.create(self.user.id, name, "UTC", "none://")
        devices = await services.devices.reconcile(home, found)
        return home, [replace(one, address="") for one in devices]

    async def report(
        self,
        device: Device,
        order: int,
        sent: Command | None = None,
        *,
        online: bool | None = None,
        **values: Any,
    ) -> None:
        """Let a device report values, or whether it is in reach, after it was sent a command."""
        report = Report(device.id, order, State(**values), online=online)
        ids = frozenset({sent.id} if sent else ())
        await self.house.services.reports.take(device.home.id, report, ids)

    async def accept(self, device: Device, **values: Any) -> Command:
        """A command that nobody will send: it stays open until its deadline."""
        order = Order(device.id, State(**values))
        return await self.house.services.commands.accept(self.viewer(), device, order)

    async def pending(self, device: Device) -> Command:
        """The device's newest open command, once there is one."""
        for _ in range(500):
            if found := (await self.house.reads.pending([device.id]))[device.id]:
                return found[-1]
            await asyncio.sleep(0.01)
        sentence = f"no command came to {device.id} in 5 s"
        raise AssertionError(sentence)

    async def dispatch(self, command: Command) -> Command:
        """Note that a command is being sent."""
        return await self.house.services.commands.dispatch(command)


async def furnished(house: House) -> World:
    """Furnish a running house."""
    services = house.services
    user = await services.accounts.create_user("alice")
    client = await services.accounts.create_client("Partner")
    home = await services.homes.create(user.id, "Maple", "Europe/Berlin", "none://")
    grant = await services.grants.give(user.id, client.id, EVERY, [Share(home.id)])
    found = [lamp("a", "Attic", "Loft"), lamp("b", "Bath", "Bathroom"), lamp("c", "Cellar")]
    lamps = await services.devices.reconcile(home, found)
    return World(house, user, client, home, grant, [replace(one, address="") for one in lamps])


def later(clock: Clock, seconds: float) -> Clock:
    """The same clock, so many seconds ahead."""
    return _Ahead(clock, timedelta(seconds=seconds))


@dataclass(frozen=True)
class _Ahead:
    clock: Clock
    by: timedelta

    def now(self) -> Any:
        return self.clock.now() + self.by

    def monotonic(self) -> float:
        return self.clock.monotonic() + self.by.total_seconds()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


_counted: ContextVar[list[str] | None] = ContextVar("counted", default=None)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements that this task, and what it starts, runs while the block runs."""

    def note(*given: Any) -> None:
        if (seen := _counted.get()) is not None and given[2] != "BEGIN":
            seen.append(given[2])

    found: list[str] = []
    event.listen(Engine, "before_cursor_execute", note)
    token = _counted.set(found)
    try:
        yield found
    finally:
        _counted.reset(token)
        event.remove(Engine, "before_cursor_execute", note)
