"""The backend for one process."""

import asyncio

import pytest
from broadcaster import Event
from hypothesis import given, strategies as st

from core.broadcast.memory import MemoryBackend

CHANNELS = st.sampled_from("abc")
STEPS = st.lists(
    st.tuples(st.sampled_from(["say", "hear", "leave", "join"]), CHANNELS), max_size=60
)


async def heard(backend: MemoryBackend) -> list[Event]:
    """Whatever waits to be heard, in order."""
    events = []
    while True:
        try:
            async with asyncio.timeout(0):
                events.append(await backend.next_published())
        except TimeoutError:
            return events


@given(STEPS)
async def test_it_holds_the_newest_of_each_channel(steps: list[tuple[str, str]]) -> None:
    """Against a dictionary: only channels with a reader, oldest channel first, newest message."""
    backend, on, waiting = MemoryBackend(), set("abc"), dict[str, str]()
    for channel in on:
        await backend.subscribe(channel)
    for number, (step, channel) in enumerate(steps):
        if step == "join":
            await backend.subscribe(channel)
            on.add(channel)
        elif step == "leave":
            await backend.unsubscribe(channel)
            on.discard(channel)
        elif step == "say":
            await backend.publish(channel, str(number))
            waiting |= {channel: str(number)} if channel in on else {}
        elif waiting:
            oldest = next(iter(waiting))
            assert await backend.next_published() == Event(oldest, waiting.pop(oldest))
    assert await heard(backend) == [Event(*item) for item in waiting.items()]


async def test_it_waits_for_a_message() -> None:
    """Who listens before anything is said hears what is said then."""
    backend = MemoryBackend()
    await backend.connect()
    await backend.subscribe("a")
    listening = asyncio.create_task(backend.next_published())
    await asyncio.sleep(0)
    assert not listening.done()
    await backend.publish("a", "1")
    assert await listening == Event("a", "1")
    await backend.disconnect()


async def test_it_never_grows() -> None:
    """A hundred thousand unheard messages of one channel are one."""
    backend = MemoryBackend()
    await backend.subscribe("a")
    for number in range(100_000):
        await backend.publish("a", str(number))
    assert await heard(backend) == [Event("a", "99999")]


@pytest.mark.parametrize("channel", ["", "latchkey:home_1", "é\n"])
async def test_a_channel_is_any_text(channel: str) -> None:
    """Nothing in a channel's name means anything."""
    backend = MemoryBackend()
    await backend.subscribe(channel)
    await backend.publish(channel, "")
    assert await heard(backend) == [Event(channel, "")]
