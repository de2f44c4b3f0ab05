"""One connection of `graphql-transport-ws`, transport aside: what comes in, and when it ends.

`docs/live.md` says it as partners see it. While nothing happens a session has no task but its
reader: heartbeats, the end of its token and news of its grant are timers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from core.domain.accounts import Viewer
from core.domain.errors import Invalid, LatchkeyError, Unauthenticated, Unavailable
from core.domain.ports import Clock
from core.snapshots.access import Access
from schema.errors import refusal
from schema.graph import Graph
from subscriptions.operations import Operations
from subscriptions.outlet import Gone, Outlet, Wire
from subscriptions.pace import Pace
from subscriptions.protocol import Close, fault
from subscriptions.pump import Pump
from subscriptions.timers import Timers

RETRY_SECONDS: Final = 0.5
SILENT_BEATS: Final = 2
TOKEN: Final = "authorization"  # noqa: S105 - the name of a field
RESTARTS: Final = "This server restarts: connect again, and go on from your cursors."
SILENT: Final = "Nothing was heard of you for two heartbeats: answer pings."
Authenticate: TypeAlias = Callable[[str | None], Awaitable[Viewer | None]]
"""The viewer of an Authorization header's value, on this connection; None for nobody."""

Read: TypeAlias = Callable[[], Awaitable[str | bytes | None]]
"""The next frame; None once either side has closed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may do: seconds, operations at a time, messages and bytes a second."""

    init_seconds: float
    heartbeat_seconds: float
    operation_seconds: float
    operations: int
    pace: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """What all connections of a process share."""

    graph: Graph
    access: Access
    clock: Clock
    limits: Limits
    pump: Pump


