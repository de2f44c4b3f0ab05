"""Logos: small images that come along as `data:` URIs, since our pages load nothing from elsewhere.

The bytes are looked at, and not only their name: a picture of few bytes may be one of many pixels.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final

from core.domain.errors import Invalid

MOST_BYTES: Final = 32_000
MOST_PIXELS: Final = 1_024
"""Along either side."""
_URI: Final = re.compile(r"data:(image/(?:png|jpeg|webp));base64,([A-Za-z0-9+/]+={0,2})", re.ASCII)
WRONG: Final = (
    f"A logo is a PNG, JPEG or WebP image of at most {MOST_BYTES} bytes and {MOST_PIXELS} by "
    f"{MOST_PIXELS} pixels"
)
ELSEWHERE: Final = (
    f"{WRONG}, given as data:image/png;base64,... (or jpeg, webp): our pages load nothing from "
    "elsewhere."
)
Size = tuple[int, int]


def checked_logo(uri: str) -> str:
    """A logo that pages may show.

    Raises:
        Invalid: it is no `data:` URI of an image, or of one that is too large.
    """
    longest = MOST_BYTES * 4 // 3 + 100
    found = _URI.fullmatch(uri) if len(uri) <= longest else None
    try:
        content = base64.b64decode(found[2], validate=True) if found else b""
    except binascii.Error:
        content = b""
    if found is None or _kind(content) != found[1]:
        raise Invalid(ELSEWHERE, "logo")
    return uri


def logo_of(content: bytes) -> str:
    """The `data:` URI of an image.

    Raises:
        Invalid: it is none that pages may show.
    """
    kind = _kind(content)
    if kind is None:
        sentence = f"{WRONG}."
        raise Invalid(sentence, "logo")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def described(uri: str) -> str:
    """A logo in words: what it is, and how large."""
    found = _URI.fullmatch(uri)
    return f"{found[1]}, {len(found[2]) * 3 // 4} bytes" if found else "unknown"


def _kind(content: bytes) -> str | None:
    """The media type of an image that is small enough."""
    if len(content) > MOST_BYTES:
        return None
    for kind, measure in _MEASURES.items():
        size = measure(content)
        if size is not None:
            return kind if all(1 <= side <= MOST_PIXELS for side in size) else None
    return None


def _png(content: bytes) -> Size | None:
    """PNG §11.2.1: the header comes first."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    return _big(content[16:20]), _big(content[20:24])


def _jpeg(content: bytes) -> Size | None:
    """ITU-T T.81 §B.2.2: the frame's header comes after other segments, each with its length."""
    if content[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004 - as T.81 begins markers
        if content[at + 1] in _FRAMES:
            return _big(content[at + 7 : at + 9]), _big(content[at + 5 : at + 7])
        at += 2 + _big(content[at + 2 : at + 4])
    return None


def _webp(content: bytes) -> Size | None:
    """RFC 9649 §2.5–§2.7: lossy, lossless, or with more to it."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:  # noqa: PLR2004 - the least that has a size
        return None
    match content[12:16]:
        case b"VP8X":
            return _little(content[24:27]) + 1, _little(content[27:30]) + 1
        case b"VP8L" if content[20] == 0x2F:  # noqa: PLR2004 - its signature
            bits = _little(content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if content[23:26] == b"\x9d\x01\x2a":
            return _little(content[26:28]) & 0x3FFF, _little(content[28:30]) & 0x3FFF
        case _:
            return None


_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MEASURES: Final[Mapping[str, Callable[[bytes], Size | None]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
}


def _big(content: bytes) -> int:
    return int.from_bytes(content, "big")


def _little(content: bytes) -> int:
    return int.from_bytes(content, "little")
