"""A WebSocket as a session wants it: frames in, messages out, on Starlette."""

from collections.abc import AsyncIterator

from starlette.websockets import WebSocket, WebSocketDisconnect

from subscriptions.outlet import Gone
from subscriptions.protocol import SUBPROTOCOL, Close, reason
from subscriptions.session import RESTARTS, Authenticate, Parts, Session
from subscriptions.sessions import Sessions


class Socket:
    """`subscriptions.outlet.Wire` on an accepted socket."""

    def __init__(self, socket: WebSocket) -> None:
        """Speak through this one."""
        self._socket = socket

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Each frame, until either side closes."""
        while (frame := await self._socket.receive())["type"] == "websocket.receive":
            text = frame.get("text")
            yield frame["bytes"] if text is None else text

    async def send(self, text: str) -> None:
        """One message out."""
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: closed meanwhile
            raise Gone from error

    async def close(self, code: Close, sentence: str) -> None:
        """Close with a reason, as far as a close frame holds it."""
        try:
            await self._socket.close(code, reason(sentence))
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error


async def serve(
    socket: WebSocket, parts: Parts, authenticate: Authenticate, sessions: Sessions
) -> None:
    """One connection from its first byte to its last; among `sessions` while it is open."""
    if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
        await socket.accept()
        await socket.close(Close.SUBPROTOCOL, f"Only the subprotocol {SUBPROTOCOL} is spoken here.")
        return
    await socket.accept(SUBPROTOCOL)
    if sessions.draining:
        await socket.close(Close.RESTART, reason(RESTARTS))
        return
    wire = Socket(socket)
    session = Session(wire, parts, authenticate, socket.headers.get("authorization"))
    sessions.add(session)
    try:
        await session.run(wire.frames())
    finally:
        sessions.discard(session)
