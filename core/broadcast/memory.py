"""The backend for one process: what is published here is heard here."""

import asyncio

from broadcaster import BroadcastBackend, Event


class MemoryBackend(BroadcastBackend):
    """Keeps the newest message of each channel until it is heard, so it never grows."""

    def __init__(self) -> None:
        """A backend that nobody listens to yet."""
        self._subscribed: set[str] = set()
        self._published: dict[str, str] = {}
        self._some = asyncio.Event()

    async def connect(self) -> None:
        """Nothing to dial."""

    async def disconnect(self) -> None:
        """Nothing to hang up."""

    async def subscribe(self, channel: str) -> None:
        """Hear this channel."""
        self._subscribed.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Stop hearing this channel."""
        self._subscribed.discard(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Say something; a newer message replaces one that was not heard yet."""
        if channel in self._subscribed:
            self._published[channel] = message
            self._some.set()

    async def next_published(self) -> Event:
        """The next message of a subscribed channel."""
        while not self._published:
            self._some.clear()
            await self._some.wait()
        channel = next(iter(self._published))
        return Event(channel, self._published.pop(channel))
