"""The server of a town: many homes, each with an owner, a grant and a device of its own.

It is the product's own application on its own house, but for where events come from: for each byte
on a socket beside the database, the next home has one, and it enters where the committer would have
told of it, once it were stored (`core.relay.Relay.committed`). What is left out is the transaction,
which `ingest_…` measures; what follows it is all there: relay, feed, hub, rendering, sockets.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
import uvloop

from app import server
from app.compose import House, build, running
from bench import homes
from bench.asking import OnAsked, asked
from bench.sampling import profiled
from core import observe
from core.domain.accounts import Client
from core.domain.devices import Device, State
from core.domain.events import Event, EventType
from core.domain.grants import Scope, Share
from core.settings import Settings
from core.store.committer import BATCH, Committed

AT_ONCE = 32


@dataclass(slots=True)
class Resident:
    """The device of one home as it is now, and the place that its home's log has in the store."""

    device: Device
    token: str
    place: int = 0

    def change(self, house: House) -> Event:
        """Its next event, as `core.store.ledger.Ledger.tell` would have made it.

        Its place is the next that the feed waits for; where nobody follows the home, it is lost.
        """
        before, now = self.device, house.clock.now()
        on = not before.state.on
        known = house.feed.known(before.home.id)
        self.device = replace(
            before, state=State(on=on), sequence=before.sequence + 1, updated_at=now
        )
        return Event(
            id=house.ids.new("event"),
            type=EventType.DEVICE_STATUS_CHANGED,
            home=before.home,
            place=1 + (self.place if known is None else known),
            sequence=self.device.sequence,
            occurred_at=now,
            device=self.device,
            previous=before.state,
            changed=("on",),
        )


def happening(house: House, residents: Sequence[Resident]) -> OnAsked:
    """Lets so many events happen, told like transactions' facts; the first home begins."""
    turns, most = cycle(residents), min(BATCH, len(residents))

    def happen(count: int) -> None:
        for begun in range(0, count, most):
            events = [next(turns).change(house) for _ in range(min(most, count - begun))]
            places = {event.home.id: event.place for event in events}
            house.relay.committed(Committed(places, events, ()))

    return happen


async def _settled(house: House, count: int) -> list[Resident]:
    """Make the homes, some at once; each with an owner who gives one app access to it."""
    client = await house.services.accounts.create_client("Bench")
    slots = asyncio.Semaphore(AT_ONCE)

    async def settle(number: int) -> Resident:
        async with slots:
            return await _resident(house, client, number)

    found = await asyncio.gather(*(settle(number) for number in range(count)))
    heads = await house.logs.heads([one.device.home.id for one in found])
    for one in found:
        one.place = heads[one.device.home.id]
    return found


async def _resident(house: House, client: Client, number: int) -> Resident:
    owner = await house.services.accounts.create_user(f"bench-{number}")
    home, (device,) = await homes.switches(house, owner, 1)
    shares = (Share(home.id),)
    grant = await house.services.grants.give(owner.id, client.id, frozenset(Scope), shares)
    # As a log holds a device: without how it is reached.
    token = house.tokens.issue(grant, grant.scopes, homes.TOKEN_SECONDS)
    return Resident(replace(device, address="", order=0), token)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, required=True)
    parser.add_argument("--listen", type=Path, required=True, help="the socket for asking")
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Serve until stdin ends or the process is asked to end."""
    end = server.asked_to_end()
    asyncio.get_running_loop().add_reader(sys.stdin, end.set)  # the benchmark is gone
    with server.bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = Settings(public_url=f"http://127.0.0.1:{port}")
        async with running(build(settings), migrate=True) as house, AsyncExitStack() as stack:
            residents = await _settled(house, options.homes)
            begin = partial(happening, house, residents)
            await stack.enter_async_context(asked(options.listen, begin))
            await stack.enter_async_context(server.listening(house, listener))
            server.calm_collector()  # as `latchkey serve` does
            sys.stdout.buffer.write(orjson.dumps(_ready(port, residents)) + b"\n")
            sys.stdout.flush()
            await end.wait()


def _ready(port: int, residents: Sequence[Resident]) -> dict[str, Any]:
    there = [{"home": one.device.home.id, "token": one.token} for one in residents]
    return {"port": port, "homes": there}


def main() -> None:
    """Serve."""
    options = _arguments()
    observe.configure(pretty=False)
    with (
        profiled(options.profile),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # as `latchkey serve` does
    ):
        runner.run(run(options))


if __name__ == "__main__":
    main()
