"""Several owners of devices on one database: each home has one, whoever comes, hangs or ends."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import pytest
from sqlalchemy import make_url

from app import compose
from app.compose import House, build, running
from core.domain.commands import Command, CommandStatus
from core.domain.devices import Device, State
from core.domain.homes import Home
from core.domain.ports import Declined, Found, Report
from core.domain.sandbox import Simulation
from core.domain.shards import SHARDS, Fenced, shard_of
from core.domain.time import SystemClock
from core.runner import keeper as room, runner
from core.runner.keeper import Keeper
from core.store.leases import Leases
from tests.conftest import Postgres, Run, settings_for
from tests.core.services.estate import Estate, eventually, lamp, settle

pytestmark = pytest.mark.punctual

URL = "simulator://?latency=0.002&still=1"
PLAN = "simulator://plan?devices=1&still=1"
HOMES = 6

on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats that come sooner, so that the tests are over sooner."""
    monkeypatch.setattr(room, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(room, "HASTE_SECONDS", 0.05)
    monkeypatch.setattr(runner, "HOMES_SECONDS", 0.1)


def keeper_of(house: House) -> Keeper:
    """The keeper of a house with devices."""
    assert house.runner is not None
    return house.runner.keeper


def seated(house: House) -> set[str]:
    """The devices that a house's simulator runs."""
    assert house.runner is not None
    return set(house.runner._connectors["simulator"]._world.seats)  # type: ignore[attr-defined]  # noqa: SLF001 - as it sees it


def shares(*houses: House) -> list[int]:
    """How many shards each has; each shard is somebody's, and once."""
    held = [keeper_of(house).shards for house in houses]
    together = sorted(shard for part in held for shard in part)
    return [len(part) for part in held] if together == list(range(SHARDS)) else []


async def several(house: House) -> list[tuple[Estate, Device]]:
    """Homes with a lamp each, run by whoever runs their shards."""
    found = []
    for number in range(HOMES):
        made = await settle(house, (), name=f"P{number}", url=PLAN)
        home = made.home

        async def furnished(home: Home = home) -> bool:
            return len(await house.devices_of(home.id)) > 0

        await eventually(furnished, 6)
        (device,) = await house.devices_of(home.id)
        found.append((made, device))
    return found


async def test_shards_are_balanced_as_owners_come_and_go(database_url: str, run_house: Run) -> None:
    """One, two, three and back; each device is run once, and commands find it all the while."""
    async with AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(run_house(database_url, devices_url=URL))]
        homes = await several(houses[0])
        ids = {device.id for _, device in homes}
        ends: list[AsyncExitStack] = []
        for expected in ([32, 32], [22, 21, 21]):
            ends.append(await stack.enter_async_context(AsyncExitStack()))
            more = run_house(database_url, devices_url=URL)
            houses.append(await ends[-1].enter_async_context(more))
            await eventually(lambda expected=expected: shares(*houses) == expected)
            await eventually(partial(run_once, houses, ids))
            await flipped(homes)
        for expected in ([32, 32], [64]):
            await ends.pop().aclose()
            houses.pop()
            taken = await eventually(lambda expected=expected: shares(*houses) == expected)
            assert taken < 1.5  # nobody waited for a lease to end
            await eventually(partial(run_once, houses, ids))
            await flipped(homes)
        assert [keeper_of(house).lost for house in houses] == [0]


def run_once(houses: Collection[House], ids: Collection[str]) -> bool:
    """Whether each device is run by one of these houses."""
    return sorted(one for house in houses for one in seated(house)) == sorted(ids)


async def flipped(homes: Sequence[tuple[Estate, Device]]) -> None:
    """Turn every lamp the other way round, from the first house, and see it confirmed."""
    asked = []
    for estate, device in homes:
        now = await estate.now(device)
        asked.append((estate, await estate.ask(now, on=not now.state.on)))
    for estate, command in asked:
        await eventually(partial(confirmed, estate, command), 6)


async def confirmed(estate: Estate, command: Command) -> bool:
    """Whether a command was confirmed."""
    return (await estate.command(command)).status is CommandStatus.CONFIRMED


@dataclass
class Yard:
    """What several gateways share: devices, and the highest token that came for them."""

    highest: int = 0
    sent: list[tuple[int, bool]] = field(default_factory=list)
    """Each token that came, and whether it was let through."""


