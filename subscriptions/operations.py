"""The operations of one connection: each a task, whose end is nobody else's."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from core.domain.accounts import Viewer
from core.domain.errors import LatchkeyError, Limited, Refused, Unauthenticated
from engine import Rejected
from resolvers.answers import settled
from schema.errors import internal, refusal
from schema.graph import Call, Graph, new_trace, traced
from schema.parameters import parameters
from schema.streaming import Streaming
from subscriptions.outlet import Gone, Message, Outlet
from subscriptions.protocol import Close


@dataclass(slots=True, eq=False)
class Operation:
    """One of them. Once it is `over`, nothing more is sent for it."""

    id: str
    trace_id: str
    task: asyncio.Task[None] | None = None
    call: Call | None = None
    stream: Streaming | None = None
    over: bool = False


class Operations:
    """Those that run now, by id."""

    def __init__(
        self, graph: Graph, outlet: Outlet, viewer: Callable[[], Viewer], most: int, seconds: float
    ) -> None:
        """At most so many at a time; a query or mutation takes `seconds` at most.

        `viewer` is who asks, as of now; it raises where nobody may.
        """
        self._graph = graph
        self._outlet = outlet
        self._viewer = viewer
        self._most = most
        self._seconds = seconds
        self._running: dict[str, Operation] = {}
        self._untold: deque[Message] = deque()

    def __len__(self) -> int:
        """How many run."""
        return len(self._running)

    async def start(self, key: str, payload: Mapping[str, Any]) -> None:
        """Start one, or refuse it alone; an id that is in use closes the connection."""
        if key in self._running:
            sentence = f"An operation with the id {key[:40]} runs already."
            await self._outlet.close(Close.DUPLICATE, sentence)
        elif len(self._running) >= self._most:
            sentence = f"{self._most} operations run on this socket, the most at a time: end one."
            found = traced([refusal(Limited(sentence))], new_trace())
            await self._outlet.send({"id": key, "type": "error", "payload": found})
        else:
            operation = self._running[key] = Operation(key, new_trace())
            operation.task = asyncio.create_task(self._operate(operation, dict(payload)))

    def complete(self, key: str) -> None:
        """End one because its client wants no more of it; it may just have ended by itself."""
        if (operation := self._running.pop(key, None)) is not None:
            operation.over = True
            if operation.task is not None:
                operation.task.cancel()

    def renew(self, viewer: Viewer) -> None:
        """Let all go on for who asks with a new token."""
        for operation in self._running.values():
            if operation.stream is not None:
                operation.stream.renew(viewer)

    def cursors(self) -> dict[str, str]:
        """How far each subscription is that has nothing on its way out, quiet ones too."""
        running = ((key, operation) for key, operation in self._running.items())
        # One that is over reads on for a moment, and nobody is shown what it reads.
        streams = ((key, operation.stream) for key, operation in running if not operation.over)
        found = ((key, stream.cursor) for key, stream in streams if stream is not None)
        return {key: cursor for key, cursor in found if cursor is not None}

    def end_what_is_lost(self, viewer: Viewer) -> None:
        """End what the viewer as of now may not run any more; `tell` says so to the client."""
        for operation in self._running.values():
            if operation.call is None or operation.over:
                continue
            try:
                self._graph.allow(operation.call, viewer)
            except Refused as error:
                operation.over = True
                self._untold.append(
                    _failed(operation, traced([refusal(error)], operation.trace_id))
                )
                if operation.task is not None:
                    operation.task.cancel()

    async def tell(self) -> None:
        """Send the errors of what was ended; it waits while the client does not read."""
        while self._untold:
            await self._outlet.send(self._untold.popleft())

    async def end(self) -> None:
        """End all; nothing of them is left."""
        tasks = [one.task for one in self._running.values() if one.task is not None]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _operate(self, operation: Operation, payload: dict[str, Any]) -> None:
        """One operation from its check to its end; what goes wrong with it ends it alone."""
        try:
            await self._execute(operation, payload)
        except Rejected as rejected:
            errors = [dict(error.formatted) for error in rejected.errors]
            await self._fail(operation, traced(errors, operation.trace_id))
        except Unauthenticated as error:
            await self._outlet.close_for(error)
        except LatchkeyError as error:
            await self._fail(operation, traced([refusal(error)], operation.trace_id))
        except Gone:
            pass
        except Exception as error:  # noqa: BLE001 - a bug of ours: told, logged, and no more
            await self._fail(operation, [internal(error, operation.trace_id)])
        finally:
            # The client may have started another operation under this id meanwhile.
            if self._running.get(operation.id) is operation:
                del self._running[operation.id]

    async def _execute(self, operation: Operation, payload: dict[str, Any]) -> None:
        asked = parameters(payload)
        call = await settled(self._graph.prepare(asked, self._viewer(), operation.trace_id))
        call = call._replace(viewer=self._viewer())  # preparing may have waited for the store
        self._graph.allow(call, call.viewer)
        operation.call = call
        if call.operation.kind == "subscription":
            if not await self._stream(operation, call):
                return
        else:
            await self._next(operation, await self._graph.run(call, self._seconds))
        await self._finish(operation, {"id": operation.id, "type": "complete"})

    async def _stream(self, operation: Operation, call: Call) -> bool:
        """Send what comes; whether it began, and so has an end of its own."""
        operation.stream = self._graph.stream(call)
        async with aclosing(operation.stream) as answers:
            async for payload, started in answers:
                if not started:
                    await self._fail(operation, payload["errors"])
                    return False
                await self._next(operation, payload)
        return True

    async def _next(self, operation: Operation, payload: object) -> None:
        if operation.over:
            raise Gone
        await self._outlet.send({"id": operation.id, "type": "next", "payload": payload})

    async def _fail(self, operation: Operation, errors: object) -> None:
        await self._finish(operation, _failed(operation, errors))

    async def _finish(self, operation: Operation, message: Message) -> None:
        if operation.over:
            return
        operation.over = True
        with suppress(Gone):
            await self._outlet.send(message)


def _failed(operation: Operation, errors: object) -> Message:
    return {"id": operation.id, "type": "error", "payload": errors}
