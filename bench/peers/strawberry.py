"""Strawberry's defaults: its own view on graphql-core, nothing cached, nothing tuned.

The types are those parts of the published graph that the measured documents ask for. Records come
from a file of Latchkey's own answers and lie in memory as objects; times stay the strings that they
are there. With `--changing`, one device has changed before each request but the first.
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, NewType

import orjson
import strawberry
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from bench.peers import asgi
from core.domain.commands import CommandStatus
from core.domain.devices import DeviceKind

DateTime = NewType("DateTime", str)
SCALARS: Final[Mapping[object, Any]] = {DateTime: strawberry.scalar(name="DateTime", serialize=str)}

strawberry.enum(DeviceKind)
strawberry.enum(CommandStatus)


@strawberry.type
class Room:
    """A room."""

    id: strawberry.ID
    name: str


@strawberry.type
class Home:
    """A home."""

    id: strawberry.ID
    name: str
    time_zone: str


@strawberry.type
class DeviceState:
    """What a device reported, or what a command asks for."""

    on: bool | None
    brightness: int | None


@strawberry.type
class Command:
    """A command."""

    id: strawberry.ID
    status: CommandStatus
    issued_at: DateTime
    deadline: DateTime
    desired: DeviceState


@strawberry.type
class Device:
    """A device."""

    id: strawberry.ID
    name: str
    kind: DeviceKind
    online: bool
    updated_at: DateTime
    room: Room | None
    home: Home
    state: DeviceState
    pending_command: Command | None


@strawberry.type
class DeviceConnection:
    """A page of devices."""

    nodes: list[Device]


class House:
    """The devices in memory; `changing` ones change in turn."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *, changing: bool) -> None:
        """Read what Latchkey answered."""
        self._devices = [_device(one) for one in records]
        self._able = cycle([one for one in self._devices if one.state.on is not None])
        self._changing = changing
        self._asked = False

    def page(self, first: int) -> list[Device]:
        """The first devices, as they are now."""
        if self._changing and self._asked:
            device = next(self._able)
            device.state.on = not device.state.on
            device.updated_at = DateTime(_written(datetime.now(UTC)))
        self._asked = True
        return list(islice(self._devices, first))


def application(house: House) -> GraphQL[None, None]:
    """Strawberry's view of the house."""

    async def page(first: int) -> DeviceConnection:
        return DeviceConnection(nodes=house.page(first))

    @strawberry.type
    class Query:
        """The root."""

        devices: DeviceConnection = strawberry.field(resolver=page)

    config = StrawberryConfig(scalar_map=SCALARS)
    return GraphQL(strawberry.Schema(query=Query, config=config))


def _device(record: Mapping[str, Any]) -> Device:
    room, pending = record["room"], record["pendingCommand"]
    return Device(
        id=record["id"],
        name=record["name"],
        kind=DeviceKind[record["kind"]],
        online=record["online"],
        updated_at=record["updatedAt"],
        room=Room(**room) if room else None,
        home=Home(
            id=record["home"]["id"],
            name=record["home"]["name"],
            time_zone=record["home"]["timeZone"],
        ),
        state=DeviceState(**record["state"]),
        pending_command=_command(pending) if pending else None,
    )


def _command(record: Mapping[str, Any]) -> Command:
    return Command(
        id=record["id"],
        status=CommandStatus[record["status"]],
        issued_at=record["issuedAt"],
        deadline=record["deadline"],
        desired=DeviceState(**record["desired"]),
    )


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--house", type=Path, required=True)
    parser.add_argument("--changing", action="store_true")
    given = parser.parse_args()
    records = orjson.loads(given.house.read_bytes())["devices"]
    asgi.serve(application(House(records, changing=given.changing)))


if __name__ == "__main__":
    main()
