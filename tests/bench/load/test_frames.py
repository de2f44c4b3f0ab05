"""WebSocket frames, whatever the chunks in which they come."""

import pytest
from hypothesis import given, strategies as st

from bench.load.frames import PING, TEXT, Fragmented, Frames, framed

PAYLOADS = st.binary(max_size=300) | st.integers(65_530, 65_540).map(bytes)


def _from_server(opcode: int, payload: bytes) -> bytes:
    """A frame without a mask, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2) + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8) + payload


@given(st.lists(st.tuples(st.sampled_from([TEXT, PING]), PAYLOADS)), st.data())
def test_frames_survive_any_cut(frames: list[tuple[int, bytes]], data: st.DataObject) -> None:
    """What was sent is read, in order, wherever the bytes were cut."""
    sent = b"".join(_from_server(*frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    reader, read = Frames(), []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        read += list(reader.feed(sent[start:end]))
    assert read == frames


def test_a_message_in_pieces_is_refused() -> None:
    """A server that fragments is none of ours, and must not be miscounted."""
    with pytest.raises(Fragmented):
        list(Frames().feed(b"\x01\x01a"))


@pytest.mark.parametrize(("size", "head"), [(5, 6), (126, 8), (70_000, 14)])
def test_a_frame_of_ours_is_masked(size: int, head: int) -> None:
    """A client masks (RFC 6455 §5.1), and a mask of zeros changes nothing."""
    frame = framed(TEXT, b"x" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert frame[head:] == b"x" * size
