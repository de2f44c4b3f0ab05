"""A partner who receives webhooks: an endpoint in the store, and a server of its own."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import select

from app.compose import House
from core.domain.deliveries import Delivery
from core.domain.endpoints import Endpoint
from core.domain.events import Event
from core.domain.sending import Held
from core.services.letters import Letters
from core.signing import Secret, SenderKey, verify
from core.store import hooks
from core.store.endpoints import Endpoints
from core.store.tables import deliveries
from schema.default import DEFAULT
from tests.core.services.estate import Estate
from tests.webhooks.receivers import OK, Receiver, receiver, request

KEY: Final = Secret(b"only for tests, 32 bytes of text")


@dataclass(frozen=True, slots=True)
class Got:
    """One request, verified."""

    id: str
    at: datetime
    body: dict[str, Any]
    raw: bytes

    @property
    def event(self) -> str:
        """The id of the event that it tells of."""
        return str(self.body["data"]["events"]["id"])

    @property
    def device(self) -> str | None:
        """The id of the device that the event is of."""
        device = self.body["data"]["events"].get("device")
        return device and str(device["id"])


Answers = Callable[[Got], bytes | None]
"""What the receiver answers; None is nothing at all."""


@dataclass
class Partner:
    """What one endpoint got, in the order in which it came."""

    house: House
    held: Held
    server: Receiver
    got: list[Got] = field(default_factory=list)
    answers: Answers = lambda _: OK
    pause: float = 0.0
    """Seconds before each answer."""

    @property
    def id(self) -> str:
        """The endpoint's."""
        return self.held.endpoint.id

    @property
    def first(self) -> list[Got]:
        """Without what came again."""
        found: dict[str, Got] = {}
        for one in self.got:
            found.setdefault(one.id, one)
        return list(found.values())

    def events(self, *taken: Got) -> list[str]:
        """The events that it was told of, each once, by first arrival."""
        return list(dict.fromkeys(one.event for one in (taken or self.got)))

    async def deliveries(self) -> list[Delivery]:
        """All of its deliveries, as they are stored."""
        query = select(deliveries).where(deliveries.c.endpoint_id == self.id)
        found = await self.house.database.rows(query.order_by(deliveries.c.number))
        return [hooks.delivery_of(row) for row in found]

    async def statuses(self) -> dict[str, int]:
        """How many of them are where."""
        found: defaultdict[str, int] = defaultdict(int)
        for one in await self.deliveries():
            found[one.status.value] += 1
        return dict(found)

    async def statuses_are(self, expected: dict[str, int]) -> bool:
        """Whether so many are there, and no others."""
        return await self.statuses() == expected

    async def statuses_count(self, status: str, count: int) -> bool:
        """Whether so many have this one."""
        return (await self.statuses()).get(status, 0) == count

    def of(self, device_id: str) -> list[Got]:
        """What it got of a device."""
        return [one for one in self.got if one.device == device_id]

    async def now(self) -> Held:
        """The endpoint as it is stored."""
        held = await Endpoints(self.house.database).known(self.id)
        assert held is not None
        return held


@asynccontextmanager
async def partner(estate: Estate, **defined: Any) -> AsyncIterator[Partner]:
    """An endpoint of the estate's client, whose server runs while the block does."""
    here: Partner | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert here is not None
        while True:
            got = _got(await request(reader))
            here.got.append(got)
            answer = here.answers(got)
            await asyncio.sleep(here.pause)
            if answer is None:
                await asyncio.sleep(3_600)
                return
            writer.write(answer)

    async with receiver(serve) as server:
        held = await registered(estate, server.url, **defined)
        here = Partner(estate.house, held, server)
        yield here


async def registered(estate: Estate, url: str, **defined: Any) -> Held:
    """An endpoint of the estate's client."""
    return await endpoint_of(estate.house, estate.client.id, url, KEY, **defined)


async def endpoint_of(
    house: House, client_id: str, url: str, key: SenderKey, **defined: Any
) -> Held:
    """An endpoint of a client, whose messages are signed with this key."""
    now = house.clock.now()
    endpoint = Endpoint(
        id=house.ids.new("endpoint"),
        client_id=client_id,
        url=url,
        document=defined.pop("document", DEFAULT),
        created_at=now,
        updated_at=now,
        active_since=now,
        **defined,
    )
    letters = Letters(house.press, house.sealer, "http://127.0.0.1")
    held = Held(endpoint, (letters.sealed(endpoint.id, key),))
    await Endpoints(house.database).add(held)
    return held


async def told(estate: Estate, count: int, start: int = 1) -> Sequence[Event]:
    """So many reports of the lamp, each another brightness."""
    before = len(await estate.events())
    for number in range(start, start + count):
        await estate.hear(number, brightness=number % 100)
    return (await estate.events())[before:]


def _got(raw: bytes) -> Got:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, value in lines}
    verified = verify([KEY], headers, body, datetime.now(UTC))
    return Got(verified.id, verified.at, orjson.loads(body), body)
