"""Pictures of every kind, as small as they can be: what measures them reads their heads alone."""

import base64
import struct
import zlib


def png(width: int, height: int) -> bytes:
    """A whole PNG of one grey."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x77" * width) * height
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def jpeg(width: int, height: int) -> bytes:
    """The head of a JPEG: JFIF, a comment, a progressive frame."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0\x00\x04JF\xff\xfe\x00\x03c\xff\xc2" + frame


def lossy(width: int, height: int) -> bytes:
    """The head of a lossy WebP."""
    frame = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0" + frame


def lossless(width: int, height: int) -> bytes:
    """The head of a lossless WebP."""
    bits = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + bits + b"\0" * 5


def extended(width: int, height: int) -> bytes:
    """The head of a WebP that has more to it."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + sides


def data_uri(content: bytes, kind: str = "png") -> str:
    """The `data:` URI of a picture."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
