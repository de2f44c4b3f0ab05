"""Leases on both databases: who gets them, what a fence refuses, and who waits for whom."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select, update

from core.domain.shards import SHARDS, Fence, Fenced, shard_of
from core.store.database import Database
from core.store.leases import LEASE_SECONDS, Leases
from core.store.ledger import Needs
from core.store.shards import leases as table, owners
from core.store.types import database_time
from tests.core.services.estate import Estate
from tests.core.store.work import rename, settled

pytestmark = pytest.mark.punctual

ALL = range(SHARDS)


@pytest.fixture
def rows(database: Database) -> Leases:
    """The leases of a database."""
    return Leases(database)


async def expire(database: Database, life: str, seconds: float = 0.0) -> None:
    """Let the time of a life be over (or end in so many seconds)."""
    over = update(owners).where(owners.c.id == life).values(until=database_time() + seconds)
    async with database.write() as connection:
        await connection.execute(over)


async def test_a_lease_is_taken_once(rows: Leases) -> None:
    """Of several who want the same at a time each shard has one owner, by a new token."""
    lives = ["a", "b", "c", "d"]
    for life in lives:
        await rows.begin(life)
    taken = await asyncio.gather(*(rows.take(life, ALL) for life in lives))
    found, alive = await rows.look()
    assert {one.shard: one.token for one in found} == dict.fromkeys(ALL, 1)
    fences = [fence for part in taken for fence in part]
    assert sorted(fences) == [Fence(shard, 1) for shard in ALL]
    assert alive.keys() == set(lives)
    assert all(0 < left <= LEASE_SECONDS for left in alive.values())


async def test_what_is_given_is_free_and_what_is_held_is_not(rows: Leases) -> None:
    """Tokens grow with each owner, also where the same one comes back."""
    await rows.begin("a")
    await rows.begin("b")
    assert len(await rows.take("a", ALL)) == SHARDS
    assert await rows.take("b", [3, 5]) == []
    await rows.give("a", [3, 5])
    await rows.give("a", [7])
    assert await rows.take("b", [3]) == [Fence(3, 2)]
    assert await rows.take("a", [3, 5]) == [Fence(5, 2)]
    await rows.give("b", [7])  # not b's
    assert await rows.take("a", [7]) == [Fence(7, 2)]
    await rows.end("a")
    assert len(await rows.take("b", ALL)) == SHARDS - 1


async def test_what_is_over_goes_on_until_somebody_finds_it(
    database: Database, rows: Leases
) -> None:
    """A late renewal is good if nobody has acted, and never once somebody has."""
    await rows.begin("a")
    await rows.begin("b")
    await rows.take("a", ALL)
    await expire(database, "a")
    assert (await rows.look())[1].keys() == {"b"}
    assert await rows.renew("a")
    assert await rows.take("b", ALL) == []
    await expire(database, "a")
    assert len(await rows.take("b", [1])) == 1
    assert not await rows.renew("a")
    assert await rows.take("a", ALL) == []


async def test_a_clock_that_was_set_back_keeps_no_dead_owner(
    database: Database, rows: Leases
) -> None:
    """Who seems to live for an hour yet, as nobody can, is over."""
    await rows.begin("a")
    await rows.begin("b")
    await rows.take("a", ALL)
    await expire(database, "a", 3_600.0)
    assert (await rows.look())[1].keys() == {"b"}
    assert len(await rows.take("b", ALL)) == SHARDS


Stale = Callable[[Estate, Fence], Awaitable[object]]


async def dispatched(estate: Estate, fence: Fence) -> object:
    """Note that a command is sent."""
    command = await estate.ask(on=True)
    return await estate.house.services.commands.dispatch(command, fence)


async def reconciled(estate: Estate, fence: Fence) -> object:
    """Take in what was found."""
    return await estate.house.services.devices.reconcile(estate.home, [], fence)


@pytest.mark.parametrize("write", [dispatched, reconciled])
async def test_a_stale_fence_writes_nothing(estate: Estate, write: Stale) -> None:
    """It is refused within the transaction, alone: others of the same batch commit."""
    rows, shard = Leases(estate.house.database), shard_of(estate.home.id)
    for life, token in (("a", 1), ("b", 2)):
        await rows.begin(life)
        (fence,) = await rows.take(life, [shard])
        assert fence == Fence(shard, token)
        await write(estate, fence)
        if life == "a":
            await rows.end(life)
            await write(estate, fence)  # nobody has it yet
    before = await estate.events()
    stale = rename(estate.home, "never", needs=Needs(fences=frozenset({Fence(shard, 1)})))
    good = rename(estate.home, "ours", needs=Needs(fences=frozenset({Fence(shard, 2)})))
    submit = estate.house.committer.submit
    refused, done, free = await settled(
        submit(stale), submit(good), submit(rename(estate.home, "anybody's"))
    )
    assert isinstance(refused, Fenced)
    assert (done, free) == ("ours", "anybody's")
    assert len(await estate.events()) == len(before) + 2
    with pytest.raises(Fenced):
        await write(estate, Fence(shard, 1))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_who_commits_under_a_fence_holds_up_no_renewal_and_no_other_shard(
    estate: Estate,
) -> None:
    """A takeover leaves that one shard for later, and takes it once the commit is there."""
    database = estate.house.database
    rows, shard = Leases(database), shard_of(estate.home.id)
    await rows.begin("a")
    await rows.take("a", ALL)
    locked = select(table).where(table.c.shard == shard)
    async with asyncio.timeout(3):
        async with database.write() as connection:
            await connection.execute(locked.with_for_update(read=True, key_share=True))
            assert await rows.renew("a")
            await rows.end("a")
            await rows.begin("b")
            assert len(await rows.take("b", ALL)) == SHARDS - 1
        assert await rows.take("b", ALL) == [Fence(shard, 2)]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_who_hangs_in_a_transaction_is_cut_off(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks are free before its lease is, whatever the process does."""
    monkeypatch.setattr("core.store.database.HANGING_SECONDS", 0.3)
    hanging = Database(estate.house.settings.database_url)
    entered, over = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with hanging.write() as connection:
            await connection.exec_driver_sql("UPDATE homes SET place = place")
            entered.set()
            await over.wait()

    task = asyncio.create_task(hang())
    await entered.wait()
    async with asyncio.timeout(3):
        assert await estate.house.committer.submit(rename(estate.home, "free")) == "free"
    over.set()
    await asyncio.gather(task, return_exceptions=True)
    await hanging.close()