class Gateway:
    """A connector to lamps whose gateway outlives its clients, as real ones do."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.reported = asyncio.Queue[Report]()
        self.order = 0

    async def discover(self, home: Home, url: str) -> Sequence[Found]:
        """One lamp."""
        del home, url
        return [lamp("lamp")]

    async def adopt(self, device: Device) -> None:
        """Go on from what is stored."""
        self.order = device.order

    async def forget(self, device_id: str) -> None:
        """It does not mind."""

    async def reports(self) -> AsyncIterator[Report]:
        """What the lamp says."""
        while True:
            yield await self.reported.get()

    def latest(self, device_id: str) -> int:
        """The last number."""
        return self.order

    def say(self, device_id: str, state: State) -> None:
        """Let the lamp report."""
        self.order += 1
        self.reported.put_nowait(Report(device_id, self.order, state))

    async def send(self, device_id: str, asked: State, token: int) -> None:
        """Take it from the newest owner alone."""
        through = token >= self.yard.highest
        self.yard.sent.append((token, through))
        if not through:
            raise Declined("A later owner has sent to it.")
        self.yard.highest = token
        self.say(device_id, asked)

    async def read(self, device_id: str) -> None:
        """It has said all there is."""

    async def close(self) -> None:
        """It goes on."""


class Stopped(SystemClock):
    """A clock of a machine that was stopped and has not noticed: no lease is over by it."""

    def __init__(self) -> None:
        self.at: float | None = None

    def monotonic(self) -> float:
        """What it was when the machine was stopped."""
        return super().monotonic() if self.at is None else self.at


async def test_an_owner_that_was_stopped_does_nothing_once_it_was_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock tells it nothing; the store refuses its writes, and the gateway its commands."""
    yard, clock = Yard(), Stopped()
    gateways = [Gateway(yard), Gateway(yard)]
    waiting = iter(gateways)
    monkeypatch.setattr(compose, "connectors_of", lambda *_: {"simulator": next(waiting)})
    async with AsyncExitStack() as stack:
        old, new = build(settings_for(database_url), clock), build(settings_for(database_url))
        await stack.enter_async_context(running(old))
        assert old.runner is not None
        estate = await settle(old, (), url="simulator://gate")
        (device,) = await old.runner.adopt(estate.home, "simulator://gate")
        fence = await keeper_of(old).claim(estate.home.id)
        await stop(old, clock, monkeypatch)
        assert keeper_of(old).holds(fence)  # as far as it knows
        await stack.enter_async_context(running(new))
        await eventually(lambda: shares(new) == [SHARDS])
        there = replace(estate, house=new)
        await eventually(lambda: estate.grant.id in new.access.grants)
        command = await there.ask(device, on=True)
        await eventually(partial(confirmed, there, command))
        assert yard.sent == [(fence.token + 1, True)]

        # What it does all the same, unless it has tried the command before and was told.
        before = await estate.events()
        with pytest.raises(Declined):
            await gateways[0].send(device.id, State(on=False), fence.token)
        with pytest.raises(Fenced):
            await old.services.commands.dispatch(command, fence)
        gateways[0].order += 10
        gateways[0].say(device.id, State(brightness=1))
        await eventually(lambda: not keeper_of(old).holds(fence))  # the refusal told it
        assert await estate.events() == before
        assert (await there.now(device)).state.on is True
        assert old.dead == new.dead == []


async def stop(house: House, clock: Stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a house renew no more and see no time pass, and its leases be over."""
    ours, beat = keeper_of(house), Keeper.beat

    async def hung(self: Keeper) -> float:
        return 0.02 if self is ours else await beat(self)

    monkeypatch.setattr(Keeper, "beat", hung)
    await asyncio.sleep(0.2)  # a beat that was under way is over
    clock.at = clock.monotonic()
    await Leases(house.database).end_all()


@one_kind
async def test_an_owner_that_cannot_renew_lets_go_by_itself(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its leases are over, whatever the database does; then it takes them anew."""
    async with run_house(database_url, devices_url=URL) as house:
        made = (await several(house))[0][1]
        goes, renew, calls = asyncio.Event(), Leases.renew, count()

        async def hangs(self: Leases, life: str) -> bool:
            if next(calls):  # the first is relied on for the shorter time
                await goes.wait()
            return await renew(self, life)

        life, lost = keeper_of(house).life, keeper_of(house).lost
        monkeypatch.setattr(Leases, "renew", hangs)
        monkeypatch.setattr(room, "TRUST_SECONDS", 0.4)
        await eventually(lambda: seated(house) == set(), 5)
        assert keeper_of(house).shards == []
        assert keeper_of(house).lost == lost + SHARDS
        goes.set()
        await eventually(lambda: made.id in seated(house))
        assert keeper_of(house).life != life
        assert house.dead == []


@on_postgres
async def test_a_database_that_is_away_for_a_while(
    database_url: str, run_house: Run, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody touches a device meanwhile, and afterwards everything is run and goes on."""
    monkeypatch.setattr(room, "TRUST_SECONDS", 0.5)
    name = make_url(database_url).database
    async with (
        run_house(database_url, devices_url=URL) as one,
        run_house(database_url, devices_url=URL) as other,
    ):
        homes = await several(one)
        await eventually(lambda: shares(one, other) == [32, 32])
        postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        served = f"pg_stat_activity WHERE datname = '{name}'"
        postgres.psql(f"SELECT pg_terminate_backend(pid) FROM {served}")  # noqa: S608 - our own words
        await eventually(lambda: seated(one) | seated(other) == set(), 6)
        postgres.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await eventually(lambda: sorted(shares(one, other)) == [32, 32], 10)
        await flipped(homes)
        assert one.dead == other.dead == []


@one_kind
async def test_happenings_follow_the_owner(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of a home happens where it is run now, whoever is asked."""
    async with run_house(database_url, devices_url=URL) as one:
        homes = await several(one)
        async with run_house(database_url, devices_url=URL) as other:
            await eventually(lambda: shares(one, other) == [32, 32])
            await eventually(partial(run_once, [one, other], [device.id for _, device in homes]))
            for estate, device in homes:
                what = Simulation(device.id, report=State(on=not device.state.on))
                await one.services.simulations.simulate(estate.viewer, device, what)
                assert (await estate.now(device)).state.on is not device.state.on
            assert {shard_of(made.home.id) in keeper_of(one).shards for made, _ in homes} == {
                True,
                False,
            }
            elsewhere = next(
                made for made, _ in homes if shard_of(made.home.id) in keeper_of(other).shards
            )
            monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.2)
            assert one.runner is not None
            with pytest.raises(Fenced):
                await one.runner.adopt(elsewhere.home, PLAN)
