"""The group committer: what one transaction holds, and what one bad piece of work costs."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.domain.errors import Conflict, Unavailable
from core.domain.time import Uuid7
from core.store import committer as room, loading, writing
from core.store.committer import Committed, Committer, Work
from core.store.ledger import Ledger, Needs
from tests.conftest import Run
from tests.core.services.estate import Estate, another_home, gaps, settle
from tests.core.store.work import rename, settled


@pytest.fixture
def commits(estate: Estate) -> list[Committed]:
    """Every transaction from now on that appended."""
    found: list[Committed] = []
    estate.house.relay.taps.append(found.append)
    return found


class Oops(Exception):
    """What a piece of work raises."""


async def test_alone_a_piece_of_work_commits_at_once(
    estate: Estate, commits: list[Committed]
) -> None:
    """Nothing is waited for when nothing else is there."""
    for name in ("a", "b", "c"):
        assert await estate.house.committer.submit(rename(estate.home, name)) == name
    assert [len(one.events) for one in commits] == [1, 1, 1]


async def test_what_comes_together_shares_a_transaction(
    estate: Estate, commits: list[Committed]
) -> None:
    """Fifty pieces of work in one turn are one transaction, in their order."""
    submit = estate.house.committer.submit
    names = [f"name {number}" for number in range(50)]
    assert await settled(*(submit(rename(estate.home, name)) for name in names)) == names
    assert [len(one.events) for one in commits] == [50]
    assert [event.home.name for event in commits[0].events] == names
    assert gaps(await estate.events()) == []


async def test_what_comes_while_one_is_under_way_shares_the_next(
    estate: Estate, commits: list[Committed]
) -> None:
    """The first goes alone, and all that waited for it go together."""
    submit = estate.house.committer.submit
    first = asyncio.create_task(submit(rename(estate.home, "first")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await settled(first, *(submit(rename(estate.home, f"{n}")) for n in range(30)))
    assert [len(one.events) for one in commits] == [1, 30]
    assert estate.house.committer.sizes[30] == 1


async def test_a_transaction_has_a_most(estate: Estate, commits: list[Committed]) -> None:
    """More than a batch is several transactions."""
    submit = estate.house.committer.submit
    await settled(*(submit(rename(estate.home, f"{n}")) for n in range(room.BATCH + 10)))
    assert [len(one.events) for one in commits] == [room.BATCH, 10]


async def test_a_refusal_leaves_the_others_whole(estate: Estate, commits: list[Committed]) -> None:
    """What raises in a batch is undone alone, with every change that it had made."""
    submit = estate.house.committer.submit
    oops = Oops()
    results = await settled(
        submit(rename(estate.home, "before")),
        submit(rename(estate.home, "never", oops)),
        submit(rename(estate.home, "after")),
    )
    assert results == ["before", oops, "after"]
    (committed,) = commits
    assert [event.home.name for event in committed.events] == ["before", "after"]
    assert gaps(await estate.events()) == []


async def test_a_batch_of_refusals_writes_nothing(estate: Estate, commits: list[Committed]) -> None:
    """Where all raise, no log moves and nobody is told."""
    submit = estate.house.committer.submit
    before = await estate.events()
    await settled(*(submit(rename(estate.home, "never", Oops())) for _ in range(5)))
    assert commits == []
    assert await estate.events() == before


async def test_work_on_what_it_did_not_name_is_a_bug(estate: Estate) -> None:
    """A home that is not in the needs cannot be appended to, and the next work goes on."""

    def decide(ledger: Ledger) -> None:
        ledger.tell_home(estate.home.id)

    with pytest.raises(LookupError, match="without naming it"):
        await estate.house.committer.submit(Work(Needs(), decide))
    assert await estate.house.committer.submit(rename(estate.home, "fine")) == "fine"


async def test_a_duplicate_costs_only_itself(estate: Estate) -> None:
    """Of a batch with a broken constraint everything else commits."""
    create = estate.house.services.accounts.create_user
    results = await settled(create("Eve"), create("Eve"), create("Bob"), create("Ada"))
    refused = [one for one in results if isinstance(one, Conflict)]
    assert [str(one) for one in refused] == [
        "There is already a user named 'Eve'.",
        "There is already a user named 'Ada'.",
    ]
    assert {user.name for user in estate.house.access.users.values()} == {"Ada", "Eve", "Bob"}


async def test_what_the_database_cannot_hold_costs_only_itself(estate: Estate) -> None:
    """Text that PostgreSQL refuses is no reason to send everybody else away."""
    submit = estate.house.committer.submit
    good = [submit(rename(estate.home, f"{n}")) for n in range(3)]
    results = await settled(*good, submit(rename(estate.home, "nul \0 in it")))
    assert results[:3] == ["0", "1", "2"]
    assert not isinstance(results[3], Unavailable)
    assert gaps(await estate.events()) == []


async def test_a_cancelled_caller_gives_up_waiting_not_the_work(estate: Estate) -> None:
    """The work of a caller who went away is done, and the others of its batch are told."""
    submit = estate.house.committer.submit
    gone = asyncio.create_task(submit(rename(estate.home, "of one who left")))
    stays = asyncio.create_task(submit(rename(estate.home, "last")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "last"
    names = [event.home.name for event in await estate.events()]
    assert names[-2:] == ["of one who left", "last"]


async def test_too_much_waiting_is_refused(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most that may wait, a caller is sent away at once."""
    monkeypatch.setattr(room, "WAITING", 3)
    submit = estate.house.committer.submit
    results = await settled(*(submit(rename(estate.home, f"{n}")) for n in range(5)))
    assert results[:3] == ["0", "1", "2"]
    assert [str(one) for one in results[3:]] == [
        "The service is too busy to take this now; try again in a moment."
    ] * 2


