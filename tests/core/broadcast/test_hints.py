"""The process's one broadcast: who joins hears, and nobody can make it grow or end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from broadcaster import Event

from core.broadcast import Hints, Inbox, hints as module, open_broadcast
from core.domain.errors import Invalid
from tests.fakes import Wire, turns


@asynccontextmanager
async def connected(backend: Wire | None = None) -> AsyncIterator[Hints]:
    """A broadcast that hears, on a wire or in memory."""
    broadcast = Hints(backend) if backend else open_broadcast("memory://")
    async with broadcast:
        yield broadcast


async def waiting(inbox: Inbox) -> list[tuple[str, str]]:
    """What has come in so far."""
    await turns()
    found: list[tuple[str, str]] = []
    while True:
        try:
            async with asyncio.timeout(0):
                event = await inbox.get()
        except TimeoutError:
            return found
        found.append((event.channel, event.message))


async def joined(broadcast: Hints, *channels: str) -> Inbox:
    """A new inbox on these channels."""
    inbox = broadcast.inbox()
    for channel in channels:
        await inbox.join(channel)
    return inbox


@pytest.mark.parametrize("backend", [None, Wire(lag=3)], ids=["memory", "wire"])
async def test_fifty_first_subscribers_of_a_channel_all_hear(backend: Wire | None) -> None:
    """Subscribing at the same time loses nobody, and nobody fails on the way out."""
    here = asyncio.Barrier(51)

    async def one(broadcast: Hints) -> str:
        async with broadcast.subscribe("a") as inbox:
            await here.wait()
            return (await inbox.get()).message

    async with connected(backend) as broadcast, asyncio.TaskGroup() as group:
        readers = [group.create_task(one(broadcast)) for _ in range(50)]
        await here.wait()
        await broadcast.publish("a", "7")
    assert [reader.result() for reader in readers] == ["7"] * 50


async def test_one_subscription_serves_all() -> None:
    """The backend is asked once for a channel, and told to stop when the last one leaves."""
    async with connected(wire := Wire()) as broadcast:
        first, second = await joined(broadcast, "a"), await joined(broadcast, "a", "b")
        assert wire.calls == [("subscribe", "a"), ("subscribe", "b")]
        await first.leave("a")
        assert wire.subscribed == {"a", "b"}
        await second.leave("a")
        assert wire.subscribed == {"b"}
        assert wire.calls[2:] == [("unsubscribe", "a")]


async def test_who_has_left_leaves_again_without_harm() -> None:
    """Leaving twice, or what one never joined, takes nobody else off."""
    async with connected(wire := Wire()) as broadcast:
        inbox, other = await joined(broadcast, "a"), await joined(broadcast, "a")
        for _ in range(2):
            await other.leave("a")
            await other.leave("b")
        await broadcast.publish("a", "1")
        assert await waiting(inbox) == [("a", "1")]
        assert await waiting(other) == []
        assert wire.calls == [("subscribe", "a")]


async def test_joining_twice_is_joining_once() -> None:
    """An inbox is on a channel or it is not."""
    async with connected(wire := Wire()) as broadcast:
        inbox = await joined(broadcast, "a", "a")
        assert inbox.channels == {"a"}
        await inbox.leave("a")
        assert inbox.channels == set()
        assert not wire.subscribed


async def test_the_newest_message_of_a_channel_counts() -> None:
    """Unread ones are replaced; a channel keeps its turn."""
    async with connected() as broadcast:
        inbox = await joined(broadcast, "a", "b")
        for message in "123":
            for channel in "ab":
                await broadcast.publish(channel, message)
                await turns()
        assert await waiting(inbox) == [("a", "3"), ("b", "3")]


async def test_a_slow_reader_costs_others_nothing() -> None:
    """Each inbox has its own newest message."""
    async with connected() as broadcast:
        slow, quick = await joined(broadcast, "a"), await joined(broadcast, "a")
        await broadcast.publish("a", "1")
        assert await waiting(quick) == [("a", "1")]
        await broadcast.publish("a", "2")
        assert await waiting(quick) == [("a", "2")]
        assert await waiting(slow) == [("a", "2")]


async def test_an_inbox_is_read_for_ever() -> None:
    """Messages come one by one, whether they waited or were waited for."""
    async with connected() as broadcast:
        inbox = await joined(broadcast, "a")
        await broadcast.publish("a", "0")
        read: list[str] = []
        async for event in inbox:
            read.append(event.message)
            if len(read) == 4:
                break
            await broadcast.publish("a", str(len(read)))
        assert read == ["0", "1", "2", "3"]


async def test_two_readers_of_one_inbox_share_it() -> None:
    """A message is read once, and a reader that finds nothing goes on waiting."""
    async with connected() as broadcast:
        inbox = await joined(broadcast, "a")
        readers = [asyncio.create_task(inbox.get()) for _ in range(2)]
        await turns()
        await broadcast.publish("a", "1")
        await turns()
        assert [reader.done() for reader in readers] == [True, False]
        await broadcast.publish("a", "2")
        assert [(await reader).message for reader in readers] == ["1", "2"]


async def test_a_backend_that_fails_does_not_end_the_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a pause it listens again."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    async with connected(wire := Wire()) as broadcast:
        inbox = await joined(broadcast, "a")
        for error in (ConnectionError("gone"), ValueError("poison"), RuntimeError("bug")):
            wire.heard.put_nowait(error)
            await broadcast.publish("a", type(error).__name__)
            async with asyncio.timeout(5):
                assert (await inbox.get()).message == type(error).__name__


async def test_a_failing_backend_is_not_asked_at_once_again() -> None:
    """The pause keeps a dead server from filling the log."""
    async with connected(wire := Wire()):
        for _ in range(2):
            wire.heard.put_nowait(ConnectionError("gone"))
        await turns()
        assert wire.heard.qsize() == 1


async def test_a_failed_subscription_can_be_tried_again() -> None:
    """Who could not join is on no channel, and the next one dials anew."""
    async with connected(wire := Wire(lag=1)) as broadcast:
        wire.refusals.append(ConnectionError("gone"))
        inbox = broadcast.inbox()
        with pytest.raises(ConnectionError):
            await inbox.join("a")
        assert inbox.channels == set()
        await inbox.join("a")
        await broadcast.publish("a", "1")
        assert await waiting(inbox) == [("a", "1")]
        assert wire.calls == [("subscribe", "a")] * 2


async def test_a_turn_that_is_handed_over_is_not_free() -> None:
    """Who joins while the last one leaves, and who joins right after, dial once together."""
    async with connected(wire := Wire(lag=4)) as broadcast:
        first = await joined(broadcast, "a")
        handed = asyncio.gather(first.leave("a"), broadcast.inbox().join("a"))
        for _ in range(8):  # the first is out, the second dials
            await asyncio.sleep(0)
        assert len(wire.calls) == 3
        await broadcast.inbox().join("a")
        await handed
        assert wire.calls == [("subscribe", "a"), ("unsubscribe", "a"), ("subscribe", "a")]


async def test_a_message_nobody_wants_is_dropped() -> None:
    """A backend may still deliver what nobody is on any more."""
    async with connected(wire := Wire()) as broadcast:
        inbox = await joined(broadcast, "a")
        wire.heard.put_nowait(Event("b", "1"))
        wire.heard.put_nowait(Event("a", "2"))
        assert await waiting(inbox) == [("a", "2")]


async def test_a_block_that_fails_leaves_its_channel() -> None:
    """However a subscriber ends, the backend is told."""
    async with connected(wire := Wire()) as broadcast:
        with pytest.raises(ZeroDivisionError):
            async with broadcast.subscribe("a"):
                raise ZeroDivisionError
        assert not wire.subscribed


async def test_hanging_up_ends_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, and while it pauses."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 3_600)
    for trouble in ([], [ConnectionError("gone")]):
        before = asyncio.all_tasks()
        async with connected(wire := Wire()):
            for error in trouble:
                wire.heard.put_nowait(error)
            await turns()
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("url", ["kafka://:hunter2@h", "redis-stream://h", "hunter2", "redis", ""])
def test_an_unknown_scheme_is_refused(url: str) -> None:
    """Not even the package's own are opened; the sentence says what there is, and no password."""
    with pytest.raises(Invalid, match="must start with memory:// or redis://") as refused:
        open_broadcast(url)
    assert str(refused.value).startswith("LATCHKEY_BROADCAST_URL ")
    assert "hunter2" not in str(refused.value)


async def test_what_was_said_and_heard_is_counted() -> None:
    """In one process no server is needed, so it is always connected."""
    async with connected() as broadcast:
        await joined(broadcast, "a")
        for channel in "ab":
            await broadcast.publish(channel, "1")
        await turns()
        tally = broadcast.tally
        assert (tally.connected, tally.published, tally.heard, tally.lost) == (True, 2, 1, 0)
