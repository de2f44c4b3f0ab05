"""Lanes under whatever happens to them, in any order: each keeps one first, and nothing is lost."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from app.background import background
from app.compose import House
from app.server import begin
from core.domain.deliveries import DeliveryStatus, Move, moved
from core.domain.devices import State
from core.domain.endpoints import Ordering
from core.domain.errors import Conflict
from core.domain.ports import Report
from core.domain.repairs import Chosen, Traced
from core.domain.sending import Account, Held, Parcel, Settled
from core.store import hooks, lanes, plan_statements, tables
from core.store.endpoints import Endpoints
from core.store.parcels import Parcels
from core.store.replays import Replays
from core.store.sends import Sends
from core.store.tidying import Tidy
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, lamp, settle
from tests.core.services.repair import URL, end, of, repairs, waiting, wrong_lanes
from tests.webhooks.partner import registered

TURNS = 80
LATER = timedelta(days=30)


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home of three lamps."""
    async with run_house(database_url, webhook_allow="127.0.0.0/8") as house:
        yield await settle(house, [lamp(f"lamp {number}") for number in range(3)])


@dataclass
class Under:
    """Deliveries that a life has taken up, under a token."""

    life: str
    token: int
    run: list[Parcel]


@dataclass
class World:
    """Two endpoints, and what happens to what waits for them."""

    estate: Estate
    held: list[Held]
    chance: Random
    reports: int = 0
    under_way: list[Under] = field(default_factory=list)
    recorded: Counter[bool] = field(default_factory=Counter)
    """Deliveries that were, and that were not, as the lease was another's by then."""

    @property
    def house(self) -> House:
        """Where."""
        return self.estate.house

    @property
    def one(self) -> str:
        """Either endpoint."""
        return self.chance.choice(self.held).endpoint.id

    async def all(self) -> list[Traced]:
        """Every delivery."""
        return [one for held in self.held for one in await of(self.house, held.endpoint.id)]

    async def plan(self) -> None:
        """Some events, of any lamp."""
        for _ in range(self.chance.randint(1, 5)):
            self.reports += 1
            device = self.chance.choice(self.estate.devices)
            state = State(brightness=self.reports % 100)
            await self.estate.take(Report(device.id, self.reports, state))
        await eventually(self._planned)

    async def _planned(self) -> bool:
        place = select(tables.planned.c.place).where(
            tables.planned.c.home_id == self.estate.home.id
        )
        head = select(tables.homes.c.place).where(tables.homes.c.id == self.estate.home.id)
        found = await self.house.database.rows(place)
        return bool(found) and found[0][0] == (await self.house.database.rows(head))[0][0]

    async def take(self) -> None:
        """Whoever comes, or another who takes the lease over, takes up what is due."""
        life, which = f"life {self.chance.randint(1, 2)}", self.one
        table = tables.endpoints
        async with self.house.database.write() as connection:
            row = (await connection.execute(lanes.LOCK, {"these": [which]})).one()
            token = row.token + (row.owner != life)
            leased = update(table).where(table.c.id == which)
            await connection.execute(leased.values(owner=life, token=token))
        parcels, now = Parcels(self.house.database), self.house.clock.now() + LATER
        mine = [one for one in self.under_way if (one.life, one.token) == (life, token)]
        busy = {one.run[0].lane for one in mine if one.run[0].delivery.endpoint_id == which}
        firsts = [one for one in await parcels.due(which, now, 8) if one.lane not in busy]
        assert len({one.lane for one in firsts}) == len(firsts)
        behind = await parcels.behind([one for one in firsts if one.lane != one.delivery.id], now)
        for first in firsts:
            run = [first, *behind.get(first.lane, ())]
            numbers = [one.delivery.number for one in run]
            assert numbers == sorted(numbers)
            self.under_way.append(Under(life, token, run[: self.chance.randint(1, 25)]))

    async def record(self) -> None:
        """Some of what was taken up ends, or is to be tried again, which holds what is behind."""
        self.chance.shuffle(self.under_way)
        for _ in range(self.chance.randint(0, len(self.under_way))):
            under = self.under_way.pop()
            settled, now = [], self.house.clock.now()
            for parcel in under.run:
                move = self.chance.choice([Move.DELIVER] * 5 + [Move.PARK, Move.RETRY])
                after = replace(moved(parcel.delivery, move, now, "a test"), tried_at=now)
                settled.append(Settled(parcel, after))
                if after.open:
                    break
            account = Account(under.token, 0, settled)
            which = under.run[0].delivery.endpoint_id
            found = await Sends(self.house.database).record(under.life, {which: account})
            self.recorded[found[which].taken] += len(settled)

    async def end(self) -> None:
        """Some that wait, next to each other or not."""
        waits = [one for one in await self.all() if one.open]
        many = min(len(waits), self.chance.randint(1, 8))
        at = self.chance.randint(0, len(waits) - many)
        some = self.chance.sample(waits, many) if at % 2 else waits[at : at + many]
        await end(self.house, some, DeliveryStatus.CANCELLED) if some else None

    async def redeliver(self) -> None:
        """Any, also what is under way and what had ended."""
        every = await self.all()
        for one in self.chance.sample(every, min(len(every), 3)):
            await repairs(self.estate).deliveries.redeliver(self.estate.client.id, one.id)

    async def replay(self) -> None:
        """Begin one, or go on with those that are."""
        replays = repairs(self.estate).replays
        if self.chance.random() < 0.3:
            try:
                await replays.begin(self.estate.client.id, self.one, Chosen(per_second=500))
            except Conflict:  # enough are
                return
        await Replays(self.house.database, self.house.ids).step(self.house.clock.now() + LATER)

    async def order(self) -> None:
        """Have an endpoint keep an order, or none."""
        ordering = self.chance.choice(list(Ordering))
        await Endpoints(self.house.database).change(
            self.estate.client.id,
            self.one,
            lambda held: replace(held, endpoint=replace(held.endpoint, ordering=ordering)),
        )

    async def forget(self) -> None:
        """Some of what has ended."""
        await Tidy(self.house.database).forget(self.house.clock.now() + LATER)


