"""The operations of one connection, each of which ends for itself.

A query or mutation is a task until it has answered. A subscription is one while it is opened; then
the hub tells it of events, and the outlet asks it for them.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import orjson

from core.domain.accounts import Viewer
from core.domain.errors import LatchkeyError, Limited, Refused, Unauthenticated
from core.domain.seen import Seen
from engine import Rejected
from resolvers.answers import settled
from schema.errors import internal, refusal
from schema.graph import Call, Graph, new_trace, traced
from schema.parameters import parameters
from schema.streaming import Streaming
from subscriptions.outlet import Gone, Message, Outlet
from subscriptions.protocol import Close


class Operation:
    """One of them. Once it is `over`, nothing more is sent for it."""

    __slots__ = (
        "_head",
        "_next",
        "_ours",
        "_outlet",
        "call",
        "id",
        "over",
        "passed",
        "stream",
        "task",
        "trace_id",
    )

    def __init__(self, key: str, ours: "Operations") -> None:
        """It is one of these."""
        self.id = key
        self.trace_id = new_trace()
        self.task: asyncio.Task[None] | None = None
        self.call: Call | None = None
        self.stream: Streaming | None = None
        self.over = False
        self.passed: Callable[[], bool] = bool
        """`subscriptions.outlet.Source`: as its stream says."""

        self._next: Callable[[], Seen | None] = _nothing
        self._ours = ours
        self._outlet = ours.outlet
        self._head = b""

    def listen(self, stream: Streaming) -> None:
        """Take what its stream, which is open now, has."""
        self._next, self.passed = stream.next, stream.passed

    def announce(self, home_id: str) -> None:
        """Its stream has something to be taken."""
        self._outlet.announce(self, home_id)

    def take(self) -> bytes | None:
        """`subscriptions.outlet.Source`: the message with its next event."""
        if self.over or self.stream is None:
            return None
        try:
            if (seen := self._next()) is None:
                return None
            payload = seen.payload or self.stream.shown(seen)
        except Exception as error:  # noqa: BLE001 - it ends this operation, and no other
            self._ours.ended(self, error)
            return None
        if not self._head:
            self._head = b'{"id":%b,"type":"next","payload":' % orjson.dumps(self.id)
        return b"".join((self._head, payload, b"}"))

    def lag(self) -> None:
        """`subscriptions.outlet.Source`."""
        if self.stream is not None and not self.over:
            self.stream.lag()


class Operations:
    """Those that run now, by id."""

    __slots__ = ("_closing", "_graph", "_most", "_running", "_seconds", "_viewer", "outlet")

    def __init__(
        self, graph: Graph, outlet: Outlet, viewer: Callable[[], Viewer], most: int, seconds: float
    ) -> None:
        """At most so many at a time; a query or mutation takes `seconds` at most.

        `viewer` is who asks, as of now; it raises where nobody may.
        """
        self._graph = graph
        self.outlet = outlet
        self._viewer = viewer
        self._most = most
        self._seconds = seconds
        self._running: dict[str, Operation] = {}
        self._closing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many run."""
        return len(self._running)

    async def start(self, key: str, payload: Mapping[str, Any]) -> None:
        """Start one, or refuse it alone; an id that is in use closes the connection."""
        if key in self._running:
            sentence = f"An operation with the id {key[:40]} runs already."
            await self.outlet.close(Close.DUPLICATE, sentence)
        elif len(self._running) >= self._most:
            sentence = f"{self._most} operations run on this socket, the most at a time: end one."
            found = traced([refusal(Limited(sentence))], new_trace())
            await self.outlet.send({"id": key, "type": "error", "payload": found})
        else:
            operation = self._running[key] = Operation(key, self)
            operation.task = asyncio.create_task(self._operate(operation, dict(payload)))

    def complete(self, key: str) -> None:
        """End one because its client wants no more of it; it may just have ended by itself."""
        if (operation := self._running.get(key)) is not None:
            self._end(operation)
            if operation.task is not None:
                operation.task.cancel()

    def renew(self, viewer: Viewer) -> None:
        """Let all go on for who asks with a new token."""
        for operation in self._running.values():
            if operation.stream is not None:
                operation.stream.renew(viewer)

    def cursors(self) -> dict[str, str]:
        """How far each subscription is that has nothing on its way out, quiet ones too."""
        streams = ((key, operation.stream) for key, operation in self._running.items())
        found = ((key, stream.cursor) for key, stream in streams if stream is not None)
        return {key: cursor for key, cursor in found if cursor is not None}

    def end_what_is_lost(self, viewer: Viewer) -> None:
        """End what the viewer as of now may not run any more, and tell the client."""
        for operation in tuple(self._running.values()):
            if operation.call is None or operation.over:
                continue
            try:
                self._graph.allow(operation.call, viewer)
            except Refused as error:
                self.ended(operation, error)
                if operation.task is not None:
                    operation.task.cancel()

    async def end(self) -> None:
        """End all; nothing of them is left."""
        tasks = [one.task for one in self._running.values() if one.task is not None]
        if self._closing is not None:
            tasks.append(self._closing)
        for operation in tuple(self._running.values()):
            self._end(operation)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _operate(self, operation: Operation, payload: dict[str, Any]) -> None:
        """One operation until it has answered, or its subscription is open."""
        try:
            await self._execute(operation, payload)
        except Gone:
            self._end(operation)
        except Exception as error:  # noqa: BLE001 - what goes wrong with it ends it alone
            self.ended(operation, error)
        finally:
            operation.task = None

    async def _execute(self, operation: Operation, payload: dict[str, Any]) -> None:
        asked = parameters(payload)
        call = await settled(self._graph.prepare(asked, self._viewer(), operation.trace_id))
        call = call._replace(viewer=self._viewer())  # preparing may have waited for the store
        self._graph.allow(call, call.viewer)
        operation.call = call
        if call.operation.kind == "subscription":
            operation.stream = self._graph.stream(call)
            errors = await operation.stream.open(operation.announce)
            operation.listen(operation.stream)
            if errors is not None:
                self._finish(operation, "error", errors)
            return
        answer = await self._graph.run(call, self._seconds)
        await self.outlet.send({"id": operation.id, "type": "next", "payload": answer})
        self._finish(operation, "complete")

    def ended(self, operation: Operation, error: Exception) -> None:
        """Something ends it, of which its client is told."""
        if operation.over:
            return
        if isinstance(error, Rejected):
            errors = [dict(one.formatted) for one in error.errors]
            self._finish(operation, "error", traced(errors, operation.trace_id))
        elif isinstance(error, Unauthenticated):
            if self._closing is None:
                self._closing = asyncio.create_task(self.outlet.close_for(error))
        elif isinstance(error, LatchkeyError):
            found = traced([refusal(error)], operation.trace_id)
            self._finish(operation, "error", found)
        else:
            self._finish(operation, "error", [internal(error, operation.trace_id)])

    def _finish(self, operation: Operation, kind: str, payload: object = None) -> None:
        """Say how it ended; until the client takes that, it counts among those that run."""
        self._stop(operation)
        message: Message = {"id": operation.id, "type": kind}
        if payload is not None:
            message = {**message, "payload": payload}
        with suppress(Gone):
            self.outlet.post(message, partial(self._forget, operation))

    def _end(self, operation: Operation) -> None:
        """Nothing more of it; the client may start another under its id."""
        self._stop(operation)
        self._forget(operation)

    def _stop(self, operation: Operation) -> None:
        operation.over = True
        if operation.stream is not None:
            operation.stream.close()

    def _forget(self, operation: Operation) -> None:
        if self._running.get(operation.id) is operation:
            del self._running[operation.id]


def _nothing() -> None:
    """Nothing is to be had before a stream is open."""
