"""Sealing: what only we can write and read."""

import base64
import re

import pytest
from hypothesis import given, strategies as st

from core.tokens import Sealer
from tests.core.tokens.mint import NEWER, SECRET, based, unbase

PURPOSES = st.text(max_size=40)
CONTENTS = st.binary(max_size=200)
SEALER = Sealer([SECRET])


@given(PURPOSES, CONTENTS)
def test_what_is_sealed_can_be_opened(purpose: str, content: bytes) -> None:
    """By the same key, for the same purpose; it can stand in a URL as it is."""
    text = SEALER.seal(purpose, content)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert SEALER.open(purpose, text) == content


@given(PURPOSES, PURPOSES, CONTENTS)
def test_a_purpose_is_part_of_the_seal(purpose: str, other: str, content: bytes) -> None:
    """What is sealed for one purpose opens for no other."""
    opened = SEALER.open(other, SEALER.seal(purpose, content))
    assert opened == (content if other == purpose else None)


@given(CONTENTS)
def test_equal_contents_look_different(content: bytes) -> None:
    """Nobody can tell by looking whether two seals hold the same, or what."""
    texts = {SEALER.seal("p", content) for _ in range(5)}
    assert len(texts) == 5
    assert all(len(content) < 4 or content not in unbase(text) for text in texts)


@given(CONTENTS)
def test_every_byte_counts(content: bytes) -> None:
    """Not one bit of the nonce, the content or the tag can be another."""
    raw = unbase(SEALER.seal("p", content))
    for at in range(len(raw)):
        for bit in (1, 128):
            changed = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]
            assert SEALER.open("p", based(changed)) is None


@given(CONTENTS)
def test_a_seal_cannot_be_cut_or_lengthened(content: bytes) -> None:
    """Every shorter text and some longer ones stay closed."""
    text = SEALER.seal("p", content)
    raw = unbase(text)
    assert all(SEALER.open("p", based(raw[:end])) is None for end in range(len(raw)))
    assert all(
        SEALER.open("p", based(more)) is None for more in (raw + b"\0", b"\0" + raw, raw * 2)
    )


@given(st.text(st.characters()) | st.text("abcXYZ019-_=+/ \n") | st.binary().map(based))
def test_rubbish_opens_nothing(text: str) -> None:
    """Whatever it is, and however it is written."""
    assert SEALER.open("p", text) is None


@given(CONTENTS)
def test_another_key_opens_nothing(content: bytes) -> None:
    """Not even the same purpose and the same length of key."""
    assert Sealer([NEWER]).open("p", SEALER.seal("p", content)) is None


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique=True), CONTENTS)
def test_the_first_key_seals_and_all_open(keys: list[bytes], content: bytes) -> None:
    """So a new key is put in front, and the old one leaves when nothing needs it any more."""
    sealer = Sealer(keys)
    assert all(sealer.open("p", Sealer([key]).seal("p", content)) == content for key in keys)
    sealed = sealer.seal("p", content)
    opened = [Sealer([key]).open("p", sealed) for key in keys]
    assert opened == [content, *[None] * (len(keys) - 1)]


def test_keys_rotate_in_three_steps() -> None:
    """What was sealed before the new key came is readable until the old one has gone."""
    before = SEALER.seal("p", b"x")
    during = Sealer([NEWER, SECRET])
    after = Sealer([NEWER])
    assert during.open("p", before) == b"x"
    assert after.open("p", during.seal("p", b"y")) == b"y"
    assert after.open("p", before) is None


def test_a_seal_without_a_key_cannot_be() -> None:
    """The sentence says what to set."""
    with pytest.raises(ValueError, match="set LATCHKEY_SECRET_KEYS"):
        Sealer([])


@pytest.mark.parametrize("end", ["=", "==", "\n", " ", "é", "\0"])
def test_padding_adds_nothing(end: str) -> None:
    """A text with something behind it opens to the same or not at all."""
    text = SEALER.seal("p", b"content")
    assert SEALER.open("p", text + end) in {b"content", None}


def test_a_nonce_that_is_too_short_is_rubbish() -> None:
    """Every length from nothing to a nonce and a tag."""
    for length in range(40):
        assert SEALER.open("p", base64.urlsafe_b64encode(bytes(length)).decode()) is None
