"""Subscriptions over HTTP: an exchange that lasts, as server-sent events."""

from typing import Final

from app.exchange import Exchange
from core.domain.errors import Unavailable
from schema.graph import RESUME, Call
from subscriptions.session import RESTARTS, Parts
from subscriptions.sessions import Sessions
from subscriptions.sse import MEDIA
from subscriptions.stream import Stream

HEADERS: Final = [
    (b"content-type", MEDIA.encode() + b"; charset=utf-8"),
    (b"vary", b"Accept, Authorization"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until a buffer is full
]
_RESUME: Final = RESUME.lower().encode()


class Streams:
    """Those of a process."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        """Each is among `sessions` while it is open."""
        self._parts = parts
        self._sessions = sessions

    async def serve(self, exchange: Exchange, call: Call) -> None:
        """Answer with what the subscription shows, until it ends.

        Raises, as long as nothing was sent:
            Unbegun: it cannot begin.
            Rejected: the variables do not fit.
            Invalid: the cursor to resume from is none of this viewer's.
            Unavailable: this process ends.
        """
        stream = Stream(exchange, self._parts, call, exchange.header(_RESUME) or None)
        try:
            await stream.begin()
            if self._sessions.draining:
                raise Unavailable(RESTARTS)
            self._sessions.add(stream)
            await exchange.begin(200, HEADERS)
            if exchange.method == "HEAD":
                await exchange.end()
            else:
                await stream.run()
        finally:
            self._sessions.discard(stream)
            await stream.aclose()