async def test_closing_commits_what_was_taken(estate: Estate) -> None:
    """Close returns once all is written, and nothing is taken from then on."""
    committer = estate.house.committer
    taken = [asyncio.create_task(committer.submit(rename(estate.home, f"{n}"))) for n in range(9)]
    await asyncio.sleep(0)
    await committer.close()
    assert all(one.done() for one in taken)
    with pytest.raises(Unavailable):
        await committer.submit(rename(estate.home, "late"))


async def test_a_house_that_ends_amid_work_leaves_nobody_waiting(
    database_url: str, run_house: Run
) -> None:
    """What it took is in the log, what it did not take was refused, and the log has no gap."""
    async with run_house(database_url) as house:
        estate = await settle(house)
        works = [
            asyncio.create_task(house.committer.submit(rename(estate.home, f"{number}")))
            for number in range(300)
        ]
        await asyncio.sleep(0)
    results = await asyncio.wait_for(settled(*works), 10)
    kept = [one for one in results if not isinstance(one, Unavailable)]
    assert kept, results[0]
    async with run_house(database_url) as later:
        events = await replace(estate, house=later).events()
    assert [event.home.name for event in events][-len(kept) :] == kept
    assert gaps(events) == []


async def test_two_homes_are_one_transaction(estate: Estate, commits: list[Committed]) -> None:
    """The heads of all logs that moved are told together."""
    cabin = await another_home(estate)
    commits.clear()
    submit = estate.house.committer.submit
    await settled(submit(rename(estate.home, "a")), submit(rename(cabin, "b")))
    (committed,) = commits
    heads = await estate.house.logs.heads([estate.home.id, cabin.id])
    assert committed.places == heads


async def test_devices_are_told_as_their_home_is_called_now(
    estate: Estate, commits: list[Committed]
) -> None:
    """A home that is renamed in a batch has its new name in all that the batch tells after it."""
    submit = estate.house.committer.submit
    await settled(submit(rename(estate.home, "New")), estate.hear(1, on=True))
    event = commits[0].events[-1]
    assert event.device is not None
    assert event.device.room is not None
    assert {event.home.name, event.device.home.name, event.device.room.home.name} == {"New"}


async def test_a_committer_that_is_stopped_tells_whoever_waits(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is under way nor what waits for it is left hanging."""
    begun, never = asyncio.Event(), asyncio.Event()

    async def stuck(*_: Any, **__: Any) -> None:
        begun.set()
        await never.wait()

    monkeypatch.setattr(loading, "load", stuck)
    committer, run = another_committer(estate)
    under_way = asyncio.create_task(committer.submit(rename(estate.home, "under way")))
    await begun.wait()
    waits = asyncio.create_task(committer.submit(rename(estate.home, "waits")))
    await asyncio.sleep(0)
    run.cancel()
    results = await settled(under_way, waits, committer.submit(rename(estate.home, "late")))
    assert [type(one) for one in results] == [Unavailable] * 3
    await asyncio.wait_for(committer.close(), 1)


async def test_a_committer_stopped_amid_a_refused_batch_tells_whoever_waits(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is tried again one by one is not forgotten when that is cut short."""
    begun, never, flushes = asyncio.Event(), asyncio.Event(), iter(range(9))

    async def second_is_stuck(*_: Any, **__: Any) -> None:
        if next(flushes) == 1:
            begun.set()
            await never.wait()
        raise Oops

    monkeypatch.setattr(writing, "flush", second_is_stuck)
    committer, run = another_committer(estate)
    works = [asyncio.create_task(committer.submit(rename(estate.home, f"{n}"))) for n in range(3)]
    await begun.wait()
    run.cancel()
    assert [type(one) for one in await settled(*works)] == [Unavailable] * 3


def another_committer(estate: Estate) -> tuple[Committer, asyncio.Task[None]]:
    """A second committer of the same house, and its task."""
    house = estate.house
    committer = Committer(house.database, house.clock, Uuid7(), lambda _: None)
    return committer, asyncio.create_task(committer.run())
