"""A subscription that runs: its answers as they can be had, how far it is, a new token for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson
from graphql import ExecutionResult, GraphQLError

from core.domain.accounts import Viewer
from core.domain.ports import EVERYTHING, Manner, Seen, Wanted, Watching
from engine import Rendering
from resolvers.asking import Ask
from schema.rendering import Renderer

Form: TypeAlias = Callable[[GraphQLError], Mapping[str, Any]]
"""Turns one error into its map."""


class Streaming:
    """One of them. It has no task: whoever it tells that it is ready takes what there is.

    It is the port `Live` for the one operation, and holds on to the watch that this opens.
    """

    __slots__ = (
        "_after",
        "_ask",
        "_form",
        "_live",
        "_looked",
        "_renderer",
        "_rendering",
        "_renewed",
        "_seen",
        "_watching",
    )

    def __init__(
        self,
        rendering: Rendering,
        ask: Ask,
        after: str | None,
        renderer: Renderer,
        form: Form,
        looked: Callable[[], None],
    ) -> None:
        """Not open; `after` is the cursor to begin at, whatever the document says.

        `looked` is called where something is shown that nobody was shown before.
        """
        self._after = after
        self._rendering = rendering
        self._ask = ask
        self._live = ask.live
        self._renderer = renderer
        self._form = form
        self._looked = looked
        self._renewed: Viewer | None = None
        self._watching: Watching | None = None
        self._seen: Seen | None = None

    async def open(self, ready: Callable[[str], None]) -> Sequence[Mapping[str, Any]] | None:
        """Begin; the errors that prevent it, or None.

        `ready` is called with a home when there is something to take again, and must not wait.
        """
        self._ask.live = self
        try:
            source = await self._rendering.source(self._ask)
        except BaseException:
            self.close()
            raise
        if isinstance(source, ExecutionResult):
            self.close()
            return [self._form(error) for error in source.errors or ()]
        self._opened.attach(self._rendering.key, ready)
        return None

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """Open a watch (`core.domain.ports.Live`)."""
        after = after if self._after is None else self._after
        self._watching = watching = await self._live.watch(viewer, wanted, after, manner)
        if self._renewed is not None:
            watching.renew(self._renewed)  # while it was opened
        return watching

    def take(self) -> str | None:
        """The next answer as JSON, if there is one now: to ask says that the last has gone out.

        Raises:
            LatchkeyError: the watch ended, because access did.
        """
        watching = self._opened
        seen = self._seen = watching.take()
        if seen is None:
            return None
        if seen.payload is not None and not watching.extras:
            return seen.payload
        return self._shown(seen, watching.extras)

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
            sentence = "It is not open."
            raise RuntimeError(sentence)
        return self._watching

    def _shown(self, seen: Seen, extras: Mapping[str, object]) -> str:
        self._looked()
        result = self._renderer.render(self._rendering, seen, self._context)
        payload = result.payload(self._form)
        payload["extensions"] = {"cursor": seen.cursor, **extras}
        text = orjson.dumps(payload).decode()
        # Errors have a trace of their own, and what was left out is each reader's own.
        if not result.errors and not extras:
            seen.payload = text
        return text

    def _context(self, seen: Seen) -> Ask:
        return self._ask.of(seen.event)
