"""Frames: what goes the short way is what the WebSocket library would have sent."""

import asyncio
from typing import cast

import pytest
from hypothesis import given, strategies as st
from websockets.frames import Frame, Opcode

from app.frames import Writer
from subscriptions.outlet import Gone


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        """Nothing is."""
        self.wrote = b""
        self.closing = False

    def is_closing(self) -> bool:
        """Whether it takes no more."""
        return self.closing

    def write(self, data: bytes) -> None:
        """Take this."""
        self.wrote += data


def writer_of(transport: Transport) -> Writer:
    """What writes to it."""
    return Writer(cast("asyncio.Transport", transport))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_a_text_is_framed_as_the_library_frames_it(size: int) -> None:
    """At each of the three ways to say a length, and at their edges."""
    transport, text = Transport(), b"x" * size
    assert writer_of(transport)(text)
    assert transport.wrote == Frame(Opcode.TEXT, text).serialize(mask=False)


@given(st.text(max_size=1_000))
def test_so_is_any_other(text: str) -> None:
    """Of whatever characters."""
    transport, data = Transport(), text.encode()
    assert writer_of(transport)(data)
    assert transport.wrote == Frame(Opcode.TEXT, data).serialize(mask=False)


def test_it_says_when_there_is_no_room_for_more() -> None:
    """What it was given it has taken all the same; of one that is closed nothing is."""
    transport = Transport()
    writer = writer_of(transport)
    writer.full = True
    assert not writer(b"a")
    transport.closing = True
    with pytest.raises(Gone):
        writer(b"b")
    assert transport.wrote == b"\x81\x01a"
