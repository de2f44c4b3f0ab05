"""A subscription that runs: its answers as they can be had, how far it is, a new token for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import orjson
from graphql import ExecutionResult, GraphQLError

from core.domain.accounts import Viewer
from core.domain.ports import EVERYTHING, Manner, Wanted, Watching
from core.domain.seen import Seen
from engine import Rendering, Result
from resolvers.asking import Ask
from schema.errors import formatted
from schema.rendering import Renderer


class Stage(NamedTuple):
    """What all of a graph's subscriptions share."""

    renderer: Renderer
    ask: Ask
    """The context of nobody: what an event shows depends on nobody who sees it.

    One serves them all, since nothing waits while an event is shown.
    """

    looked: Callable[[str], None]
    """Told the id of a grant with which something is shown."""


class Streaming:
    """One of them. It has no task: whoever it tells that it is ready takes what there is.

    It is the port `Live` for the one operation, and holds on to the watch that this opens.
    """

    __slots__ = (
        "_after",
        "_ask",
        "_grant_id",
        "_live",
        "_rendering",
        "_renewed",
        "_seen",
        "_stage",
        "_trace_id",
        "_watching",
        "next",
        "passed",
    )

    def __init__(
        self, rendering: Rendering, ask: Ask, after: str | None, stage: Stage, trace_id: str
    ) -> None:
        """Not open; `after` is the cursor to begin at, whatever the document says."""
        self._after = after
        self._rendering = rendering
        self._ask: Ask | None = ask
        self._live = ask.live
        self._grant_id = ask.who.grant.id
        self._stage = stage
        self._trace_id = trace_id
        self._renewed: Viewer | None = None
        self._watching: Watching | None = None
        self._seen: Seen | None = None
        self.next: Callable[[], Seen | None] = _unopened
        """The next event, which `shown` makes an answer of; as `take`, which takes both at once."""
        self.passed: Callable[[], bool] = bool
        """Hear that the answer that was taken last has gone out; say whether to ask for another."""

    async def open(self, ready: Callable[[str], None]) -> Sequence[Mapping[str, Any]] | None:
        """Begin; the errors that prevent it, or None.

        `ready` is called with a home when there is something to take again, and must not wait.
        """
        ask, self._ask = self._ask, None  # from now on it is nobody's
        if ask is None:
            sentence = "It was opened before."
            raise RuntimeError(sentence)
        ask.live = self
        try:
            source = await self._rendering.source(ask)
        except BaseException:
            self.close()
            raise
        if isinstance(source, ExecutionResult):
            self.close()
            return [formatted(error, self._trace_id) for error in source.errors or ()]
        self._rendering = self._stage.renderer.common(self._rendering)
        self._opened.attach(self._rendering.key, ready)
        return None

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """Open a watch (`core.domain.ports.Live`)."""
        after = after if self._after is None else self._after
        self._watching = watching = await self._live.watch(viewer, wanted, after, manner)
        self.next, self.passed = watching.take, watching.passed
        if self._renewed is not None:
            watching.renew(self._renewed)  # while it was opened
        return watching

    def take(self) -> bytes | None:
        """The next answer as JSON, if there is one now: to ask says that the last has gone out.

        Raises:
            LatchkeyError: the watch ended, because access did.
        """
        seen = self._seen = self.next()
        return None if seen is None else seen.payload or self.shown(seen)

    def lag(self) -> None:
        """Hold nothing for a client that has stopped reading."""
        self._opened.lag()

    def close(self) -> None:
        """End the subscription, open or not."""
        if self._watching is not None:
            self._watching.close()

    @property
    def taken(self) -> str | None:
        """The cursor of the answer that was taken last; None where there was none to take."""
        return self._seen.cursor if self._seen is not None else None

    @property
    def cursor(self) -> str | None:
        """The place that everything up to has been shown; None while something is on its way."""
        return self._watching.cursor if self._watching is not None else None

    def renew(self, viewer: Viewer) -> None:
        """Go on for who asks with a new token of the same grant, open or not yet."""
        self._renewed = viewer
        if self._watching is not None:
            self._watching.renew(viewer)

    @property
    def _opened(self) -> Watching:
        if self._watching is None:
            _unopened()
        return self._watching

    def shown(self, seen: Seen) -> bytes:
        """The answer that shows an event, as JSON."""
        self._stage.looked(self._grant_id)
        shown = self._stage.renderer.render(self._rendering, seen, self._context)
        if isinstance(shown, bytes) and not seen.extras:
            cursor = seen.cursor.encode()
            seen.payload = b'{"data":%b,"extensions":{"cursor":"%b"}}' % (shown, cursor)
            return seen.payload
        # Errors have a trace of their own, and what was left out is each reader's own.
        result = Result(orjson.Fragment(shown)) if isinstance(shown, bytes) else shown
        payload = result.payload(self._form)
        payload["extensions"] = {"cursor": seen.cursor, **seen.extras}
        return orjson.dumps(payload)

    def _form(self, error: GraphQLError) -> Mapping[str, Any]:
        return formatted(error, self._trace_id)

    def _context(self, seen: Seen) -> Ask:
        return self._stage.ask.turned_to(seen.event)


def _unopened() -> NoReturn:
    sentence = "It is not open."
    raise RuntimeError(sentence)
