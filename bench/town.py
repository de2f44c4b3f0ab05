"""The server of a town: many homes, each with an owner, a grant and a device of its own.

It is the product's own application on its own house, but for where events come from: for each byte
on a socket beside the database, the next home has one, and it enters where the committer would have
told of it, once it were stored (`core.relay.Relay.committed`). What is left out is the transaction,
which `ingest_…` measures, as far as it can be: an event is made of what was prepared before, with
an id, a place and a sequence of its own. What follows it is all there: relay, feed, hub, rendering,
sockets.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import count as counting, cycle
from pathlib import Path
from typing import Any

import orjson
import uvloop

from app import server
from app.address import bound
from app.compose import House, build, running
from app.ending import asked_to_end
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
HAPPENED, CHANGED = EventType.DEVICE_STATUS_CHANGED, ("on",)


@dataclass(slots=True)
class Resident:
    """The device of one home, and the place that its home's log has in the store."""

    device: Device
    """As it is now."""

    other: Device
    """As it will be after its next event; the two take turns."""

    token: str
    sequence: int
    place: int = 0

    def change(self, house: House, number: int, now: datetime) -> Event:
        """Its next event, like one of `core.store.ledger.Ledger.tell`.

        But the device in it keeps its sequence, and the time of its last change. Its place is
        the next that the feed waits for; where nobody follows the home, it is lost.
        """
        before, self.device, self.other = self.device, self.other, self.device
        self.sequence += 1
        known = house.feed.known(before.home.id)
        place = 1 + (self.place if known is None else known)
        about = before.home, place, self.sequence, now, self.device, before.state, CHANGED
        return Event(f"event_{number:032x}", HAPPENED, *about)


def happening(house: House, residents: Sequence[Resident], numbers: Iterator[int]) -> OnAsked:
    """Lets so many events happen, told like transactions' facts; the first home begins."""
    turns, most = cycle(residents), min(BATCH, len(residents))

    def happen(asked: int) -> None:
        for begun in range(0, asked, most):
            some = min(most, asked - begun)
            now = house.clock.now()  # of all that one transaction tells
            events = [next(turns).change(house, next(numbers), now) for _ in range(some)]
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
    token = house.tokens.issue(grant, grant.scopes, homes.TOKEN_SECONDS)
    device = replace(device, address="", order=0)  # as a log holds it: without how it is reached
    other = replace(device, state=State(on=not device.state.on))
    return Resident(device, other, token, device.sequence)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, required=True)
    parser.add_argument("--listen", type=Path, required=True, help="the socket for asking")
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Serve until stdin ends or the process is asked to end."""
    end = asked_to_end()
    asyncio.get_running_loop().add_reader(sys.stdin, end.set)  # the benchmark is gone
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = Settings(public_url=f"http://127.0.0.1:{port}")
        async with running(build(settings), migrate=True) as house, AsyncExitStack() as stack:
            residents = await _settled(house, options.homes)
            begin = partial(happening, house, residents, counting(1))
            await stack.enter_async_context(asked(options.listen, begin))
            await stack.enter_async_context(server.listening(house, listener))
            server.calm_collector()  # as `latchkey serve` does
            sys.stdout.buffer.write(orjson.dumps(_ready(port, residents)) + b"\n")
            sys.stdout.flush()
            with profiled(options.profile):
                await end.wait()


def _ready(port: int, residents: Sequence[Resident]) -> dict[str, Any]:
    there = [{"home": one.device.home.id, "token": one.token} for one in residents]
    return {"port": port, "homes": there}


def main() -> None:
    """Serve."""
    options = _arguments()
    observe.configure(pretty=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `latchkey serve` does
        runner.run(run(options))


if __name__ == "__main__":
    main()
