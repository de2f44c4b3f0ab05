"""A WebSocket as a session wants it: frames in, messages out, on bare ASGI.

Starlette's `WebSocket` would do, and costs each message three more calls and each idle socket some
memory; there are many of both.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Receive, Scope, Send

from subscriptions.outlet import Gone
from subscriptions.protocol import SUBPROTOCOL, Close, reason
from subscriptions.session import RESTARTS, Authenticate, Parts, Session
from subscriptions.sessions import Sessions

FRAMES: Final = "latchkey.frames"
"""The extension of the ASGI scope by which a socket is written to; `app.frames` offers it."""


class Socket:
    """`subscriptions.outlet.Wire` on an accepted socket."""

    __slots__ = ("_closed", "_receive", "_send", "flush", "room", "write")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak through these."""
        self._receive = receive
        self._send = send
        self._closed = False
        frames = scope["extensions"][FRAMES]
        self.write: Callable[[bytes], bool] = frames["write"]
        self.flush: Callable[[], object] = frames["flush"]
        self.room: Callable[[], Awaitable[object]] = frames["room"]

    async def read(self) -> str | bytes | None:
        """The next frame; None once either side has closed."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | None = message.get("text")
        found: str | bytes = message["bytes"] if text is None else text
        return found

    async def close(self, code: Close, sentence: str) -> None:
        """Close with a reason, as far as a close frame holds it."""
        if self._closed:
            raise Gone
        self._closed = True
        closing = {"type": "websocket.close", "code": int(code), "reason": reason(sentence)}
        try:
            await self._send(closing)
        except (OSError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            raise Gone from error


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    parts: Parts,
    authenticate: Authenticate,
    header: str | None,
    sessions: Sessions,
) -> None:
    """One connection from its first byte to its last; among `sessions` while it is open.

    `header` is the Authorization header of the request that opens it.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    if SUBPROTOCOL not in scope.get("subprotocols", ()):
        sentence = f"Only the subprotocol {SUBPROTOCOL} is spoken here."
        await _turn_away(send, None, Close.SUBPROTOCOL, sentence)
        return
    if sessions.draining:
        await _turn_away(send, SUBPROTOCOL, Close.RESTART, RESTARTS)
        return
    wire = Socket(scope, receive, send)
    session = Session(wire, parts, authenticate, header)
    sessions.add(session)  # at once: whoever drains them must miss nobody
    try:
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await session.run(wire.read)
    finally:
        sessions.discard(session)


async def _turn_away(send: Send, subprotocol: str | None, code: Close, sentence: str) -> None:
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await send({"type": "websocket.close", "code": int(code), "reason": reason(sentence)})
