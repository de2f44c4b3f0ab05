"""WebSocket frames (RFC 6455 §5.2), as far as a load needs them. Pure: bytes in, bytes out."""

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


class Frames:
    """Reads frames from server to client out of chunks of any size."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The opcode and payload of each frame that is complete now.

        Raises:
            Fragmented: a message comes in several frames.
        """
        if self._rest:
            data = self._rest + data
        found, begin, length = [], 0, len(data)
        while length - begin >= 2:
            size, start = data[begin + 1], begin + 2
            if size == SHORT:
                start += SHORT_BYTES
                size = int.from_bytes(data[begin + 2 : start])
            elif size == LONG:
                start += LONG_BYTES
                size = int.from_bytes(data[begin + 2 : start])
            end = start + size
            if end > length:  # so too where the size itself is cut off: it is read too small
                break
            first = data[begin]
            if first < FIN:
                raise Fragmented
            found.append((first & 0x0F, data[start:end]))
            begin = end
        self._rest = data[begin:]
        return found
