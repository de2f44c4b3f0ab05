"""Frames: uvicorn's WebSocket connection, which also takes texts without an ASGI message for each.

An ASGI message is a dictionary, three coroutines and a state machine, which cost as much again as
writing it; one event is written a thousand times.
"""

from asyncio import BaseTransport, Transport
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from core import observe
from subscriptions.outlet import Gone
from subscriptions.socket import FRAMES

log = observe.logger(__name__)

TEXT: Final = 0x81
"""The first byte of a frame that is a whole text (RFC 6455 §5.2)."""
MEDIUM, LONG = 126, 65_536
"""Sizes from which a frame says its size in two bytes, and in eight."""
MOST_HELD: Final = 16_384
"""Besides what a transport holds for a peer that does not read (64 KiB, before it says so)."""


class Writer:
    """What texts are written by: small and apart, since a thousand are looked at for one event.

    They are held until `flush`, so that those of one turn take one call of the system, or until
    there are `MOST_HELD` bytes.
    """

    __slots__ = ("_frames", "_held", "_transport", "full")

    def __init__(self, transport: Transport) -> None:
        """Write to this."""
        self._transport = transport
        self._frames: list[bytes] | None = None
        self._held = 0
        """How many bytes of texts wait."""
        self.full = False
        """Whether the peer has to read before it takes more."""

    def write(self, text: bytes) -> bool:
        """`subscriptions.outlet.Wire.write`."""
        if self._transport.is_closing():
            raise Gone
        size = len(text)
        if self._frames is None:
            self._frames = [_head(size), text]  # servers do not mask
        else:
            self._frames += (_head(size), text)
        self._held += size
        if self._held >= MOST_HELD:
            self.flush()
        return not self.full

    def flush(self) -> None:
        """`subscriptions.outlet.Wire.flush`."""
        frames, transport = self._frames, self._transport
        self._frames, self._held = None, 0
        if frames is None or transport.is_closing():
            return
        try:
            transport.write(b"".join(frames))
        except Exception:  # whatever it is, others are written to after this one
            log.exception("frames_lost")
            transport.abort()


@lru_cache(4_096)
def _head(size: int) -> bytes:
    if size < MEDIUM:
        return bytes((TEXT, size))
    if size < LONG:
        return bytes((TEXT, 126, size >> 8, size & 0xFF))
    return bytes((TEXT, 127)) + size.to_bytes(8)


class Framed(WebSocketsSansIOProtocol):
    """One connection. Its application finds the short way in the scope's extension `FRAMES`."""

    writer: Writer

    def connection_made(self, transport: BaseTransport) -> None:
        """Write to this."""
        super().connection_made(transport)
        self.writer = Writer(self.transport)

    def handle_connect(self, event: Request) -> None:
        """Offer it to the application, which has not begun yet."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            writer, room = self.writer, self.writable.wait
            offered: dict[object, object] = {
                "write": writer.write,
                "flush": writer.flush,
                "room": room,
            }
            (self.scope.get("extensions") or {})[FRAMES] = offered

    def pause_writing(self) -> None:
        """The peer does not read."""
        super().pause_writing()
        self.writer.full = True

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self.writer.full = False