@pytest.mark.parametrize("seed", range(2))
async def test_lanes_stay_whole_whatever_happens(estate: Estate, seed: int) -> None:
    """After each step; and at the end all can be ended, from the firsts on."""
    held = [await registered(estate, URL, rate_limit=1_000) for _ in range(2)]
    world = World(estate, held, Random(seed))
    steps = [world.plan, world.take, world.record, world.end, world.redeliver, world.replay]
    rare = [world.order, world.forget]
    begin(estate.house)
    tidy, later = Tidy(estate.house.database), estate.house.clock.now() + 2 * LATER
    async with background(estate.house.dead, estate.house.services.planner.run):
        await world.plan()
        for _ in range(TURNS):
            await world.chance.choice(steps * 3 + rare)()
            assert await wrong_lanes(estate.house) == []
        assert world.recorded[True] > 0
        assert world.recorded[False] > 0
        for one in held:
            while old := await tidy.overdue(one.endpoint.id, later):
                assert await tidy.end(old, DeliveryStatus.DEAD, "A test said so.", later) > 0
    assert not [one for one in await world.all() if one.open]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_what_waits_without_a_place_in_a_lane_is_refused(estate: Estate) -> None:
    """So a process of before, which plans in another way, loses nothing."""
    _, (first, *_) = await waiting(estate, 1)
    lost = hooks.delivery_values(
        replace(first, id="delivery_lost", number=2, event_id="event_lost"),
        estate.client.id,
        "lane",
        None,
    )
    with pytest.raises(DBAPIError, match="ck_deliveries_waits"):
        async with estate.house.database.write() as connection:
            await connection.execute(insert(tables.deliveries).values({**lost, "ready": False}))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_postgresql_goes_to_what_it_is_asked_for(estate: Estate) -> None:
    """Also where its statistics are of a time when nothing waited, and very many do now."""
    held, (first, *_) = await waiting(estate, 1)
    this, many = held.endpoint.id, 20_000
    follow = lanes._FOLLOW.postgresql(), ([None] * 300, [True] * 300, [this] * 300, [*range(300)])  # noqa: SLF001 - the statement itself
    pairs = (f'[["{this}", "{first.device_id}"]]',)
    async with estate.house.database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE deliveries SET (autovacuum_enabled = false)")
        await connection.exec_driver_sql(_copies("DELIVERED", "null", 2, many))
        await connection.exec_driver_sql("ANALYZE deliveries")
        await connection.exec_driver_sql(_copies("PENDING", "n - 1", many + 2, 2 * many))
        lines = str(plan_statements.LINES.compile(connection.sync_engine))
        for (statement, values), index in (
            (follow, "ix_deliveries_behind"),
            ((lines, pairs), "ix_deliveries_number"),
        ):
            plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
            steps = "\n".join(row[0] for row in plan)
            assert index in steps
            for endless in ("Seq Scan on deliveries", "ix_deliveries_pins", "Merge Join"):
                assert endless not in steps


def _copies(status: str, behind: str, low: int, high: int) -> str:
    """A statement that has many more like the one that is there."""
    own = ("id", "number", "event_id", "status", "ready", "behind")
    same = ", ".join(one.name for one in tables.deliveries.columns if one.name not in own)
    return (
        f"INSERT INTO deliveries ({', '.join(own)}, {same})"  # noqa: S608 - as it stands here
        f" SELECT 'd_' || n, n, 'e_' || n, '{status}', false, {behind}, {same}"
        f" FROM generate_series({low}, {high}) AS n,"
        " (SELECT * FROM deliveries ORDER BY id LIMIT 1) AS one"
    )
