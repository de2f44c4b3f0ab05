"""The feed: each process's one tail of every log, in order, exactly once, whoever wrote it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import delete, make_url

from app.compose import House
from core import feed as room
from core.broadcast import Hints
from core.domain.errors import Missing, Unavailable
from core.domain.events import Entry, Lapse
from core.relay import channel
from core.store import logs, tables
from core.store.retention import Bounds
from tests.conftest import Run
from tests.core.services.estate import Estate, another_home, eventually, settle
from tests.core.store.keep import HOUR, prune

one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what happens in memory, whichever the database."""


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with a lamp, shared to a partner."""
    return await settle(house)


@pytest.fixture
async def second(database_url: str, estate: Estate, run_house: Run) -> AsyncIterator[House]:
    """Another process on the same database; no broadcast reaches from one to the other."""
    async with run_house(database_url) as other:
        assert other.access.users == estate.house.access.users
        yield other


class Ear:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[Entry] = []

    def __call__(self, entry: Entry) -> None:
        """Be told."""
        self.heard.append(entry)

    @property
    def places(self) -> list[int]:
        """The places of all that it was told, in order."""
        return [entry.place for entry in self.heard]

    def has(self, count: int) -> bool:
        """Whether it was told so many."""
        return len(self.heard) >= count


async def follow(house: House, estate: Estate) -> tuple[int, Ear]:
    """Listen to the home's log from now on."""
    ear = Ear()
    return await house.feed.follow(estate.home.id, ear), ear


async def change(estate: Estate, times: int = 1) -> None:
    """Let so many events happen, one after the other."""
    for number in range(times):
        await estate.house.services.homes.rename(estate.home.id, f"{number}")


def tails(house: House) -> set[str]:
    """The logs that are watched in this process, but for access."""
    return {log_id for log_id in house.feed._tails if log_id != "access"}  # noqa: SLF001 - leaks do not show outside


async def test_own_commits_are_told_before_the_writer_knows(estate: Estate) -> None:
    """Whoever wrote something finds it told when the call returns, as it is in the log."""
    place, ear = await follow(estate.house, estate)
    await change(estate, 3)
    assert ear.places == [place + 1, place + 2, place + 3]
    assert ear.heard == (await estate.events())[place:]
    assert estate.house.feed.place(estate.home.id) == place + 3


async def test_another_process_is_told_within_a_second(estate: Estate, second: House) -> None:
    """In order and gapless, though no hint ever reaches it; and the other way round."""
    (here, one), (there, other) = await follow(estate.house, estate), await follow(second, estate)
    await change(estate, 5)
    assert await eventually(partial(other.has, 5)) < 1.5
    await change(replace(estate, house=second), 5)
    assert await eventually(partial(one.has, 10)) < 1.5
    assert one.places == other.places == list(range(here + 1, here + 11))
    assert here == there
    assert one.heard == other.heard