class Session:
    """A connection. `run` is its life; everything of it happens within."""

    __slots__ = (
        "_acknowledged",
        "_authenticate",
        "_header",
        "_heard_at",
        "_initialised",
        "_outlet",
        "_pace",
        "_parts",
        "_reader",
        "_timers",
        "_viewer",
        "operations",
    )

    def __init__(
        self, wire: Wire, parts: Parts, authenticate: Authenticate, header: str | None
    ) -> None:
        """`header` is the Authorization header that the connection was opened with."""
        limits = parts.limits
        self._parts = parts
        self._authenticate = authenticate
        self._header = header
        self._outlet = Outlet(wire, parts.pump, self._leave)
        self._reader: asyncio.Task[Any] | None = None
        self._timers = Timers()
        self._pace = Pace(limits.pace, parts.clock)
        self._viewer: Viewer | None = None
        self._initialised = False
        self._acknowledged = False
        self._heard_at = parts.clock.monotonic()
        self.operations = Operations(
            parts.graph, self._outlet, self._current, limits.operations, limits.operation_seconds
        )

    async def run(self, read: Read) -> None:
        """Serve until the peer goes or the connection is closed; then nothing of it is left."""
        self._reader = task = asyncio.current_task()
        self._timers.set("init", self._parts.limits.init_seconds, self._give_up)
        try:
            while not self._outlet.closed and (frame := await read()) is not None:
                await self._take(frame)
        except Gone:
            pass
        except asyncio.CancelledError:
            if task is None or not self._outlet.stalled:
                raise
            task.uncancel()
        finally:
            self._reader = None
            self._outlet.closed = True
            if self._viewer is not None:
                self._parts.access.unwatch(self._viewer.grant.id, self._changed)
            await self._timers.end()
            await self.operations.end()
            await self._outlet.end()

    async def drain(self) -> None:
        """Tell the peer how far each operation is, and close: this process ends."""
        try:
            async with asyncio.timeout(1):
                await self._ping()
        except (Gone, TimeoutError):
            pass
        await self._outlet.close(Close.RESTART, RESTARTS)

    async def _take(self, frame: str | bytes) -> None:
        self._heard_at = self._parts.clock.monotonic()
        if not self._pace.allows(_size(frame)):
            await self._outlet.close(Close.TRY_LATER, _too_fast(self._parts.limits))
        elif isinstance(frame, bytes):
            sentence = "Messages are text frames, not binary ones."
            await self._outlet.close(Close.MALFORMED, sentence)
        else:
            await self._received(frame)

    async def _received(self, frame: str) -> None:
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            await self._outlet.close(Close.MALFORMED, "The message is not JSON.")
            return
        if (wrong := fault(message)) is not None:
            await self._outlet.close(Close.MALFORMED, wrong)
            return
        match message["type"]:
            case "connection_init":
                await self._init(message.get("payload") or {})
            case "ping":
                await self._answer(message.get("payload"))
            case "subscribe" if self._acknowledged:
                await self.operations.start(message["id"], message["payload"])
            case "subscribe":
                sentence = "Unauthorized: send connection_init first."
                await self._outlet.close(Close.UNAUTHORIZED, sentence)
            case "complete":
                self.operations.complete(message["id"])

    async def _init(self, payload: Mapping[str, Any]) -> None:
        """Accept who shows a token that holds; a token in the payload wins over the header."""
        if self._initialised:
            sentence = "Too many initialisation requests."
            await self._outlet.close(Close.TOO_MANY_INITS, sentence)
            return
        self._initialised = True
        self._timers.stop("init")
        try:
            viewer = await self._known(payload.get(TOKEN, self._header))
        except LatchkeyError as error:
            await self._outlet.close_for(error)
            return
        self._viewer = viewer
        self._parts.access.watch(viewer.grant.id, self._changed)
        self._expire_with(viewer)
        self._changed()  # access may have been taken back before it was watched
        heartbeat = self._parts.limits.heartbeat_seconds
        self._timers.set("beat", heartbeat, self._beat)
        told = {"heartbeatMs": round(heartbeat * 1_000), "expiresAt": _moment(viewer.expires_at)}
        await self._outlet.send({"type": "connection_ack", "payload": told})
        self._acknowledged = True

    async def _known(self, shown: object) -> Viewer:
        viewer = await self._authenticate(shown if isinstance(shown, str) else None)
        if viewer is None:
            sentence = 'connection_init needs {"authorization": "Bearer …"}.'
            raise Unauthenticated(sentence)
        return viewer

    def _current(self) -> Viewer:
        """Who asks, as of now.

        Raises as `core.snapshots.access.Access.again` does.
        """
        return self._parts.access.again(self._shown)

    @property
    def _shown(self) -> Viewer:
        if self._viewer is None:
            sentence = "Send connection_init first."
            raise Unauthenticated(sentence)
        return self._viewer

    async def _answer(self, payload: Mapping[str, Any] | None) -> None:
        """Answer a ping with what it brought; one that brings a token renews the connection."""
        if payload is None:
            await self._outlet.send({"type": "pong"})
            return
        if TOKEN in payload and self._acknowledged:
            payload = await self._renewed(payload[TOKEN])
        try:
            await self._outlet.send({"type": "pong", "payload": payload})
        except orjson.JSONEncodeError:  # it reads what is deeper than it writes
            await self._outlet.close(Close.MALFORMED, "The payload is nested too deeply.")

    async def _renewed(self, shown: object) -> Mapping[str, Any]:
        """Let everything go on under a new token of the same grant; what came of it."""
        try:
            viewer = await self._known(shown)
            if viewer.grant.id != self._shown.grant.id:
                sentence = "This is a token of another grant: open another connection with it."
                raise Invalid(sentence, TOKEN)
        except LatchkeyError as error:
            return {"error": refusal(error)}
        self._viewer = viewer
        self._expire_with(viewer)
        self.operations.renew(viewer)
        self._changed()  # it may open less
        return {"expiresAt": _moment(viewer.expires_at)}

    def _leave(self) -> None:
        """End the reading, unless it is the reader who closes: it ends by itself."""
        if self._reader is not None and asyncio.current_task() is not self._reader:
            self._reader.cancel()

    async def _give_up(self) -> None:
        await self._outlet.close(Close.INIT_TIMEOUT, "No connection_init came in time.")

    async def _beat(self) -> None:
        if self._shown.expires_at <= self._parts.clock.now():  # whatever the clock said meanwhile
            await self._expired()
            return
        heartbeat = self._parts.limits.heartbeat_seconds
        silence = self._parts.clock.monotonic() - self._heard_at
        if silence >= SILENT_BEATS * heartbeat:
            await self._outlet.close(Close.TRY_LATER, SILENT)
            return
        self._timers.set("beat", heartbeat, self._beat)
        self._timers.set("ping", 0, self._ping)

    async def _ping(self) -> None:
        cursors = self.operations.cursors()
        await self._outlet.send({"type": "ping", "payload": {"cursors": cursors}})

    def _expire_with(self, viewer: Viewer) -> None:
        left = (viewer.expires_at - self._parts.clock.now()).total_seconds()
        self._timers.set("expiry", max(left, 0), self._expired)

    async def _expired(self) -> None:
        if self._shown.expires_at > self._parts.clock.now():  # the clock was set back
            self._expire_with(self._shown)
        else:
            await self._outlet.close(Close.FORBIDDEN, "The access token has expired.")

    def _changed(self) -> None:
        """The grant has changed: look again, but not here, where nobody may wait."""
        self._timers.set("look", 0, self._look)

    async def _look(self) -> None:
        try:
            self.operations.end_what_is_lost(self._current())
        except Unavailable:  # nobody can know now; whoever cannot know asks again
            self._timers.set("look", RETRY_SECONDS, self._look)
        except Unauthenticated as error:
            await self._outlet.close_for(error)


def _size(frame: str | bytes) -> int:
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode())


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _too_fast(limits: Limits) -> str:
    messages, size = limits.pace
    return f"Too fast: {messages} messages or {size} bytes a second are the most."
