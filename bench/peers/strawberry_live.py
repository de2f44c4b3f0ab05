"""Strawberry's own socket: its ASGI view, a generator for each subscription, a queue in memory.

The types are those parts of the published graph that the measured document asks for; times stay
the strings that they are in the message of ours that the events are modelled on.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NewType
from uuid import uuid4

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from bench.peers import asgi

DateTime = NewType("DateTime", str)
SCALARS: Final[Mapping[object, Any]] = {DateTime: strawberry.scalar(name="DateTime", serialize=str)}


@strawberry.type
class Device:
    """A device."""

    id: strawberry.ID
    name: str


@strawberry.type
class DeviceState:
    """What a device reported."""

    on: bool | None
    brightness: int | None


@strawberry.type
class DeviceStatusChanged:
    """An event."""

    id: strawberry.ID
    sequence: int
    occurred_at: DateTime
    changed: list[str]
    device: Device
    state: DeviceState


class Told:
    """A device that changes when it is asked to, and a queue for each who is to know."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Go on from an event of ours."""
        self._record = record
        self._sequence: int = record["sequence"]
        self._on: bool = record["state"]["on"]
        self._queues: set[asyncio.Queue[DeviceStatusChanged]] = set()

    async def tell(self, count: int) -> None:
        """Let so many events happen."""
        for _ in range(count):
            event = self._next()
            for queue in self._queues:
                queue.put_nowait(event)

    async def watch(self) -> AsyncGenerator[DeviceStatusChanged]:
        """Each event from now on."""
        queue: asyncio.Queue[DeviceStatusChanged] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    def _next(self) -> DeviceStatusChanged:
        self._sequence += 1
        self._on = not self._on
        return DeviceStatusChanged(
            id=strawberry.ID(f"event_{uuid4().hex}"),
            sequence=self._sequence,
            occurred_at=DateTime(datetime.now(UTC).isoformat().replace("+00:00", "Z")),
            changed=self._record["changed"],
            device=Device(**self._record["device"]),
            state=DeviceState(on=self._on, brightness=self._record["state"]["brightness"]),
        )


def application(told: Told) -> GraphQL[None, None]:
    """Strawberry's view, with its socket."""

    @strawberry.type
    class Query:
        """The root that there has to be."""

        sequence: int = 0

    @strawberry.type
    class Subscription:
        """What can be watched."""

        @strawberry.subscription
        async def device_status_changed(
            self, home_id: strawberry.ID | None = None
        ) -> AsyncGenerator[DeviceStatusChanged]:
            del home_id  # there is one
            async for event in told.watch():
                yield event

    schema = strawberry.Schema(
        query=Query, subscription=Subscription, config=StrawberryConfig(scalar_map=SCALARS)
    )
    return GraphQL(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--message", type=Path, required=True, help="a file with a message of ours")
    parser.add_argument("--listen", type=Path, required=True, help="the socket for asking")
    given = parser.parse_args()
    message = orjson.loads(given.message.read_bytes())
    told = Told(message["payload"]["data"]["deviceStatusChanged"])
    asgi.serve(application(told), given.listen, told.tell)


if __name__ == "__main__":
    main()