@pytest.mark.parametrize("broken", ["silent", "raises"])
async def test_a_dead_broadcast_costs_half_a_second(
    estate: Estate, second: House, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether publishing does nothing or fails, everybody is told, and the marks go away."""

    async def publish(_: Hints, channel: str, message: str) -> None:
        if broken == "raises":
            raise ConnectionError(channel, message)

    monkeypatch.setattr(Hints, "publish", publish)
    monkeypatch.setattr(logs, "KEPT_SECONDS", 0.2)
    (place, ear), (_, other) = await follow(estate.house, estate), await follow(second, estate)
    await change(estate, 3)
    assert ear.places == [place + 1, place + 2, place + 3]
    assert await eventually(partial(other.has, 3)) < 1.5
    await eventually(partial(clean, estate.house))
    assert estate.house.dead == second.dead == []


async def clean(house: House) -> bool:
    """Whether no log is marked as dirty."""
    return await house.logs.marks() == []


@one_kind
async def test_a_hint_is_enough(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a broadcast reaches, nobody waits for the poll."""
    monkeypatch.setattr(room, "POLL_SECONDS", 60)
    async with run_house(database_url) as other:
        place, ear = await follow(other, estate)
        await asyncio.sleep(0.05)  # its first poll is over
        await change(estate)
        await other.hints.publish(channel(estate.home.id), str(place + 1))
        assert await eventually(partial(ear.has, 1)) < 1


async def test_a_process_that_dies_before_its_hint_is_heard(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed is told by whoever is alive, hinted by them, and its mark taken off."""
    monkeypatch.setattr(logs, "KEPT_SECONDS", 0.2)
    place, ear = await follow(estate.house, estate)
    monkeypatch.setattr(estate.house.hints, "far", True)
    heard = estate.house.hints.inbox()
    await heard.join(channel(estate.home.id))
    async with run_house(database_url) as doomed:
        monkeypatch.setattr(doomed.committer, "_on_commit", lambda _: None)
        await change(replace(estate, house=doomed), 2)
    assert await eventually(partial(ear.has, 2)) < 1.5
    assert ear.places == [place + 1, place + 2]
    hint = await asyncio.wait_for(heard.get(), 3)
    assert hint.message == str(place + 2)
    await eventually(partial(clean, estate.house))


@one_kind
async def test_a_late_poll_looks_at_every_head(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marks that came and went while a process was held up cost it nothing."""
    monkeypatch.setattr(room, "LATE_SECONDS", 0.3)
    place, ear = await follow(second, estate)
    held, marks = asyncio.Event(), second.logs.marks

    async def slow() -> Any:
        await held.wait()
        return await marks()

    monkeypatch.setattr(second.logs, "marks", slow)
    await asyncio.sleep(0.6)
    await change(estate, 2)
    async with estate.house.database.write() as connection:
        await connection.execute(delete(tables.dirty))
    held.set()
    await eventually(partial(ear.has, 2))
    assert ear.places == [place + 1, place + 2]


@one_kind
async def test_a_punctual_poll_looks_at_the_marks_alone(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heads of all homes are read only when a mark may have been missed."""
    polls, heads = [], list[object]()
    marks = estate.house.logs.marks

    async def counted() -> Any:
        polls.append(1)
        return await marks()

    monkeypatch.setattr(estate.house.logs, "marks", counted)
    monkeypatch.setattr(estate.house.logs, "heads", heads.append)
    await eventually(lambda: len(polls) >= 2)
    assert heads == []


@one_kind
async def test_a_hint_that_lies_does_no_harm(estate: Estate, second: House) -> None:
    """Whatever a broadcast says, only what is in the log is told, and the truth is still heard."""
    place, ear = await follow(second, estate)
    for lie in ("1000000000", "-1", "0", "", "x", "²", "9" * 18, "9" * 5000, "1e3", " 5"):
        await second.hints.publish(channel(estate.home.id), lie)
        await asyncio.sleep(0.01)
    await change(estate)
    await eventually(partial(ear.has, 1))
    assert ear.places == [place + 1]
    assert second.dead == []


@one_kind
async def test_a_listener_that_raises_costs_nobody_else(estate: Estate) -> None:
    """Neither the others nor itself at the next event."""
    calls = []

    def broken(entry: Entry) -> None:
        calls.append(entry.place)
        raise RuntimeError

    await estate.house.feed.follow(estate.home.id, broken)
    _, ear = await follow(estate.house, estate)
    await change(estate, 2)
    assert ear.places == calls != []


@one_kind
async def test_who_stops_is_told_no_more(estate: Estate) -> None:
    """The same listener may listen twice, and stops once for each time."""
    place, ear = await follow(estate.house, estate)
    await estate.house.feed.follow(estate.home.id, ear)
    await change(estate)
    estate.house.feed.drop(estate.home.id, ear)
    await change(estate)
    estate.house.feed.drop(estate.home.id, ear)
    await change(estate)
    assert ear.places == [place + 1, place + 1, place + 2]


@one_kind
async def test_a_listener_may_stop_while_it_is_told(estate: Estate) -> None:
    """Nobody is passed over because somebody before them stopped."""
    calls = []

    def once(entry: Entry) -> None:
        calls.append(entry.place)
        estate.house.feed.drop(estate.home.id, once)

    await estate.house.feed.follow(estate.home.id, once)
    place, ear = await follow(estate.house, estate)
    await change(estate, 2)
    assert (calls, ear.places) == ([place + 1], [place + 1, place + 2])


@one_kind
async def test_a_log_that_is_not_there(estate: Estate) -> None:
    """It cannot be followed, and nothing remains of the attempt."""
    with pytest.raises(Missing):
        await estate.house.feed.follow("home_none", Ear())
    assert "home_none" not in tails(estate.house)
    await change(estate)


async def test_many_follow_at_once(estate: Estate, second: House) -> None:
    """All know the same place, and are told the same from there."""
    found = await asyncio.gather(*(follow(second, estate) for _ in range(9)), change(estate, 3))
    await change(estate, 2)
    pairs = found[:-1]
    (place, ear), *others = [pair for pair in pairs if pair is not None]
    await eventually(lambda: ear.places[-1:] == [place + len(ear.places)] and len(ear.places) >= 2)
    assert all(one == place for one, _ in others)
    await eventually(lambda: all(one.places == ear.places for _, one in others))


@one_kind
async def test_who_waits_for_a_failed_start_tries_again(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several who begin to follow at once, only the one that met the failure is told of it."""
    read, calls = estate.house.logs.heads, list[object]()

    async def fails_once(ids: Any) -> Any:
        calls.append(ids)
        if len(calls) == 1:
            raise Unavailable("no")
        return await read(ids)

    cabin = await another_home(estate)
    monkeypatch.setattr(estate.house.logs, "heads", fails_once)
    feed = estate.house.feed
    works = [feed.follow(cabin.id, Ear()) for _ in range(3)]
    first, *others = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(first, Unavailable)
    assert others == [2 + 1] * 2


async def test_a_log_that_cannot_be_read_is_read_later(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost database delays what happened, and loses nothing of it."""
    place, ear = await follow(second, estate)
    read, calls = second.logs.read, list[int]()

    async def fails_twice(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise Unavailable("no")
        return await read(*arguments)

    monkeypatch.setattr(second.logs, "read", fails_twice)
    await change(estate, 3)
    await eventually(partial(ear.has, 3))
    assert ear.places == [place + 1, place + 2, place + 3]


@one_kind
async def test_a_log_that_nobody_follows_is_let_go(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays warm for a while, is let go, and can be followed again without a gap."""
    _, ear = await follow(estate.house, estate)
    estate.house.feed.drop(estate.home.id, ear)
    assert tails(estate.house) == {estate.home.id}
    monkeypatch.setattr(room, "IDLE_SECONDS", 0.1)
    await eventually(lambda: tails(estate.house) == set())
    await change(estate)
    place, again = await follow(estate.house, estate)
    await change(estate)
    assert again.places == [place + 1]


@one_kind
async def test_a_log_that_is_followed_is_not_let_go(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that is followed again before its time has come."""
    _, ear = await follow(estate.house, estate)
    estate.house.feed.drop(estate.home.id, ear)
    await follow(estate.house, estate)
    monkeypatch.setattr(room, "IDLE_SECONDS", 0.0)
    await asyncio.sleep(0.6)
    assert tails(estate.house) == {estate.home.id}


@one_kind
async def test_following_and_letting_go_at_once(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever begins to follow while the log is let go is told everything after their place."""
    monkeypatch.setattr(room, "IDLE_SECONDS", -1.0)
    monkeypatch.setattr(room, "POLL_SECONDS", 0.0)
    for _ in range(20):
        place, ear = await follow(second, estate)
        await change(estate)
        await eventually(partial(ear.has, 1))
        assert ear.places == [place + 1]
        second.feed.drop(estate.home.id, ear)


async def test_a_locked_writer_does_not_make_readers_stale(sqlite_url: str, run_house: Run) -> None:
    """Marks that cannot be taken off now are no reason to doubt what was read."""
    async with run_house(sqlite_url) as house:
        await settle(house)
        path = str(make_url(sqlite_url).database)
        other = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # Not in the loop: whoever has the lock may need that to let go of it.
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        for _ in range(3):  # the first may go on from before
            # Sooner than what writes would be refused.
            await eventually(partial(looked_since, house, monotonic()), seconds=4)
        other.execute("ROLLBACK")
        other.close()


def looked_since(house: House, moment: float) -> bool:
    """Whether the feed has begun to look after this moment, and it went well."""
    return monotonic() - house.feed.age > moment


@one_kind
async def test_who_cannot_read_is_stale_until_they_can(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed knows when it has not known for too long."""
    monkeypatch.setattr(room, "STALE_SECONDS", 0.6)
    assert not estate.house.feed.stale()
    with monkeypatch.context() as patch:
        patch.setattr(estate.house.logs, "marks", partial(refuse, Unavailable("no")))
        await eventually(estate.house.feed.stale)
    await eventually(lambda: not estate.house.feed.stale())
    assert estate.house.dead == []


async def refuse(error: Exception) -> None:
    """Fail."""
    raise error


async def test_who_is_behind_what_is_known_is_not_current(house: House, estate: Estate) -> None:
    """A place is current if nothing beyond it is known of, and somebody has looked lately."""
    home_id = estate.home.id
    assert house.feed.known(home_id) is None
    place = await house.feed.follow(home_id, Ear())
    assert house.feed.current(home_id, place)
    assert not house.feed.current(home_id, place - 1)
    house.feed.expect(home_id, place + 1)
    assert house.feed.known(home_id) == place + 1
    assert not house.feed.current(home_id, place)
    assert house.feed.behind == 1
    await eventually(lambda: house.feed.current(home_id, place))  # nothing was there: a lie
    assert house.feed.behind == 0


@pytest.mark.punctual
async def test_a_feed_that_has_not_looked_lately_calls_nothing_current(
    house: House, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second after the last look that went well; and then again, once one does."""

    async def lost() -> None:
        raise Unavailable("no")

    place = await house.feed.follow(estate.home.id, Ear())
    with monkeypatch.context() as patch:
        patch.setattr(house.logs, "marks", lost)
        seconds = await eventually(lambda: not house.feed.current(estate.home.id, place))
        assert seconds <= room.FRESH_SECONDS + 0.1
    await eventually(lambda: house.feed.current(estate.home.id, place))


async def test_a_full_page_is_not_the_end(
    house: House, estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may end in the middle of a transaction, beyond what any hint has named: it is read on."""
    place = await second.feed.follow(estate.home.id, Ear())
    monkeypatch.setattr(room, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(room, "PAGE", 3)
    await asyncio.sleep(0.6)
    for name in "abcdefg":
        await house.services.homes.rename(estate.home.id, name)
    second.feed.expect(estate.home.id, place + 1)
    await eventually(lambda: second.feed.place(estate.home.id) == place + 7)


@asynccontextmanager
async def held_up(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """While the block runs, a process hears nothing of what others write."""
    held, marks = asyncio.Event(), house.logs.marks

    async def slow() -> Any:
        await held.wait()
        return await marks()

    with monkeypatch.context() as patch:
        patch.setattr(house.logs, "marks", slow)
        await asyncio.sleep(1.2 * room.POLL_SECONDS)
        yield
        held.set()


@pytest.mark.parametrize("kept", [0, 2])
async def test_what_is_gone_meanwhile_is_told_as_a_lapse(
    estate: Estate, second: House, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was held up for longer than events are kept goes on behind what is lost."""
    monkeypatch.setattr(room, "POLL_SECONDS", 0.05)
    place, ear = await follow(second, estate)
    async with held_up(second, monkeypatch):
        await change(estate, 5)
        await prune(estate.house, Bounds(HOUR, kept), estate.home)
    await eventually(partial(ear.has, 1 + kept))
    assert ear.heard[0] == Lapse(estate.home.id, place + 5 - kept)
    assert ear.places[1:] == [place + 4, place + 5][2 - kept :]
    assert second.feed.current(estate.home.id, place + 5)
    assert not second.feed.current(estate.home.id, place + 4)
    await change(estate)
    await eventually(partial(ear.has, 2 + kept))
    assert ear.places[-1] == place + 6
    assert second.dead == []


@one_kind
async def test_who_cannot_be_followed_is_not_heard_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the broadcast either, which nobody would take the channel from."""
    heard = house.feed._inbox.channels  # noqa: SLF001 - it shows nowhere else
    before = set(heard)
    with monkeypatch.context() as patch:
        patch.setattr(house.logs, "heads", partial(refuse_any, Unavailable("no")))
        with pytest.raises(Unavailable):
            await house.feed.follow("home_1", Ear())
    with pytest.raises(Missing):
        await house.feed.follow("home_1", Ear())
    assert heard == before


async def refuse_any(error: Exception, *_: object, **__: object) -> None:
    """Fail, whatever is asked."""
    raise error


async def test_pruning_what_was_told_is_no_lapse(estate: Estate, second: House) -> None:
    """Nobody who has heard everything hears of it, whatever hints say then."""
    (place, ear), (_, other) = await follow(estate.house, estate), await follow(second, estate)
    await change(estate, 3)
    await eventually(partial(other.has, 3))
    await prune(estate.house, Bounds(HOUR, 0), estate.home)
    for lie in (place + 3, place + 9):
        await second.hints.publish(channel(estate.home.id), f"{lie}")
    await change(estate)
    await eventually(partial(other.has, 4))
    assert ear.places == other.places == [place + 1, place + 2, place + 3, place + 4]
