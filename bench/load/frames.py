"""WebSocket frames (RFC 6455 §5.2), as far as a load needs them. Pure: bytes in, bytes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
NO_MASK = bytes(4)
"""A masking key of zeros: the payload stays what it is."""
SHORT, LONG = 126, 127
SHORT_BYTES, LONG_BYTES = 2, 8


class Fragmented(Exception):
    """A message in several frames, which no server of ours sends."""


def framed(opcode: int, payload: bytes) -> bytes:
    """One frame from client to server."""
    size = len(payload)
    if size < SHORT:
        head = bytes((FIN | opcode, MASKED | size))
    elif size < 1 << 16:
        head = bytes((FIN | opcode, MASKED | SHORT)) + size.to_bytes(SHORT_BYTES)
    else:
        head = bytes((FIN | opcode, MASKED | LONG)) + size.to_bytes(LONG_BYTES)
    return head + NO_MASK + payload


@dataclass(slots=True)
class Frames:
    """Reads frames from server to client out of chunks of any size."""

    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The opcode and payload of each frame that is complete now.

        Raises:
            Fragmented: a message comes in several frames.
        """
        rest = self._rest
        rest += data
        begin = 0
        while (found := _head(rest, begin)) is not None:
            start, end = found
            if end > len(rest):
                break
            if not rest[begin] & FIN:
                raise Fragmented
            yield rest[begin] & 0x0F, bytes(rest[start:end])
            begin = end
        del rest[:begin]


def _head(data: bytearray, begin: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `begin` starts and ends; None if the head is cut off."""
    if len(data) < begin + 2:
        return None
    size, start = data[begin + 1], begin + 2
    wide = {SHORT: SHORT_BYTES, LONG: LONG_BYTES}.get(size, 0)
    if len(data) < start + wide:
        return None
    if wide:
        size = int.from_bytes(data[start : start + wide])
    return start + wide, start + wide + size
