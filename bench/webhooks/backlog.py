"""Deliveries that wait, few or very many, and what planning and claiming more of them costs.

It reads its settings from the environment as `latchkey serve` does. `fill` makes homes, a partner
with endpoints of which the last is down, and events that are planned but not sent; says what it
made. `measure` says the microseconds that a delivery costs beside them, and leaves as many waiting
as there were.

Who gave what to whom is not asked here: it is known in memory and does not depend on what waits.
"""

import argparse
import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any, Final

import orjson
import uvloop
from sqlalchemy import text, update

from app.compose import House, build, running
from app.server import begin, calm_collector
from bench import homes
from bench.figures import MICRO, MILLI
from bench.webhooks.partners import registered, reported, settled
from core import observe
from core.domain.breaker import Breaker, BreakerState
from core.domain.events import Event
from core.domain.sending import Held
from core.settings import Settings
from core.store.endpoints import Endpoints
from core.store.plans import Plans
from core.store.tables import deliveries

HOMES: Final = 20
DEVICES: Final = 50
DEEP: Final = 25
"""Deliveries in a lane, at least: more than a sender takes up at once."""
LANES: Final = 2
"""That are claimed at a time: as many as the smallest backlog has."""
WHILE_DOWN: Final = timedelta(days=1)
KNOWN: Final = 1 << 62
"""The place of the access log up to which everything is known."""


class Everything:
    """A judge by whom every endpoint of the partner gets every event."""

    def __init__(self, client_id: str) -> None:
        """The partner."""
        self._client_id = client_id

    def clients(self, home_ids: Collection[str]) -> Collection[str]:
        """The partner."""
        del home_ids
        return [self._client_id]

    def chosen(
        self, event: Event, rooms: Mapping[str, str | None], held: Sequence[Held]
    ) -> Sequence[Held]:
        """All of them."""
        del event, rooms
        return held


async def fill(house: House, given: argparse.Namespace) -> dict[str, Any]:
    """Make a backlog of so many; the least there is comes from two devices alone."""
    viewer, made = await settled(house, HOMES, DEVICES)
    urls = [f"{given.url}/{number}" for number in range(given.endpoints)]
    secrets = await registered(house, viewer, urls)
    home_ids, client_id = [one.id for one in made], viewer.client.id
    devices = [one for home_id in home_ids for one in await house.devices_of(home_id)]
    plans = Plans(house.database, house.ids)
    await plans.begin({one: at for one, (at, _) in (await plans.newest(home_ids)).items()})
    down = Endpoints(house.database)
    await down.change(client_id, list(secrets)[-1], _down_until(house))
    events = given.pending // given.endpoints
    some = devices[: max(LANES, min(len(devices), events // DEEP))]
    await reported(homes.puppets(house, some), events)
    while await _planned(house, plans, home_ids, client_id):
        pass
    if not house.database.sqlite:
        async with house.database.write() as connection:  # as autovacuum does within a minute
            await connection.execute(text("ANALYZE"))
    return {"homes": home_ids, "client": client_id, "secrets": secrets}


def _down_until(house: House) -> Any:
    until = house.clock.now() + WHILE_DOWN

    def work(held: Held) -> Held:
        return replace(held, breaker=Breaker(state=BreakerState.OPEN, until=until, trips=1))

    return work


async def _planned(house: House, plans: Plans, home_ids: Sequence[str], client_id: str) -> int:
    """How many deliveries one transaction planned."""
    judge, now = Everything(client_id), house.clock.now()
    return (await plans.plan(home_ids, judge, KNOWN, now)).deliveries


async def measure(house: House, given: argparse.Namespace) -> dict[str, Any]:
    """What a delivery costs beside what waits."""
    calm_collector()
    return {
        "claim_us": await _claiming(house, given.times),
        "plan_us": await _planning(house, given),
        "queue_ms": await _counting(house),
    }


async def _claiming(house: House, times: int) -> float:
    """Lease the endpoints that are due, look what of each is to be sent, and leave them again."""
    outbox, costs = house.services.outbox, []
    for _ in range(times):
        began, found = perf_counter(), 0
        leased = await outbox.lease(1_000)
        for held in leased:
            runs = await outbox.take(held, (), LANES)
            found += sum(map(len, runs))
            await outbox.release(held, 0)
        costs.append((perf_counter() - began) / found)
    return median(costs[1:]) * MICRO


async def _planning(house: House, given: argparse.Namespace) -> float:
    """One transaction's deliveries of an event of each device of a home, time and again."""
    plans, costs = Plans(house.database, house.ids), []
    puppets = homes.puppets(house, await house.devices_of(given.home))
    held = await Endpoints(house.database).of(given.client)
    for _ in range(given.times):
        before = {one.endpoint.id: one.planned for one in held}
        await reported(puppets, len(puppets.all))
        began = perf_counter()
        planned = await _planned(house, plans, [given.home], given.client)
        costs.append((perf_counter() - began) / planned)
        held = await Endpoints(house.database).of(given.client)
        await _end(house, before)
    return median(costs[1:]) * MICRO


async def _end(house: House, before: Mapping[str, int]) -> None:
    """Have what was planned since be over, so that as much waits as did before."""
    async with house.database.write() as connection:
        for endpoint_id, number in before.items():
            since = update(deliveries).where(
                deliveries.c.endpoint_id == endpoint_id, deliveries.c.number > number
            )
            over = {"status": "DELIVERED", "ready": False, "ended_at": house.clock.now()}
            await connection.execute(since.values(**over))


async def _counting(house: House) -> float:
    """Milliseconds of the look at how much waits, which a worker has every ten seconds."""
    costs = []
    for _ in range(3):
        began = perf_counter()
        await house.services.outbox.queue()
        costs.append(perf_counter() - began)
    return median(costs) * MILLI


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Do it."""
    async with running(build(Settings()), migrate=True) as house:
        begin(house)
        return await (fill if given.what == "fill" else measure)(house, given)


def main() -> None:
    """Do it, say."""
    observe.configure(pretty=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["fill", "measure"])
    parser.add_argument("--url", help="of the receiver, to fill")
    parser.add_argument("--endpoints", type=int, help="to fill")
    parser.add_argument("--pending", type=int, help="deliveries, to fill")
    parser.add_argument("--home", help="in which more happens, to measure")
    parser.add_argument("--times", type=int, help="that each is done, to measure")
    parser.add_argument("--client", help="whose endpoints are looked at, to measure")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `latchkey worker` does
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
