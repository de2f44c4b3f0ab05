"""A subscription that runs: its answers one by one, how far it is, and a new token for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeAlias

from core.domain.accounts import Viewer
from core.domain.ports import Live, Wanted, Watching

Answers: TypeAlias = AsyncGenerator[tuple[dict[str, Any], bool], None]


class Held:
    """The port `Live` for one operation, which holds on to the watch that it opens."""

    def __init__(self, live: Live, after: str | None = None) -> None:
        """Open watches there, after this cursor if there is one, whatever the document says."""
        self._live = live
        self._after = after
        self._renewed: Viewer | None = None
        self.watching: Watching | None = None
        self.opened = asyncio.Event()

    async def watch(self, viewer: Viewer, wanted: Wanted, after: str | None) -> Watching:
        """Open a watch (`core.domain.ports.Live`)."""
        after = after if self._after is None else self._after
        watching = await self._live.watch(viewer, wanted, after)
        if self._renewed is not None:
            watching.renew(self._renewed)  # while it was opened
        self.watching = watching
        self.opened.set()
        return watching

    def renew(self, viewer: Viewer) -> None:
        """Go on for who asks with a new token of the same grant, open or not yet."""
        self._renewed = viewer
        if self.watching is not None:
            self.watching.renew(viewer)


class Streaming(AsyncIterator[tuple[dict[str, Any], bool]]):
    """Answers as maps of responses, each with whether the subscription began (else: errors alone).

    Data may be an `orjson.Fragment`: bytes that are shared with others.
    """

    def __init__(self, held: Held, answers: Answers) -> None:
        """These answers, made of what the watch shows."""
        self._held = held
        self._answers = answers

    async def __anext__(self) -> tuple[dict[str, Any], bool]:
        """The next answer. To ask for it says that the one before has gone out.

        Raises:
            Rejected: the variables do not fit.
            LatchkeyError: the watch ended, because access did.
        """
        return await anext(self._answers)

    async def opened(self) -> None:
        """Wait until it has begun to watch, if it does; the first answer was asked for."""
        await self._held.opened.wait()

    async def aclose(self) -> None:
        """End the subscription."""
        await self._answers.aclose()

    @property
    def cursor(self) -> str | None:
        """The place that everything up to has been shown; None while something is on its way."""
        return self._held.watching.cursor if self._held.watching else None

    def renew(self, viewer: Viewer) -> None:
        """Go on for who asks with a new token of the same grant."""
        self._held.renew(viewer)
