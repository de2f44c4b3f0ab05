"""One subscription as an event stream, transport aside: it begins, shows what comes, and ends.

`docs/live.md` says it as partners see it, under "Over SSE".
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

import orjson

from core.domain.errors import LatchkeyError, Unavailable
from schema.errors import internal, refusal
from schema.graph import Call, traced
from schema.streaming import Streaming
from subscriptions import sse
from subscriptions.outlet import CLOSE_SECONDS, STALL_SECONDS
from subscriptions.session import RETRY_SECONDS, SILENT_BEATS, Parts
from subscriptions.timers import Timers

NEXT: Final = "next"


class Unbegun(Exception):
    """The subscription did not begin; its errors, as clients get them."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """There is one at least."""
        super().__init__(errors[0]["message"])
        self.errors = errors

    @property
    def code(self) -> str:
        """The code of the first."""
        return str(self.errors[0]["extensions"]["code"])


class Wire(Protocol):
    """What carries the stream."""

    async def part(self, body: bytes) -> None:
        """Some bytes out; waits while the peer does not read. Whole or, cancelled, not at all."""

    async def end(self) -> None:
        """Nothing follows."""

    async def gone(self) -> None:
        """Wait until the peer is away."""


class Shown(AsyncIterator[bytes]):
    """What the subscription shows: all that this knows of `Streaming`."""

    def __init__(self, streaming: Streaming) -> None:
        """Not begun."""
        self._streaming = streaming
        self._news = asyncio.Event()

    async def begin(self) -> None:
        """Open it.

        Raises:
            Unbegun: it does not begin.
        """
        if (errors := await self._streaming.open(lambda _: self._news.set())) is not None:
            raise Unbegun(errors)

    async def __anext__(self) -> bytes:
        """The next answer, as JSON. To ask for it says that the one before has gone out."""
        while (payload := self._streaming.take()) is None:
            self._news.clear()
            await self._news.wait()
        return payload

    @property
    def taken(self) -> str | None:
        """The cursor of that answer."""
        return self._streaming.taken

    @property
    def cursor(self) -> str | None:
        """The place that everything up to has gone out; None while something is on its way."""
        return self._streaming.cursor

    def lag(self) -> None:
        """Hold nothing for a peer that has stopped reading."""
        self._streaming.lag()

    def close(self) -> None:
        """End the subscription."""
        self._streaming.close()


class Stream:
    """One of them: `begin`, then `run`; in any case `aclose`."""

    def __init__(self, wire: Wire, parts: Parts, call: Call, after: str | None) -> None:
        """To be told over `wire`, from the cursor `after` on.

        Raises:
            Invalid: it is no cursor of this viewer's.
            Rejected: the variables do not fit.
        """
        self._wire = wire
        self._parts = parts
        self._call = call
        self._shown = Shown(parts.graph.stream(call, after))
        self._timers = Timers()
        self._turn = asyncio.Lock()
        self._waits_since: float | None = None
        self._last: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()

    async def begin(self) -> None:
        """Begin the subscription while nothing is sent yet. Raises as `Shown.begin` does."""
        await self._shown.begin()

    async def run(self) -> None:
        """Tell what comes, until the subscription, its access, the peer or the process ends."""
        try:
            if (last := await self._lasted()) is not None:
                await self._take_leave(last)
        finally:
            self._over.set()

    async def _lasted(self) -> bytes | None:
        """Live, and give the last words. Nothing is held any more by a peer that does not read."""
        stop = self._watch()
        working = [asyncio.create_task(work) for work in (self._tell(), self._miss())]
        try:
            return await self._last
        finally:
            stop()
            await self._timers.end()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            self._shown.close()

    async def aclose(self) -> None:
        """Nothing of it is left."""
        self._shown.close()
        self._over.set()

    async def drain(self) -> None:
        """Tell the peer how far it is, and end without `complete`: it goes on elsewhere."""
        cursor = self._shown.cursor
        self._end(b"" if cursor is None else sse.place(cursor))
        await self._over.wait()

    def _watch(self) -> Callable[[], None]:
        """Beat, and look at what becomes of access; returns how to stop listening for that."""
        self._timers.set("beat", 0, self._beat)
        if (viewer := self._call.viewer) is None:
            return lambda: None
        self._changed()  # access may have been taken back before it was watched
        self._parts.access.watch(viewer.grant.id, self._changed)
        return partial(self._parts.access.unwatch, viewer.grant.id, self._changed)

    async def _tell(self) -> None:
        try:
            await self._say(sse.retry)
            async for payload in self._shown:
                stalls = asyncio.get_running_loop().call_later(STALL_SECONDS, self._shown.lag)
                try:
                    await self._say(partial(sse.event, NEXT, payload, self._shown.taken))
                finally:
                    stalls.cancel()
        except LatchkeyError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: told, logged, and no more
            self._end(_failed(internal(error, self._call.trace_id)))

    async def _miss(self) -> None:
        await self._wire.gone()
        self._end(None)

    async def _say(self, words: Callable[[], bytes]) -> None:
        """Send what `words` come to when it is their turn, which is after those before."""
        async with self._turn:
            if self._last.done():  # the last words are settled, and say nothing of this
                return
            self._waits_since = self._parts.clock.monotonic()
            await self._wire.part(words())
            self._waits_since = None

    async def _beat(self) -> None:
        heartbeat = self._parts.limits.heartbeat_seconds
        since, now = self._waits_since, self._parts.clock.monotonic()
        if since is not None and now - since >= SILENT_BEATS * heartbeat:
            self._end(None)
            return
        self._timers.set("beat", heartbeat, self._beat)
        self._timers.set("comment", 0, partial(self._say, self._quiet))

    def _quiet(self) -> bytes:
        cursor = self._shown.cursor
        return sse.COMMENT if cursor is None else sse.COMMENT + sse.place(cursor)

    def _changed(self) -> None:
        """The grant has changed: look again, but not here, where nobody may wait."""
        self._timers.set("look", 0, self._look)

    async def _look(self) -> None:
        """See whether it may go on, and until when."""
        if (viewer := self._call.viewer) is None:
            return
        try:
            self._parts.graph.allow(self._call, self._parts.access.again(viewer))
        except Unavailable:  # nobody can know now; whoever cannot know asks again
            self._timers.set("look", RETRY_SECONDS, self._look)
        except LatchkeyError as error:
            self._fail(error)
        else:
            left = (viewer.expires_at - self._parts.clock.now()).total_seconds()
            self._timers.set("expiry", max(left, 0), self._look)

    def _fail(self, error: LatchkeyError) -> None:
        (told,) = traced([refusal(error)], self._call.trace_id)
        self._end(_failed(told))

    def _end(self, words: bytes | None) -> None:
        """End with these words, or as nobody is there to hear any; the first end counts."""
        if not self._last.done():
            self._last.set_result(words)

    async def _take_leave(self, words: bytes) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if words:
                    await self._wire.part(words)
                await self._wire.end()


def _failed(error: Mapping[str, Any]) -> bytes:
    return sse.event(NEXT, orjson.dumps({"errors": [error]})) + sse.COMPLETE
