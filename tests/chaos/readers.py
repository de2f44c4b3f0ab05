"""Readers that lose nothing: each comes back to any process with its last cursor, for ever."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeAlias

import aiohttp
import orjson

from core.domain.events import Event
from tests.chaos.sockets import GONE, HOST, Cut, End, Message, Socket, connect
from tests.event_source import EventSource, Told

HANDSHAKE_SECONDS: Final = 8.0
PAUSES: Final = (0.1, 4.0)
"""Seconds before the second attempt and, doubled each time, at most before a later one.

Whoever is busy with many at once must not be asked again before it could answer.
"""
USUAL: Final = frozenset({GONE, 1012, 1013})
"""Codes after which a client is to come back."""
LEAVES: Final = 0.15
"""How often a reader goes away right after a ping, with nothing but its cursor."""
HOLDS: Final = 4_096
DOZE_SECONDS, AWAKE_SECONDS = 1.5, 0.5
OK, BUSY = 200, 503
FIELDS: Final = "id home { id }"


class Surprise(Exception):
    """What the protocol has no place for here."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription's document and variables, and which events they speak of."""

    document: str
    variables: Mapping[str, Any]
    fits: Callable[[Event], bool]


@dataclass(slots=True)
class Reader:
    """One subscriber: where it is, what it has seen of each home, and how its visits went."""

    name: str
    wish: Wish
    token: str
    cursor: str
    visit: "Visit"
    patience: float
    """Seconds without a sign of life after which it goes elsewhere."""
    luck: Random
    seen: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    visits: list[str] = field(default_factory=list)
    heard_at: float = 0.0
    leave: Callable[[], None] | None = None
    """Ends the visit under way."""
    hurries: bool = False
    """Whether it neither dozes nor leaves: all that is missing is to come."""

    @property
    def count(self) -> int:
        """How many events it has seen."""
        return sum(map(len, self.seen.values()))

    async def read(self, ports: Sequence[int]) -> None:
        """Come back again and again, to any of these, until cancelled.

        Raises:
            Surprise: something came that nobody may be sent.
        """
        pause, most = PAUSES
        while True:
            port, before, begun = self.luck.choice(ports), self.count, time.monotonic()
            try:
                how = await self.visit(self, port)
            except (OSError, Cut, TimeoutError, aiohttp.ClientError) as error:
                how = f"{type(error).__name__} {error}"
                if isinstance(error, Cut) and error.end.code not in USUAL:
                    raise Surprise(f"{self.name} was closed: {error.end}") from error
            got = self.count - before
            self.visits.append(f"{port}: {got} events, then {how}")
            pause = PAUSES[0] if self.heard_at > begun else min(2 * pause, most)
            await asyncio.sleep(self.luck.uniform(0, pause))

    def take(self, payload: Mapping[str, Any]) -> None:
        """An answer of the subscription.

        Raises:
            Surprise: it is no event with a cursor.
        """
        extensions = payload.get("extensions", {})
        if "errors" in payload or "gap" in extensions:
            raise Surprise(f"{self.name} got {payload}")
        (event,) = payload["data"].values()
        self.seen[event["home"]["id"]].append(event["id"])
        self.cursor = extensions["cursor"]

    def wrong(self, logs: Mapping[str, Sequence[Event]]) -> list[str]:
        """What it has seen that is not what the logs hold for it, one sentence a home."""
        found = []
        for home_id, log in logs.items():
            due = [event.id for event in log if self.wish.fits(event)]
            if (seen := self.seen.get(home_id, [])) != due:
                visits = "; ".join(self.visits)
                found.append(f"{self.name}, {home_id}: {difference(seen, due)}. {visits}")
        return found

    def due(self, logs: Mapping[str, Sequence[Event]]) -> int:
        """How many events of these logs are for it."""
        return sum(self.wish.fits(event) for log in logs.values() for event in log)


Visit: TypeAlias = Callable[[Reader, int], Awaitable[str]]
"""One connection to a port, from its opening to its end; how it ended."""


def difference(seen: Sequence[str], due: Sequence[str]) -> str:
    """Where one list leaves the other."""
    at = next((n for n, (a, b) in enumerate(zip(seen, due, strict=False)) if a != b), None)
    where = min(len(seen), len(due)) if at is None else at
    twice, missing = len(seen) - len(set(seen)), len(set(due) - set(seen))
    strange = len(set(seen) - set(due))
    return (
        f"{len(seen)} seen, {len(due)} due, {twice} twice, {missing} missing, {strange} not its "
        f"own; they part at {where}"
    )


async def over_socket(reader: Reader, port: int) -> str:
    """A visit over WebSocket. A ping's cursor is as good as a message's."""
    return await _socket(reader, port, None)


async def over_lazy_socket(reader: Reader, port: int) -> str:
    """Likewise, but more often than not it does not read, and little waits on the way."""
    return await _socket(reader, port, HOLDS)


