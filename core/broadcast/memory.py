"""The backend for one process: what is published here is heard here."""

from broadcaster import BroadcastBackend, Event

from core.broadcast.newest import Newest
from core.broadcast.tally import Tally


class MemoryBackend(BroadcastBackend):
    """Keeps the newest message of each channel until it is heard, so it never grows."""

    def __init__(self, tally: Tally | None = None) -> None:
        """A backend that nobody listens to yet."""
        self._tally = tally or Tally()
        self._subscribed: set[str] = set()
        self._published = Newest()

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
        self._tally.published += 1
        if channel in self._subscribed:
            self._published.put(channel, message)

    async def next_published(self) -> Event:
        """The next message of a subscribed channel."""
        return Event(*await self._published.next())
