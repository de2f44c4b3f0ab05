"""Logos are images that pages may show: by their bytes, and by how large they become."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.domain.logos import MOST_BYTES, MOST_PIXELS, checked_logo, described, logo_of
from tests.core.domain.pictures import data_uri, extended, jpeg, lossless, lossy, png

Draw = Callable[[int, int], bytes]
KINDS: list[tuple[str, Draw]] = [
    ("png", png),
    ("jpeg", jpeg),
    ("webp", lossy),
    ("webp", lossless),
    ("webp", extended),
]


@pytest.mark.parametrize(("kind", "draw"), KINDS)
def test_pictures_are_known_by_their_bytes(kind: str, draw: Draw) -> None:
    """A file becomes the URI that is taken, and a kind that it is not is refused."""
    uri = logo_of(draw(64, 48))
    assert uri == checked_logo(data_uri(draw(64, 48), kind))
    assert described(uri).startswith(f"image/{kind}, ")
    for other in {"png", "jpeg", "webp"} - {kind}:
        with pytest.raises(Invalid, match="load nothing from elsewhere"):
            checked_logo(data_uri(draw(64, 48), other))


@pytest.mark.parametrize(("kind", "draw"), KINDS)
def test_few_bytes_may_be_many_pixels(kind: str, draw: Draw) -> None:
    """One side more than the most is too much, whichever it is."""
    assert checked_logo(data_uri(draw(MOST_PIXELS, MOST_PIXELS), kind))
    for size in ((MOST_PIXELS + 1, 1), (1, MOST_PIXELS + 1)):
        with pytest.raises(Invalid, match="1024"):
            checked_logo(data_uri(draw(*size), kind))


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/logo.png",
        "//app.example/logo.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:text/html;base64,PGI+",
        "data:image/png,raw",
        "data:image/png;base64,",
        "data:image/png;base64,iVBORw0KGgo=",
        "data:image/png;charset=x;base64,iVBORw0KGgo=",
        data_uri(b"GIF89a" + b"\0" * 40),
        data_uri(b"\xff\xd8\xff" + b"\xff" * 40, "jpeg"),
        data_uri(png(8, 8))[:-3],
        data_uri(png(8, 8)) + '" onerror="x',
        data_uri(png(8, 8)) + "\n",
        data_uri(png(8, 8) + b"\0" * MOST_BYTES),
        data_uri(png(0, 8)),
    ],
)
def test_what_pages_do_not_show(uri: str) -> None:
    """Elsewhere, other kinds, broken ones, and what would end the attribute."""
    with pytest.raises(Invalid, match="PNG, JPEG or WebP"):
        checked_logo(uri)


@given(st.binary(max_size=80))
def test_any_bytes_are_measured(content: bytes) -> None:
    """Nothing fails over them, and hardly any are a picture."""
    for start in (b"", *(draw(9, 9)[:20] for _, draw in KINDS)):
        try:
            uri = logo_of(start + content)
        except Invalid:
            continue
        assert checked_logo(uri) == uri
