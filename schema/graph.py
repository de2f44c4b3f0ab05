"""The graph at work: a request becomes a checked operation, and the operation its answers.

The one way in for every transport: limits, scopes and list sizes are judged here, for the whole
document, before any of it runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import getrandbits
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError

from core.domain.accounts import Viewer
from core.domain.errors import Invalid, Unauthenticated, Unavailable
from engine import Document, Documents, Operation, Rendering, Result
from resolvers import freshness
from resolvers.answers import Answer, settled, then
from resolvers.asking import Ask
from schema.errors import Lacking, formatted
from schema.packing import packed
from schema.parameters import Parameters
from schema.persisted import Persisted
from schema.rendering import Renderer
from schema.reuse import Look, Reuse
from schema.streaming import Stage, Streaming

Variables = Mapping[str, Any]
PATIENCE = 0.8
AFTER = "Latchkey-After"
"""The header with the cursor of what has been seen already."""
DEBUG = "Latchkey-Debug"
"""The header that asks for more than the answer: `cost`."""
RESUME = "Last-Event-ID"
"""The header with the cursor that an event stream goes on from."""
"""Fields that the sentence of a refusal lists; `details` has them all."""


class Call(NamedTuple):
    """An operation that this viewer may run with these variables, and the trace of its answers."""

    document: Document
    operation: Operation
    variables: Variables
    viewer: Viewer | None
    trace_id: str


class Answered(NamedTuple):
    """The JSON of an answer, and whether it has errors."""

    body: bytes
    errors: bool


def new_trace() -> str:
    """An id by which a partner can name one request to us (W3C trace-id, 32 hex digits)."""
    return f"{getrandbits(128):032x}"


def traced(errors: Iterable[Mapping[str, Any]], trace_id: str) -> list[dict[str, Any]]:
    """Errors of a request that did not run, as clients get them."""
    return [
        {**error, "extensions": {**error.get("extensions", {}), "traceId": trace_id}}
        for error in errors
    ]


class Graph:
    """The published graph of this process."""

    def __init__(
        self,
        documents: Documents,
        ask: Callable[[Viewer | None], Ask],
        reuse: Reuse,
        renderer: Renderer,
        persisted: Persisted,
        looked: Callable[[str], None],
    ) -> None:
        """`ask` makes the context of one operation for a viewer.

        `looked` is told the id of the grant with which somebody is answered.
        """
        self._ask = ask
        self._reuse = reuse
        self._stage = Stage(renderer, ask(None), looked)
        self._documents = documents
        self._persisted = persisted
        self._looked = looked

    @property
    def documents(self) -> Documents:
        """The documents that were sent to it."""
        return self._documents

    @property
    def reuse(self) -> Reuse:
        """The answers that it may give again."""
        return self._reuse

    @property
    def renderer(self) -> Renderer:
        """What shows events to subscribers."""
        return self._stage.renderer

    def prepare(self, asked: Parameters, viewer: Viewer | None, trace_id: str) -> Answer[Call]:
        """Check a request as a whole; nothing has run. Only a text in the store is waited for.

        Raises:
            Rejected: the document or its size is not acceptable, or it cannot be found.
            Invalid: the document is not the one that the request says it is.
            Unauthenticated: it asks for data, and nobody is asking.
            Lacking: the viewer's scopes do not open it.
            Unavailable: a registered document cannot be read now.
        """
        if asked.document_id is None:  # then there is a text: `parameters` saw to it
            return self._checked(asked.text or "", asked, viewer, trace_id)
        text = self._persisted.text(asked, asked.document_id, viewer)
        if isinstance(text, str):
            return self._checked(text, asked, viewer, trace_id)
        return self._waited_for(text, asked, viewer, trace_id)

    async def _waited_for(
        self, text: Awaitable[str], asked: Parameters, viewer: Viewer | None, trace_id: str
    ) -> Call:
        return self._checked(await text, asked, viewer, trace_id)

    def _checked(self, text: str, asked: Parameters, viewer: Viewer | None, trace_id: str) -> Call:
        document = self._documents.get(text)
        operation = document.operation(asked.name)
        call = Call(document, operation, asked.variables or {}, viewer, trace_id)
        self.allow(call, viewer)
        if viewer is not None and viewer.client.registered_only and not operation.public:
            self._persisted.check(asked, viewer)
        operation.check(call.variables)
        if asked.apollo and asked.text is not None:
            self._persisted.remember(asked, viewer)
        return call

    async def warm(self) -> None:
        """Have registered documents compiled before anybody asks for them, for ever."""
        await self._persisted.warm(self._documents)

    def allow(self, call: Call, viewer: Viewer | None) -> None:
        """Check that the viewer (as of now) may run the operation. Raises as `prepare` does."""
        if call.operation.public:
            return
        if viewer is None:
            sentence = "This needs an access token: send it as `Authorization: Bearer …`."
            raise Unauthenticated(sentence)
        if missing := call.operation.missing(viewer.scopes):
            raise Lacking(missing, for_itself=viewer.user is None)

    async def reach(self, call: Call, cursor: str) -> None:
        """Have the operation read what is at least as new as this cursor (`Latchkey-After`).

        Raises:
            Invalid: it is no cursor of this viewer's.
            Unavailable: what it stands for is not here within a second.
        """
        if call.viewer is not None:
            await freshness.reach(self._ask(call.viewer), cursor, AFTER)

    def answer(self, call: Call, seconds: float, *, priced: bool = False) -> Answer[Answered]:
        """The answer to a query or a mutation as JSON, made anew where it could be another.

        It is kept for the next asker if all of it came from the homes in memory. So no command is
        in it that is still open, which is the one thing that changes by the clock.

        With `priced` the answer says in its extensions what the operation cost, and is nobody
        else's.

        Raises as `run` does.
        """
        self._note(call)
        look = None if priced else self._look(call)
        if look is not None and (body := self._reuse.find(look)) is not None:
            return Answered(body, errors=False)
        ask = self._ask(call.viewer)

        def answered(payload: dict[str, Any]) -> Answered:
            if priced:
                payload["extensions"] = {**payload.get("extensions", {}), "cost": _cost(call)}
            body, errors = orjson.dumps(payload), "errors" in payload
            if look is not None and not errors and ask.loaders.in_memory():
                self._reuse.keep(look, body := packed(body))
            return Answered(body, errors)

        return then(self._run(call, seconds, ask), answered)

    def _note(self, call: Call) -> None:
        """Note that a user's data is looked at; what a client has for itself is nobody's."""
        viewer = call.viewer
        if viewer is not None and viewer.user is not None and not call.operation.public:
            self._looked(viewer.grant.id)

    def _look(self, call: Call) -> Look | None:
        return self._reuse.look(call.document.text, call.operation, call.variables, call.viewer)

    async def run(self, call: Call, seconds: float) -> dict[str, Any]:
        """The answer to a query or a mutation, as the map of the response.

        What waits for devices waits for the better part of `seconds` at most, so that the answer
        comes; what reads for longer is given up.

        Raises:
            Rejected: the variables do not fit.
            Invalid: the operation is a subscription.
            Unavailable: it took too long.
        """
        self._note(call)
        return await settled(self._run(call, seconds, self._ask(call.viewer)))

    def _run(self, call: Call, seconds: float, ask: Ask) -> Answer[dict[str, Any]]:
        if call.operation.kind == "subscription":
            sentence = (
                "A subscription runs on this path over a WebSocket (graphql-transport-ws), or as "
                "an event stream: send `Accept: text/event-stream`."
            )
            raise Invalid(sentence)
        ask.until = ask.clock.monotonic() + seconds * PATIENCE
        rendering = Rendering(call.document, call.operation, call.variables)
        result = rendering.answer(None, ask)
        if isinstance(result, Result) and not ask.touched:
            return self._payload(call, result)
        return self._waited(call, seconds, ask, result)

    async def _waited(
        self, call: Call, seconds: float, ask: Ask, answer: Answer[Result]
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                result = await settled(answer)
        except TimeoutError:
            sentence = f"This took longer than {seconds:g} s; ask for less at a time."
            if call.operation.kind == "mutation":
                sentence += " Some of it may have been done: look before you repeat it."
            raise Unavailable(sentence) from None
        payload = self._payload(call, result)
        if (cursor := await freshness.reached(ask)) is not None:
            payload["extensions"] = {**payload.get("extensions", {}), "cursor": cursor}
        return payload

    def stream(self, call: Call, after: str | None = None) -> Streaming:
        """The answers to a subscription, which is not open yet; those after this cursor, if any.

        It wins over the document's own, since whoever reconnects by itself repeats that.

        Raises:
            Rejected: the variables do not fit.
            Invalid: it is no cursor of this viewer's.
        """
        self._note(call)
        ask = self._ask(call.viewer)
        if after is not None:
            ask.cursors.open_places(ask.who.grant.id, after, RESUME)
        rendering = Rendering(call.document, call.operation, call.variables)
        return Streaming(rendering, ask, after, self._stage, call.trace_id)

    def _payload(self, call: Call, result: Result) -> dict[str, Any]:
        def form(error: GraphQLError) -> Mapping[str, Any]:
            return formatted(error, call.trace_id)

        return result.payload(form)


def _cost(call: Call) -> dict[str, float]:
    """What an operation costs at most, and what it might."""
    cost = call.operation.cost(call.variables)
    limit = call.operation.limits.cost
    return {"typeCost": cost.type_cost, "fieldCost": cost.field_cost, "limit": limit}
