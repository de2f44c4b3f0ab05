"""What an event stream is made of: server-sent events (HTML, 9.2) as GraphQL over SSE names them.

The protocol is graphql-sse's PROTOCOL.md, "Distinct connections mode".
"""

from random import getrandbits
from typing import Final

MEDIA: Final = "text/event-stream"
COMMENT: Final = b":\n"
"""Keeps a connection alive. Alone it ends no event, so no client takes it for an empty one."""

COMPLETE: Final = b"event: complete\ndata:\n\n"
"""The end of what was asked for. Without its empty line of data no `EventSource` would tell it."""

RETRY_MS: Final = 1_000
"""When a client should connect again at the earliest; as much again at the latest."""
BREAKS: Final = "\r\n\0"


def event(name: str, data: bytes, cursor: str | None = None) -> bytes:
    """An event, which may carry how far the stream is with it."""
    lines = [b"event: " + name.encode(), *_data(data)]
    return b"\n".join(lines if cursor is None else [_id(cursor), *lines]) + b"\n\n"


def place(cursor: str) -> bytes:
    """How far the stream is: resumed from by who reads it, and told to nobody as an event."""
    return _id(cursor) + b"\n\n"


def retry() -> bytes:
    """When to connect again, and not all clients at one moment."""
    return b"retry: %d\n\n" % (RETRY_MS + getrandbits(10))


def whole(answer: bytes) -> bytes:
    """The stream of an operation with one answer."""
    return event("next", answer) + COMPLETE


def _data(data: bytes) -> list[bytes]:
    if b"\n" in data or b"\r" in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return [b"data: " + line for line in lines]
    return [b"data: " + data]


def _id(cursor: str) -> bytes:
    if any(each in BREAKS for each in cursor):
        raise ValueError("An id is one line, and has no NUL.")
    return b"id: " + cursor.encode()
