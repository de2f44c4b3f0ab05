"""A village: people with one home or many, partners with grants, and devices that speak."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from random import Random
from typing import Any, Final

from app.compose import House
from core.domain.accounts import Client
from core.domain.devices import Device, State
from core.domain.errors import Unavailable
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Share
from core.domain.homes import Home
from core.domain.ports import Report
from tests.core.services.estate import MOST, SCOPES, lamp

TOKEN_SECONDS: Final = 12 * 3_600
SIZES: Final = (1, 3, 8, 28)
"""How many homes the people of a village have, in turn."""
LAMPS: Final = ("quiet", "loud", "loudest")
WEIGHTS: Final = (1, 10, 20)
AT_ONCE: Final = 16
DEVICE: Final = """device {
  id name kind capabilities online updatedAt manufacturer model firmware
  state { on brightness color { hue saturation } colorTemperature battery power energy }
  room { id name } home { id name timeZone }
}"""
FULL: Final = f"""subscription($after: String) {{
  events(after: $after) {{
    id type sequence occurredAt home {{ id }}
    ... on DeviceStatusChanged {{ changed a: {DEVICE} b: {DEVICE} }}
  }}
}}"""
"""All that can be told of an event, and some of it twice: large messages."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's app: what one person gave it."""

    grant: Grant
    token: str
    homes: Sequence[str]
    devices: Sequence[Device]


@dataclass(slots=True)
class Village:
    """What `settle` made, and the place of each home's log then."""

    house: House
    partners: Sequence[Partner]
    heads: Mapping[str, int]

    @property
    def devices(self) -> list[Device]:
        """Every device."""
        return [device for partner in self.partners for device in partner.devices]

    def start(self, partner: Partner) -> str:
        """A partner's cursor of the beginning."""
        places = {home_id: self.heads[home_id] for home_id in partner.homes}
        return self.house.cursors.places(partner.grant.id, places)

    async def logs(self) -> dict[str, list[Event]]:
        """What each home's log holds since the beginning."""
        read = self.house.logs.events
        return {home_id: await read(home_id, head, MOST) for home_id, head in self.heads.items()}

    def misplaced(self, logs: Mapping[str, Sequence[Event]]) -> list[str]:
        """The homes in whose log a place is missing or twice there."""
        return [
            home_id
            for home_id, head in self.heads.items()
            if [event.place for event in logs[home_id]]
            != list(range(head + 1, head + 1 + len(logs[home_id])))
        ]


async def settle(house: House, homes: int) -> Village:
    """As many homes of three lamps, of people who each share all of theirs with one app."""
    client = await house.services.accounts.create_client("Partner")
    sizes = cycle(SIZES)
    partners: list[Partner] = []
    while homes:
        size = min(next(sizes), homes)
        homes -= size
        partners.append(await _partner(house, client, len(partners), size))
    home_ids = [home_id for partner in partners for home_id in partner.homes]
    return Village(house, partners, await house.logs.heads(home_ids))


async def _partner(house: House, client: Client, number: int, size: int) -> Partner:
    owner = await house.services.accounts.create_user(f"person-{number}")
    slots = asyncio.Semaphore(AT_ONCE)

    async def furnish(name: str) -> tuple[Home, list[Device]]:
        async with slots:
            home = await house.services.homes.create(owner.id, name, "UTC", "")
            found = [lamp(address) for address in LAMPS]
            return home, await house.services.devices.reconcile(home, found)

    made = await asyncio.gather(*(furnish(f"{number}-{n}") for n in range(size)))
    shares = [Share(home.id) for home, _ in made]
    grant = await house.services.grants.give(owner.id, client.id, SCOPES, shares)
    token = house.tokens.issue(grant, grant.scopes, TOKEN_SECONDS)
    devices = [device for _, found in made for device in found]
    return Partner(grant, token, [home.id for home, _ in made], devices)


@dataclass(slots=True)
class Voices:
    """The devices of a village, as they speak; what the database refuses is said again.

    Each report is taken in by any of these houses.
    """

    houses: Sequence[House]
    random: Random
    told: int = 0
    """How many events the log must hold for what was said."""
    refused: int = 0
    _orders: dict[str, Any] = field(default_factory=dict)
    _states: dict[str, tuple[bool, bool]] = field(default_factory=dict)

    async def speak(
        self, devices: Sequence[Device], reports: int, rate: float, takers: int
    ) -> None:
        """So many reports of these devices, at so many a second, some at once."""
        begun = time.monotonic()
        left = iter(range(reports))

        async def take(mine: Sequence[Device]) -> None:
            weights = [WEIGHTS[LAMPS.index(device.name)] for device in mine]
            for number in left:
                await asyncio.sleep(begun + number / rate - time.monotonic())
                (device,) = self.random.choices(mine, weights)
                await self.say(device)

        await asyncio.gather(*(take(devices[at::takers]) for at in range(takers)))

    async def say(self, device: Device) -> None:
        """One report in which it is the other way round, and now and then in or out of reach."""
        on, online = self._states.get(device.id, (bool(device.state.on), device.online))
        moves = self.random.random() < 0.05
        self._states[device.id] = on, online = not on, online ^ moves
        order = next(self._orders.setdefault(device.id, count(device.order + 1)))
        report = Report(device.id, order, State(on=on), online=online)
        house = self.random.choice(self.houses)
        while True:
            try:
                await house.services.reports.take(device.home.id, report, frozenset())
                break
            except Unavailable:  # it may be stored all the same: the same order says so
                self.refused += 1
                await asyncio.sleep(0.05)
        self.told += 1 + moves


def of(
    *types: EventType, device_id: str | None = None, home_id: str | None = None
) -> Callable[[Event], bool]:
    """Whether an event is of these types (any, where none is named), of a device, of a home."""

    def fits(event: Event) -> bool:
        return (
            (not types or event.type in types)
            and (device_id is None or (event.device is not None and event.device.id == device_id))
            and (home_id is None or event.home.id == home_id)
        )

    return fits
