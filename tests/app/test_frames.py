"""Frames: what goes the short way is what the WebSocket library would have sent."""

import asyncio
from typing import cast

import pytest
from hypothesis import given, strategies as st
from websockets.frames import Frame, Opcode

from app.frames import MOST_HELD, Writer
from subscriptions.outlet import Gone


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        """Nothing is."""
        self.wrote = b""
        self.writes = 0
        self.closing = False
        self.broken = False

    def is_closing(self) -> bool:
        """Whether it takes no more."""
        return self.closing

    def write(self, data: bytes) -> None:
        """Take this."""
        if self.broken:
            raise LookupError
        self.wrote += data
        self.writes += 1

    def abort(self) -> None:
        """Take nothing more."""
        self.closing = True


def writer_of(transport: Transport) -> Writer:
    """What writes to it."""
    return Writer(cast("asyncio.Transport", transport))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_a_text_is_framed_as_the_library_frames_it(size: int) -> None:
    """At each of the three ways to say a length, and at their edges."""
    transport, text = Transport(), b"x" * size
    writer = writer_of(transport)
    assert writer.write(text)
    writer.flush()
    assert transport.wrote == Frame(Opcode.TEXT, text).serialize(mask=False)


@given(st.text(max_size=1_000))
def test_so_is_any_other(text: str) -> None:
    """Of whatever characters."""
    transport, data = Transport(), text.encode()
    writer = writer_of(transport)
    assert writer.write(data)
    writer.flush()
    assert transport.wrote == Frame(Opcode.TEXT, data).serialize(mask=False)


def test_texts_are_held_until_they_are_flushed() -> None:
    """Then they go out as one, and once; those of a peer that has left do not."""
    transport = Transport()
    writer = writer_of(transport)
    for text in (b"a", b"b", b"c"):
        assert writer.write(text)
    assert transport.writes == 0
    for _ in range(2):
        writer.flush()
        assert (transport.writes, transport.wrote) == (1, b"\x81\x01a\x81\x01b\x81\x01c")
    writer.write(b"d")
    transport.closing = True
    writer.flush()
    transport.closing = False
    writer.flush()
    assert transport.writes == 1


def test_a_transport_that_fails_is_left() -> None:
    """Whoever flushes hears nothing of it, and whoever writes that the peer is gone."""
    transport = Transport()
    writer = writer_of(transport)
    transport.broken = True
    assert writer.write(b"a")
    writer.flush()
    assert transport.closing
    with pytest.raises(Gone):
        writer.write(b"b")


def test_only_so_many_bytes_are_held() -> None:
    """However much there is to be written in a turn: a peer may not read, and there are many."""
    transport, text = Transport(), b"x" * 1_000
    writer = writer_of(transport)
    for number in range(1, 1_000):
        writer.write(text)
        assert number * len(text) - len(transport.wrote) < MOST_HELD


def test_it_says_when_there_is_no_room_for_more() -> None:
    """What it was given it has taken all the same; of one that is closed nothing is."""
    transport = Transport()
    writer = writer_of(transport)
    writer.full = True
    assert not writer.write(b"a")
    writer.flush()
    transport.closing = True
    with pytest.raises(Gone):
        writer.write(b"b")
    assert transport.wrote == b"\x81\x01a"
