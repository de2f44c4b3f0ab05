"""The backend on PostgreSQL's LISTEN and NOTIFY, for those without Redis: `postgresql://`.

One connection of its own hears and says, on one channel of the database: names of ours may be too
long for channels there, and every process hears every hint and keeps what it has joined. That is
good for a few processes. After a connection was lost nothing is replayed, and nothing has to be:
every feed looks at the database twice a second.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
import orjson
from broadcaster import BroadcastBackend, Event

from core import observe
from core.broadcast import redial
from core.broadcast.newest import Newest
from core.broadcast.tally import Tally
from core.domain.errors import Invalid

log = observe.logger(__name__)

CHANNEL = "latchkey"
BATCH = 500
MOST_WAITING = 10_000
"""Channels whose hints wait for a connection; about 2 MB."""
PAYLOAD_BYTES = 7_999
"""NOTIFY takes less than 8000."""
OPTIONS: Final = frozenset(
    {"host", "port", "user", "password", "passfile", "database", "dbname", "target_session_attrs"}
    | {"sslmode", "sslcert", "sslkey", "sslrootcert", "sslnegotiation"}
)
NOTIFY = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"


class PostgresBackend(BroadcastBackend):
    """Publishes to and hears from one database, in the background, whether it is there or not."""

    def __init__(self, url: str, tally: Tally | None = None) -> None:
        """Nothing is dialled before `connect`.

        Raises:
            Invalid: the URL cannot be read.
        """
        self._url = _plain(url)
        self._tally = tally or Tally()
        self._tally.needed = 1
        self._channels: set[str] = set()
        self._heard = Newest()
        self._outbox = Newest(MOST_WAITING)
        self._was_open = False
        self._running: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Begin to dial; a database that is not there keeps nobody from starting."""
        self._running = asyncio.create_task(redial.redial(self._talk, "postgresql"))

    async def disconnect(self) -> None:
        """Hang up. What was not said yet is found at the next look of whoever it was for."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def subscribe(self, channel: str) -> None:
        """Hear this channel; the server need not know."""
        self._channels.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Stop hearing this channel."""
        self._channels.discard(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Say something soon; this never waits and never fails."""
        self._tally.lost += self._outbox.put(channel, message)

    async def next_published(self) -> Event:
        """The next message of a subscribed channel."""
        return Event(*await self._heard.next())

    async def _talk(self) -> None:
        async with asyncio.timeout(redial.DIAL_SECONDS):
            connection = await asyncpg.connect(
                self._url, server_settings={"application_name": "latchkey broadcast"}
            )
        opened, ended = False, asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            async with asyncio.timeout(redial.DIAL_SECONDS):
                await connection.add_listener(CHANNEL, self._take_in)
            opened = True
            self._opened()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._say(connection))
                group.create_task(_end(ended))
        finally:
            if opened:
                self._tally.open -= 1
            connection.terminate()

    def _opened(self) -> None:
        self._tally.open += 1
        if self._was_open:
            self._tally.reconnects += 1
            log.info("broadcast_back", server="postgresql")
        self._was_open = True

    def _take_in(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        del connection, pid, channel
        for name, message in _unpacked(str(payload)):
            if name in self._channels:
                self._heard.put(name, message)

    async def _say(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Say what waits, all of it in one statement, while the next gathers.

        With nothing to say the empty statement shows whether the server is still there.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(redial.PING_SECONDS):
                    await self._outbox.some()
            batch = self._outbox.take(BATCH)
            payloads, short = _packed(batch)
            try:
                async with asyncio.timeout(redial.SILENT_SECONDS):
                    await connection.execute(NOTIFY, CHANNEL, payloads)
            except BaseException:
                self._tally.lost += self._outbox.put_back(batch)
                raise
            self._tally.published += short
            self._tally.lost += len(batch) - short


async def _end(ended: asyncio.Event) -> None:
    await ended.wait()
    sentence = "The connection has ended."
    raise redial.Lost(sentence)


def _plain(url: str) -> str:
    """The URL as asyncpg reads it; one of the store is good as well.

    Raises:
        Invalid: it cannot be read.
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, strict_parsing=bool(parts.query))
        for host in parts.netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port  # which is read when it is asked for
    except ValueError:
        sentence = (
            "LATCHKEY_BROADCAST_URL must name a database, such as "
            "postgresql://user:password@host:5432/latchkey."
        )
        raise Invalid(sentence) from None  # what went wrong may quote a password
    if parts.scheme != "postgresql":  # SQLAlchemy's, which may hold what is for its pool
        options = [("sslmode" if name == "ssl" else name, value) for name, value in options]
        options = [(name, value) for name, value in options if name in OPTIONS]
    return urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(options), ""))


def _packed(messages: Mapping[str, str]) -> tuple[list[str], int]:
    """Payloads that hold the messages, as few as can be, and how many fit into one at all."""
    payloads: list[list[bytes]] = []
    length, fitting = PAYLOAD_BYTES, 0
    for channel, message in messages.items():
        pair = orjson.dumps({channel: message})[1:-1]
        if len(pair) + 2 > PAYLOAD_BYTES:
            continue
        fitting += 1
        length += len(pair) + 1
        if length + 1 > PAYLOAD_BYTES:
            payloads.append([])
            length = len(pair) + 1
        payloads[-1].append(pair)
    return [f"{{{b','.join(pairs).decode()}}}" for pairs in payloads], fitting


def _unpacked(payload: str) -> Iterator[tuple[str, str]]:
    """The messages in a payload; whatever else is said on the channel is nothing."""
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return
    if isinstance(said, dict):
        yield from ((name, what) for name, what in said.items() if isinstance(what, str))
