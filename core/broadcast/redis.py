"""The backend on one Redis or Valkey server, `redis://` or (over TLS) `rediss://`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from broadcaster import BroadcastBackend, Event
from redis.asyncio import Connection
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from core.broadcast.line import PLAIN, Line
from core.broadcast.newest import Newest
from core.broadcast.tally import Tally
from core.domain.errors import Invalid

OURS: Mapping[str, Any] = {
    # What holds for every server, and what the line sees to itself: timeouts, retries, pings.
    "protocol": 2,
    "decode_responses": False,
    "socket_timeout": None,
    "health_check_interval": 0,
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server and all that a connection to it needs; its text names no secret."""

    kind: type[Connection]
    host: str
    port: int
    options: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """The server of a `BROADCAST_URL`.

        Raises:
            Invalid: the URL names none, or an option that there is not.
        """
        try:
            options: dict[str, Any] = {**parse_url(url), **OURS}
            kind = options.pop("connection_class", Connection)
            server = cls(kind, options.pop("host"), int(options.pop("port", 6379)), options)
            server.connection()
        except (AttributeError, KeyError, RedisError, TypeError, ValueError):
            sentence = (
                "LATCHKEY_BROADCAST_URL must name a server and options that redis-py has, such as "
                "redis://:password@host:6379 or rediss://host:6379?ssl_ca_certs=/path."
            )
            raise Invalid(sentence) from None  # what went wrong may quote a password
        return server

    def connection(self) -> Connection:
        """A connection, not dialled yet."""
        return self.kind(host=self.host, port=self.port, **self.options)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class RedisBackend(BroadcastBackend):
    """Publishes to and hears from one server, in the background, whether it is there or not."""

    def __init__(self, url: str, tally: Tally | None = None) -> None:
        """Nothing is dialled before `connect`."""
        server = Server.of(url)
        tally = tally or Tally()
        tally.needed = 1
        self._heard = Newest()
        self._line = Line(str(server), server.connection, PLAIN, self._heard, tally)
        self._running: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Begin to dial; a server that is not there keeps nobody from starting."""
        self._running = asyncio.create_task(self._line.run())

    async def disconnect(self) -> None:
        """Hang up. What was not said yet is found at the next look of whoever it was for."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def subscribe(self, channel: str) -> None:
        """Hear this channel: from now on where the server is there, else from when it is."""
        self._line.want(channel)
        try:
            await self._line.heard(channel)
        except asyncio.CancelledError:
            self._line.unwant(channel)
            raise

    async def unsubscribe(self, channel: str) -> None:
        """Stop hearing this channel."""
        self._line.unwant(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Say something soon; this never waits and never fails."""
        self._line.publish(channel, message)

    async def next_published(self) -> Event:
        """The next message of a subscribed channel."""
        return Event(*await self._heard.next())
