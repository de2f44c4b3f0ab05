"""Deliveries that wait, few or very many, and what planning and claiming more of them costs.

It reads its settings from the environment as `latchkey serve` does. `fill` makes homes, a partner
with endpoints of which the last is down, and events that are planned but not sent; says what it
made. `measure` says the seconds that a delivery costs beside several backlogs, in turns, and leaves
as many waiting as there were.

Who gave what to whom is not asked here: it is known in memory and does not depend on what waits.
"""

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter
from typing import Any, Final

import orjson
import uvloop
from sqlalchemy import and_, or_, select, text

from app.compose import House, build, running
from app.server import begin, calm_collector
from bench import homes
from bench.webhooks.partners import registered, reported, settled
from core import observe
from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import DeliveryStatus
from core.domain.events import Event
from core.domain.sending import Held
from core.settings import Settings
from core.store.endpoints import Endpoints
from core.store.plans import Plans
from core.store.tables import deliveries
from core.store.tidying import PAGE, Tidy

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

    def clients(self, home_id: str) -> Collection[str]:
        """The partner."""
        del home_id
        return [self._client_id]

    def read(self, held: Collection[Held]) -> None:
        """They have no documents here."""

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


@dataclass(frozen=True, slots=True)
class Beside:
    """A house with a backlog, and where more happens in it."""

    house: House
    client: str
    puppets: homes.Puppets

    async def claim(self) -> float:
        """Lease the endpoints that are due, look what of each is to be sent, and leave them again.

        Gives the seconds that this takes for each delivery, as the others do.
        """
        outbox, began, found = self.house.services.outbox, perf_counter(), 0
        for held in await outbox.lease(1_000):
            runs = await outbox.take(held, (), LANES)
            found += sum(map(len, runs))
            await outbox.release(held, 0)
        return (perf_counter() - began) / found

    async def plan(self) -> float:
        """Plan an event of each device of a home, in one transaction."""
        house = self.house
        held = await Endpoints(house.database).of(self.client)
        await reported(self.puppets, len(self.puppets.all))
        home_id, plans = self.puppets.all[0].device.home.id, Plans(house.database, house.ids)
        began = perf_counter()
        planned = await _planned(house, plans, [home_id], self.client)
        passed = perf_counter() - began
        await _end(house, {one.endpoint.id: one.planned for one in held})
        return passed / planned

    async def count(self) -> float:
        """Look how much waits, which a worker does every ten seconds."""
        began = perf_counter()
        await self.house.services.outbox.queue()
        return perf_counter() - began


async def measure(every: Sequence[Beside], times: int) -> list[dict[str, list[float]]]:
    """What each costs beside each backlog, time after time, in turns; the first is not told."""
    calm_collector()
    found: list[dict[str, list[float]]] = [defaultdict(list) for _ in every]
    for _ in range(times + 1):
        for one, costs in zip(every, found, strict=True):
            costs["claim"].append(await one.claim())
            costs["plan"].append(await one.plan())
            costs["queue"].append(await one.count())
    return [{name: taken[1:] for name, taken in costs.items()} for costs in found]


async def _end(house: House, before: Mapping[str, int]) -> None:
    """Have what was planned since be over, so that as much waits as did before, as it did."""
    since = [
        and_(deliveries.c.endpoint_id == endpoint_id, deliveries.c.number > number)
        for endpoint_id, number in before.items()
    ]
    found = await house.database.rows(select(deliveries.c.id).where(or_(*since)))
    these, now = [row.id for row in found], house.clock.now()
    for start in range(0, len(these), PAGE):
        some = these[start : start + PAGE]
        await Tidy(house.database).end(some, DeliveryStatus.CANCELLED, "It was measured.", now)


async def run(given: argparse.Namespace) -> Any:
    """Do it."""
    if given.what == "fill":
        async with running(build(Settings()), migrate=True) as house:
            begin(house)
            return await fill(house, given)
    async with AsyncExitStack() as stack:
        every = []
        for url, home_id, client_id in given.beside:
            settings = Settings().model_copy(update={"database_url": url})
            house = await stack.enter_async_context(running(build(settings)))
            puppets = homes.puppets(house, await house.devices_of(home_id))
            every.append(Beside(house, client_id, puppets))
        return await measure(every, given.times)


def main() -> None:
    """Do it, say."""
    observe.configure(pretty=False)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["fill", "measure"])
    parser.add_argument("--url", help="of the receiver, to fill")
    parser.add_argument("--endpoints", type=int, help="to fill")
    parser.add_argument("--pending", type=int, help="deliveries, to fill")
    parser.add_argument("--times", type=int, help="that each is done, to measure")
    where = "a database, a home in which more happens, and its partner, to measure; several"
    parser.add_argument("--beside", nargs=3, action="append", help=where)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `latchkey worker` does
        sys.stdout.buffer.write(orjson.dumps(runner.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
