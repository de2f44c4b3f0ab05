"""Mirror: what a subscription shows to a socket, for endpoints, which have the same document.

It reads documents as the graph does and shows events by the graph's renderer. It knows no viewer:
which events may be shown, and to whom, is looked at by who plans and sends.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, cast

import orjson
from graphql import ExecutionResult, GraphQLError
from graphql.language import SourceLocation

from core import observe
from core.domain.accounts import Client, Viewer
from core.domain.errors import Invalid
from core.domain.events import Event
from core.domain.grants import Grant
from core.domain.ports import EVERYTHING, Delivery, Manner, Wanted, Watching
from core.domain.seen import Seen
from engine import Documents, Operation, Rejected, Rendering, said
from engine.shelf import Shelf
from resolvers.asking import Ask
from schema.errors import of_argument
from schema.rendering import Renderer

log = observe.logger(__name__)

KEPT: Final = 1_000
KEPT_WEIGHT: Final = 120_000
"""Documents that are kept, and what they weigh together: about 64 MB. They are the engine's own as
long as that keeps them too."""

_SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLIENT: Final = Client("client_nobody", "Nobody")
NOBODY: Final = Viewer(
    _CLIENT, None, Grant.own(_CLIENT.id, frozenset(), _SINCE), frozenset(), _SINCE, "token_none"
)
"""Who asks when a document is read for what it wants: somebody must, and nothing is shown."""


class Mirrored:
    """A document with its variables (`core.domain.mirrors.Mirrored`)."""

    def __init__(
        self,
        operation: Operation,
        rendering: Rendering,
        wanted: Wanted,
        renderer: Renderer,
        ask: Ask,
    ) -> None:
        """Shown by this renderer, in a context of nobody, which is turned to each event."""
        self.wanted = wanted
        """Which events it asks for."""

        self._operation = operation
        self._rendering = rendering
        self._renderer = renderer
        self._ask = ask
        self._told = False

    def missing(self, scopes: Collection[str]) -> Sequence[str]:
        """The scopes that these lack, where a field is open in several ways by the shortest."""
        held = frozenset(scopes)
        lacking: frozenset[str] = frozenset()
        for need in sorted(self._operation.missing(held), key=lambda one: len(one.alternatives)):
            lacking |= min((way - held - lacking for way in need.alternatives), key=len)
        return sorted(lacking)

    def render(self, event: Event) -> bytes:
        """The `data` that shows an event. What has errors too is logged, once."""
        shown = self._renderer.render(self._rendering, Seen(event, {}, _sealed), self._turned)
        if isinstance(shown, bytes):
            return shown
        if not self._told:
            self._told = True
            error = shown.errors[0]
            log.error(
                "event_shown_in_part",
                event_id=event.id,
                document=self._rendering.key.document,
                path=error.path,
                exc_info=error.original_error or error,
            )
        return orjson.dumps(shown.data)

    def _turned(self, seen: Seen) -> Ask:
        return self._ask.turned_to(seen.event)


class Mirror:
    """Reads documents for endpoints (`core.domain.mirrors.Mirror`), each once while it is kept."""

    def __init__(self, documents: Documents, renderer: Renderer, ask: Ask) -> None:
        """With the documents and renderer of the graph; `ask` is the context of nobody."""
        self._documents = documents
        self._renderer = renderer
        self._ask = ask
        self._kept: Shelf[Mirrored] = Shelf(KEPT, KEPT_WEIGHT)

    async def document(self, text: str, variables: Mapping[str, Any]) -> Mirrored:
        """The document with its variables, checked as when a socket sends it.

        Raises:
            Invalid: it is none that an endpoint may have; its field is `document` or `variables`.
        """
        given = dict(variables)
        sent = said(given)
        if sent is None:  # then it cannot be known again
            return (await self._read(text, given))[0]
        key = f"{sent.decode()}\0{text}"
        mirrored = self._kept.get(key)
        if mirrored is None:
            mirrored, weight = await self._read(text, given)
            self._kept.put(key, mirrored, weight + len(sent))
        return mirrored

    async def _read(self, text: str, given: dict[str, Any]) -> tuple[Mirrored, int]:
        try:
            document = self._documents.get(text)
            operation = _alone(document.operations)
            operation.check(given)
            rendering = Rendering(document, operation, given)
        except Rejected as rejected:
            field = "variables" if rejected.code == "BAD_USER_INPUT" else "document"
            raise Invalid(_sentences(rejected), field) from None
        wanted = await _wanted(rendering, self._ask)
        mirrored = Mirrored(operation, rendering, wanted, self._renderer, self._ask)
        return mirrored, document.weight


class _Noting:
    """In the place of `Live`: notes what would be watched, and watches nothing."""

    def __init__(self) -> None:
        self.noted: tuple[Wanted, str | None, Manner] | None = None

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """Note it; what is given back is nobody's to read."""
        del viewer
        self.noted = wanted, after, manner
        return cast("Watching", self)

    def __aiter__(self) -> AsyncIterator[Seen]:
        """No event."""
        return self

    async def __anext__(self) -> Seen:
        """No event."""
        raise StopAsyncIteration


