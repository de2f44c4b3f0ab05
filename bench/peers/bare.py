"""A bare ASGI socket: what our server would reach if a message cost it nothing but its sending.

Under uvicorn with our own settings it answers the handshake of `graphql-transport-ws`, and for each
event sends one text, the same to every socket, as long as a message of ours. No operation has an id
of its own.
"""

import argparse
import gc
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from bench.peers import asgi

ID_DIGITS: Final = 32
OURS: Final = {"ws": "websockets-sansio", "ws_ping_interval": None, "server_header": False}
"""As `app.server.listening` has them."""
CALM: Final = (50_000, 20, 20)
"""As `app.server.calm_collector` has it."""


class Bare:
    """Everybody who has subscribed, and the text of the next event."""

    def __init__(self, message: str) -> None:
        """Send the like of this message."""
        told = orjson.loads(message)
        event = told["payload"]["data"]["deviceStatusChanged"]
        head, self._rest = message.split(event["id"])
        self._head = head + event["id"][:-ID_DIGITS]
        self._sequence = f'"sequence":{event["sequence"]}'
        self._first = event["sequence"]
        self._count = 0
        self._sends: dict[Send, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        del scope
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        try:
            while (frame := await receive())["type"] == "websocket.receive":
                await self._take(orjson.loads(frame["text"]), send)
        finally:
            self._sends.pop(send, None)

    async def _take(self, message: dict[str, Any], send: Send) -> None:
        if message["type"] == "connection_init":
            await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
        elif message["type"] == "subscribe":
            self._sends[send] = None

    async def tell(self, count: int) -> None:
        """Let so many events happen, and send each to everybody."""
        for _ in range(count):
            self._count += 1
            rest = self._rest.replace(self._sequence, f'"sequence":{self._first + self._count}')
            text = f"{self._head}{self._count:0{ID_DIGITS}}{rest}"
            message = {"type": "websocket.send", "text": text}
            for send in tuple(self._sends):
                await send(message)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--message", type=Path, required=True, help="a file with a message of ours")
    parser.add_argument("--listen", type=Path, required=True, help="the socket for asking")
    given = parser.parse_args()
    bare = Bare(given.message.read_text(encoding="utf-8"))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*CALM)
    asgi.serve(bare, given.listen, bare.tell, OURS)


if __name__ == "__main__":
    main()