async def _socket(reader: Reader, port: int, holds: int | None) -> str:
    wrong: list[Exception] = []

    def hear(message: Message) -> None:
        reader.heard_at = time.monotonic()
        try:
            _heard(reader, message)
        except (Cut, Surprise) as error:
            wrong.append(error)
            socket.vanish()

    async with asyncio.timeout(HANDSHAKE_SECONDS):
        socket = await connect(port, reader.token, hear, holds=holds)
    reader.heard_at, reader.leave = time.monotonic(), socket.vanish
    try:
        socket.subscribe(reader.wish.document, after=reader.cursor, **reader.wish.variables)
        while not socket.ended.done():
            if holds is not None and reader.hurries:
                socket.hold_more()
                holds = None
            elif holds is not None:
                await _doze(reader, socket)
            left = reader.heard_at + reader.patience - time.monotonic()
            if left <= 0:
                return "silence"
            await asyncio.wait({socket.ended}, timeout=left if holds is None else AWAKE_SECONDS)
    finally:
        reader.leave = None
        socket.vanish()
    if wrong:
        raise wrong[0]
    raise Cut(socket.ended.result())


async def _doze(reader: Reader, socket: Socket) -> None:
    socket.stop_reading()
    await asyncio.wait({socket.ended}, timeout=DOZE_SECONDS)
    socket.send({"type": "pong"})  # a sign of life, though no ping was seen
    reader.heard_at = time.monotonic()
    socket.read_on()


def _heard(reader: Reader, message: Message) -> None:
    match message:
        case {"type": "next", "payload": payload}:
            reader.take(payload)
        case {"type": "ping", "payload": {"cursors": cursors}}:
            reader.cursor = cursors.get("1", reader.cursor)
            if (
                not reader.hurries and reader.luck.random() < LEAVES
            ):  # what it says must not be ahead of what has come
                raise Cut(End(GONE, "we left at a ping"))
        case {"type": "error", "payload": [{"extensions": {"code": "UNAVAILABLE"}}]}:
            raise Cut(End(1013, "unavailable"))
        case _:
            raise Surprise(f"{reader.name} got {message}")


async def over_stream(reader: Reader, port: int) -> str:
    """A visit over server-sent events. The last id, of a heartbeat too, is where it resumes."""
    async with aiohttp.ClientSession() as http:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            response = await http.post(
                f"http://{HOST}:{port}/graphql",
                json={"query": reader.wish.document, "variables": dict(reader.wish.variables)},
                headers={
                    "Authorization": f"Bearer {reader.token}",
                    "Accept": "text/event-stream",
                    "Last-Event-ID": reader.cursor,
                },
            )
        try:
            reader.heard_at, reader.leave = time.monotonic(), response.close
            return await _streamed(reader, response)
        finally:
            reader.leave = None
            response.close()


async def _streamed(reader: Reader, response: aiohttp.ClientResponse) -> str:
    if response.status == BUSY:
        return "a refusal for now"
    if response.status != OK:
        raise Surprise(f"{reader.name} was answered {response.status}: {await response.text()}")
    source = EventSource()
    while True:
        async with asyncio.timeout(reader.patience):
            part = await response.content.readany()
        if not part:
            return "the end"
        reader.heard_at = time.monotonic()
        for told in source.feed(part):
            _told(reader, told)
        reader.cursor = source.last_id or reader.cursor


def _told(reader: Reader, told: Told) -> None:
    if told.type == "next":
        reader.take(orjson.loads(told.data))
        if told.last_id != reader.cursor:
            raise Surprise(f"{reader.name} got an event with another id than its cursor")
    elif told.data:
        raise Surprise(f"{reader.name} got {told}")


class Reading:
    """Readers at work, until `end`."""

    def __init__(self, readers: Sequence[Reader], ports: Sequence[int]) -> None:
        self._readers = readers
        self._tasks = [asyncio.create_task(reader.read(ports)) for reader in readers]

    async def caught_up(self, logs: Mapping[str, Sequence[Event]], seconds: float) -> list[str]:
        """Return once everybody has as many events as are due, and has come back once more.

        What comes twice comes when one comes back. Returns who had not got all before that: what
        a live subscription misses may come when it is resumed, but that is too late.
        """
        due = {reader.name: reader.due(logs) for reader in self._readers}
        for reader in self._readers:
            reader.hurries = True
        await self._until(lambda reader: reader.count >= due[reader.name], seconds)
        late = [one.name for one in self._readers if one.count < due[one.name]]
        visits = {reader.name: len(reader.visits) for reader in self._readers}
        for reader in self._readers:
            if reader.leave is not None:
                reader.leave()
        now = time.monotonic()
        await self._until(
            lambda reader: (
                len(reader.visits) > visits[reader.name]
                and reader.leave is not None
                and reader.heard_at > now + 1
            ),
            seconds,
        )
        return late

    async def _until(self, so: Callable[[Reader], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not all(map(so, self._readers)) and time.monotonic() < end:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)

    async def end(self) -> None:
        """End all of them.

        Raises:
            Surprise: as `Reader.read` does.
        """
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
