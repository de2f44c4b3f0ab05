"""Strawberry's `graphql-transport-ws` handler on our graph, until our own session replaces it.

The handler keeps the protocol's order of messages. What it gets wrong is mended here: messages of
the wrong shape close 4400, each event is answered in a context of its own, errors of one operation
stay with that operation, and a socket ends with the access that opened it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    SubscribeMessage,
)

from core import observe
from core.domain.accounts import Viewer
from core.domain.errors import LatchkeyError, Limited, Unauthenticated, Unavailable
from core.domain.ports import Clock
from core.snapshots.access import Access
from engine import Rejected
from resolvers.answers import settled
from schema.errors import internal, refusal
from schema.graph import Call, Graph, new_trace, traced
from schema.parameters import parameters
from subscriptions.protocol import SUBPROTOCOL, Close, fault, reason

log = observe.logger(__name__)

RETRY_SECONDS = 0.5
Authenticate = Callable[[str | None], Awaitable[Viewer | None]]
"""The viewer of an Authorization header's value; None for nobody."""


class Adapter(AsyncWebSocketAdapter):
    """A Starlette socket as the handler wants it: messages of the protocol's shape, or a close."""

    def __init__(self, socket: WebSocket) -> None:
        """Speak through this accepted socket."""
        super().__init__(None)  # type: ignore[arg-type]  # the view, which nothing of ours asks
        self._socket = socket

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """Each message, until the socket closes."""
        del ignore_parsing_errors
        while (frame := await self._socket.receive())["type"] == "websocket.receive":
            text = frame.get("text")
            if text is None:
                raise NonTextMessageReceived
            try:
                message = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise NonJsonMessageReceived from error
            if (wrong := fault(message)) is not None:
                await self.close(Close.MALFORMED, wrong)
                return
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """One message out."""
        try:
            await self._socket.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: closed by us meanwhile
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close, once."""
        if self._socket.application_state is not WebSocketState.DISCONNECTED:
            await self._socket.close(code, _reason(reason))


_reason = reason


class Session(BaseGraphQLTransportWSHandler[None, None]):
    """One connection."""

    def __init__(
        self,
        socket: WebSocket,
        graph: Graph,
        access: Access,
        clock: Clock,
        authenticate: Authenticate,
        init_seconds: float,
        operations: int,
        seconds: float,
    ) -> None:
        """`init_seconds` to send connection_init, `operations` at a time of `seconds` each."""
        super().__init__(
            view=None,  # type: ignore[arg-type]  # only `on_ws_connect` would ask it
            websocket=Adapter(socket),
            context=None,
            root_value=None,
            schema=None,  # type: ignore[arg-type]  # operations run on our graph
            connection_init_wait_timeout=timedelta(seconds=init_seconds),
        )
        self._most = operations
        self._seconds = seconds
        self._header = socket.headers.get("authorization")
        self._graph = graph
        self._access = access
        self._clock = clock
        self._authenticate = authenticate
        self._viewer: Viewer | None = None
        self._calls: dict[Operation[None, None], Call] = {}
        self._guard: asyncio.Task[None] | None = None

    async def shutdown(self) -> None:
        """End every operation and the guard."""
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)
        await super().shutdown()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Accept who shows a token that holds; a token in the payload wins over the header."""
        if self.connection_timed_out:
            return
        if self.connection_init_received:
            await self._close(Close.TOO_MANY_INITS, "Too many initialisation requests.")
            return
        self.connection_init_received = True
        if self.connection_init_timeout_task:
            self.connection_init_timeout_task.cancel()
        payload = message.get("payload") or {}
        shown = payload.get("authorization", self._header)
        try:
            self._viewer = await self._authenticate(shown if isinstance(shown, str) else None)
            if self._viewer is None:
                sentence = 'connection_init needs {"authorization": "Bearer …"}.'
                raise Unauthenticated(sentence)
        except LatchkeyError as error:
            await self._close_for(error)
            return
        self._guard = asyncio.create_task(self._watch_access(self._viewer))
        expires = self._viewer.expires_at.isoformat().replace("+00:00", "Z")
        await self.websocket.send_json(
            {"type": "connection_ack", "payload": {"expiresAt": expires}}
        )
        self.connection_acknowledged = True

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, or refuse it alone."""
        if not self.connection_acknowledged:
            await self._close(Close.UNAUTHORIZED, "Unauthorized: send connection_init first.")
            return
        if len(self.operations) >= self._most and message["id"] not in self.operations:
            sentence = f"{self._most} operations run on this socket, the most at a time: end one."
            found = traced([refusal(Limited(sentence))], new_trace())
            await self.websocket.send_json({"id": message["id"], "type": "error", "payload": found})
            return
        # Its payload as a whole stands for what the handler takes for the text: `_run` reads it.
        whole: Any = {"query": message["payload"]}
        await super().handle_subscribe({**message, "payload": whole})

    async def run_operation(self, operation: Operation[None, None]) -> None:
        """One operation from its check to its end, on our graph."""
        trace_id = new_trace()
        try:
            await self._run(operation, trace_id)
        except Rejected as rejected:
            found = [dict(error.formatted) for error in rejected.errors]
            await self._error(operation, traced(found, trace_id))
        except Unauthenticated as error:
            await self._close_for(error)
        except LatchkeyError as error:
            await self._error(operation, traced([refusal(error)], trace_id))
        except WebSocketDisconnected:
            pass
        except Exception as error:  # noqa: BLE001 - a bug of ours: told, logged, and no more
            await self._error(operation, [internal(error, trace_id)])
        finally:
            self._calls.pop(operation, None)
            # The client may have started another operation under this id meanwhile.
            if self.operations.get(operation.id) is operation:
                del self.operations[operation.id]

    async def _run(self, operation: Operation[None, None], trace_id: str) -> None:
        payload: Any = operation.query
        asked = parameters(payload)
        call = await settled(self._graph.prepare(asked, self._current(), trace_id))
        call = call._replace(viewer=self._current())  # preparing may have waited for the store
        self._graph.allow(call, call.viewer)
        self._calls[operation] = call
        if call.operation.kind == "subscription":
            answers = self._graph.stream(call)
            async with aclosing(answers):
                async for payload, started in answers:
                    if not started:
                        await self._error(operation, payload["errors"])
                        return
                    await self._next(operation, payload)
        else:
            await self._next(operation, await self._graph.run(call, self._seconds))
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _next(self, operation: Operation[None, None], payload: dict[str, Any]) -> None:
        if not operation.completed:
            await self.websocket.send_json({"id": operation.id, "type": "next", "payload": payload})

    async def _error(self, operation: Operation[None, None], errors: list[Any]) -> None:
        await operation.send_operation_message(
            {"id": operation.id, "type": "error", "payload": errors}
        )

    def _current(self) -> Viewer:
        if self._viewer is None:
            sentence = "Send connection_init first."
            raise Unauthenticated(sentence)
        return self._access.again(self._viewer)

    async def _watch_access(self, viewer: Viewer) -> None:
        """Close when the token expires or the grant ends; end operations that lost a scope."""
        changed = asyncio.Event()
        stop = self._access.watch(viewer.grant.id, changed.set)
        try:
            while True:
                left = (viewer.expires_at - self._clock.now()).total_seconds()
                try:
                    async with asyncio.timeout(max(left, 0)):
                        await changed.wait()
                except TimeoutError:
                    await self._close(Close.FORBIDDEN, "The access token has expired.")
                    return
                changed.clear()
                try:
                    await self._end_what_is_lost()
                except Unavailable:  # nobody can know now; whoever cannot know asks again
                    changed.set()
                    await asyncio.sleep(RETRY_SECONDS)
        except Unauthenticated as error:
            await self._close_for(error)
        finally:
            stop()

    async def _end_what_is_lost(self) -> None:
        viewer = self._current()
        for operation, call in list(self._calls.items()):
            try:
                self._graph.allow(call, viewer)
            except LatchkeyError as error:
                await self._error(operation, traced([refusal(error)], call.trace_id))
                if operation.task is not None:
                    operation.task.cancel()

    async def _close_for(self, error: LatchkeyError) -> None:
        taken_back = isinstance(error, Unauthenticated) and error.taken_back
        if isinstance(error, Unauthenticated):
            await self._close(Close.UNAUTHORIZED if taken_back else Close.FORBIDDEN, str(error))
        else:
            await self._close(Close.TRY_LATER, str(error))

    async def _close(self, code: Close, sentence: str) -> None:
        await self.websocket.close(code, sentence)


async def serve(
    socket: WebSocket,
    graph: Graph,
    access: Access,
    clock: Clock,
    authenticate: Authenticate,
    init_seconds: float,
    operations: int,
    seconds: float,
    sessions: set[Session],
) -> None:
    """One connection from its first byte to its last; among `sessions` while it is open."""
    if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.accept()
        await socket.close(Close.SUBPROTOCOL, f"Only the subprotocol {SUBPROTOCOL} is spoken here.")
        return
    await socket.accept(SUBPROTOCOL)
    session = Session(socket, graph, access, clock, authenticate, init_seconds, operations, seconds)
    sessions.add(session)
    try:
        await session.handle()
    finally:
        sessions.discard(session)
