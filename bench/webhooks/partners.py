"""Homes whose partner has endpoints, made by a process that ends when all is there.

It reads its settings from the environment as `latchkey serve` does. Says `{"homes", "secrets"}`
(by endpoint) on stdout.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import orjson
import uvloop

from app.compose import House, build, running
from app.server import begin
from bench import homes
from core import observe
from core.domain.accounts import Client, User, Viewer
from core.domain.grants import Scope, Share
from core.domain.homes import Home
from core.settings import Settings
from core.tokens import Claims

RATE: Final = 1_000
"""Messages a second that an endpoint takes: the most there is."""
DOCUMENT: Final = """
subscription Mirror {
  events {
    id type sequence occurredAt home { id name }
    ... on DeviceStatusChanged { changed device { id name } state { on } }
  }
}
"""
"""What a partner with a copy of the devices asks for; a message of it is about 500 bytes."""
AT_ONCE: Final = 256


async def settled(house: House, count: int, devices: int) -> tuple[Viewer, list[Home]]:
    """Homes of one person, each with so many switches, and the partner who was given all of it."""
    owner = await house.services.accounts.create_user("bench")
    client = await house.services.accounts.create_client("Bench")
    made = [(await homes.switches(house, owner, devices))[0] for _ in range(count)]
    return await _viewer(house, owner, client, made), made


async def _viewer(house: House, owner: User, client: Client, made: Sequence[Home]) -> Viewer:
    shares = [Share(one.id) for one in made]
    grant = await house.services.grants.give(owner.id, client.id, frozenset(Scope), shares)
    expires = house.clock.now() + timedelta(hours=1)
    return house.access.viewer(
        Claims("token_bench", client.id, owner.id, grant.id, frozenset(Scope), expires)
    )


async def registered(house: House, viewer: Viewer, urls: Sequence[str]) -> dict[str, str]:
    """An endpoint for each URL, made as by the graph; their secrets."""
    secrets: dict[str, str] = {}
    for url in urls:
        given: Any = {"url": url, "document": DOCUMENT, "rate_limit": RATE}
        issued = await house.services.endpoints.create(viewer, given)
        assert issued.secret is not None
        secrets[issued.held.endpoint.id] = issued.secret
    return secrets


async def reported(puppets: homes.Puppets, count: int) -> None:
    """So many reports of devices in turn, stored with their events."""
    for begun in range(0, count, AT_ONCE):
        some = range(min(AT_ONCE, count - begun))
        heard = await asyncio.gather(*(puppets.change() for _ in some))
        assert not any(one.late for one in heard)


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Make everything."""
    async with running(build(Settings()), migrate=True) as house:
        begin(house)  # who makes endpoints has their documents read
        viewer, made = await settled(house, given.homes, given.devices)
        secrets = await registered(house, viewer, given.urls)
        devices = [one for home in made for one in await house.devices_of(home.id)]
        await reported(homes.puppets(house, devices), given.events)
        return {"homes": [one.id for one in made], "secrets": secrets}


def main() -> None:
    """Make, say."""
    observe.configure(pretty=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", nargs="+", help="of endpoints")
    parser.add_argument("--homes", type=int, default=1)
    parser.add_argument("--devices", type=int, required=True, help="in each home")
    parser.add_argument("--events", type=int, default=0)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