async def _wanted(rendering: Rendering, ask: Ask) -> Wanted:
    """What the document asks for: its own resolver reads its arguments, as for a socket.

    Raises:
        Invalid: they cannot be meant, or not by an endpoint.
    """
    live = _Noting()
    source = await rendering.source(replace(ask, viewer=NOBODY, live=live))
    if isinstance(source, ExecutionResult):
        raise _refusal(next(iter(source.errors or ())))
    if live.noted is None:
        sentence = "A subscription was read that watches nothing."
        raise LookupError(sentence)
    wanted, after, manner = live.noted
    if after is not None:
        sentence = (
            "An endpoint is sent what happens from now on, so its document has no `after`: leave "
            "it out. replayWebhooks sends again what was."
        )
        raise Invalid(sentence, "document")
    if manner.delivery is not Delivery.ALL:
        raise _hurried()
    return wanted


def _refusal(error: GraphQLError) -> Exception:
    """Why a subscription cannot begin, as it is said of what is stored; a bug as it is."""
    cause = error.original_error
    if isinstance(cause, Invalid):
        return _hurried() if cause.field == "minIntervalMs" else Invalid(str(cause), "document")
    if of_argument(cause):
        return Invalid(_placed(error.message, error.locations), "variables")
    return cause or error


def _hurried() -> Invalid:
    sentence = (
        "An endpoint is sent every event as soon as it can be, and nothing is left out: leave "
        "`delivery` and `minIntervalMs` out."
    )
    return Invalid(sentence, "document")


def _alone(operations: Sequence[Operation]) -> Operation:
    """The one subscription.

    Raises:
        Invalid: it is several operations, or another one.
    """
    right = "an endpoint has one subscription, such as `subscription { events { id type } }`"
    first, *others = operations
    if others:
        sentence = f"The document has {len(operations)} operations, and {right}: drop the others."
        raise Invalid(sentence, "document")
    if first.kind != "subscription":
        sentence = f"The document is a {first.kind}, and {right}."
        raise Invalid(sentence, "document")
    return first


def _sentences(rejected: Rejected) -> str:
    return " ".join(_placed(fault.message, fault.locations) for fault in rejected.faults)


def _placed(message: str, locations: Sequence[SourceLocation] | None) -> str:
    """A complaint with the place in the document that it is about, where it has one."""
    where = "".join(f"Line {at.line}, column {at.column}: " for at in (locations or ())[:1])
    return f"{where}{message}" if message.endswith((".", "?")) else f"{where}{message}."


def _sealed(places: Mapping[str, int]) -> NoReturn:
    del places
    sentence = "An endpoint has no cursor of a grant's."
    raise LookupError(sentence)
