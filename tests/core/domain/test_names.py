"""Names that hide something, or look like another's, are told from those that people have."""

import unicodedata
from collections.abc import Callable
from time import perf_counter

import pytest
from hypothesis import given, strategies as st

from core.domain.accounts import LONGEST_NAME, checked_name
from core.domain.clients import LONGEST_APP_NAME, checked_app_name
from core.domain.errors import Invalid
from core.domain.names import hides, imitates, mixes, normal_name
from core.domain.people import normal


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Zoë's lamps",
        "Дом и свет",
        "ホーム",
        "בית חכם",
        "घर",
        "नमस्ते",
        "Café ☕",
        "Phở",
        "❤️ home",
    ],
)
def test_names_that_people_have(name: str) -> None:
    """Whatever they are written in."""
    assert checked_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * (LONGEST_NAME + 1),
        "two\nlines",
        "nul\0",
        "\u202eevil",  # right-to-left override
        "a\u2066b\u2069",  # isolates
        "a\u200bb",  # zero-width space
        "a\u200db",  # zero-width joiner
        "a\u2060b",  # word joiner
        "\ufeffname",
        "soft\u00adhyphen",
        "no\u00a0break",
        "\u3164",  # Hangul filler
        "a\u034fb",  # combining grapheme joiner
        "\u2800",  # blank of Braille
        "tag\U000e0041",
        "lone\ud800",
        "private\ue000",
        "Z" + "\u0335" * 5,  # a pile of marks
    ],
)
def test_names_that_hide_something(name: str) -> None:
    """UTR #36 §3.5: what is not seen, turns others around, or covers them."""
    with pytest.raises(Invalid, match="printable"):
        checked_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Latchkey",
        "LATCHKEY security",
        "Latch-key",
        "L a t c h k e y",
        "\uff2c\uff41\uff54\uff43\uff48\uff4b\uff45\uff59",  # full width
        "\U0001d40b\U0001d41a\U0001d42d\U0001d41c\U0001d421\U0001d424\U0001d41e\U0001d432",
        "Iatchkey",
        "1atchkey",
        "L4tchk3y",
        "Látchkéy",
        "The Latchkey App",
        "L\u0430tchkey",  # Cyrillic
        "P\u0430ypal",  # Cyrillic
        "x" * (LONGEST_APP_NAME + 1),
    ],
)
def test_names_that_an_app_cannot_give_itself(name: str) -> None:
    """UTS #39 §4: what reads as ours, or as another's in borrowed letters; or a whole text."""
    with pytest.raises(Invalid, match=r"[Aa]pp"):
        checked_app_name(name, registered=True)


@pytest.mark.parametrize("name", ["Lamp Whisperer", "Дом App", "Key Latch", "Яндекс Home", "Hue 2"])
def test_names_that_an_app_can(name: str) -> None:
    """Words of several alphabets may stand beside each other."""
    assert checked_app_name(name, registered=True) == name


def test_an_operator_may_name_an_app_as_ours() -> None:
    """It is theirs; but no letters that look alike are mixed even then."""
    assert checked_app_name("Latchkey for phones", registered=False) == "Latchkey for phones"
    with pytest.raises(Invalid, match="alphabet"):
        checked_app_name("L\u0430tchkey", registered=False)  # Cyrillic


@given(st.text(max_size=40))
def test_a_name_is_normal_once(name: str) -> None:
    """What was normal stays so; nothing that is asked of a name fails over it."""
    once = normal_name(name)
    assert normal_name(once) == once
    assert {hides(name), mixes(name), imitates(name)} <= {True, False}


@pytest.mark.parametrize("normalise", [normal_name, normal])
def test_what_is_far_too_long_is_left_as_it_is(normalise: Callable[[str], str]) -> None:
    """To compose marks takes time by the square of how many there are."""
    text = "a" + "\u0301\u0323" * 20_000
    began = perf_counter()
    assert normalise(text) == text
    assert perf_counter() - began < 1


@pytest.mark.parametrize(
    "name",
    [
        "\u029f\u1d00\u1d1b\u1d04\u029c\u1d0b\u1d07\u028f",
        "\ua4e1\ua4ee\ua4d4\ua4da\ua4e7\ua4d7\ua4f0\ua4ec",
        "Latch\u1d0bey",
        "\u0141atchkey",
        "L\u2227TCHKEY",
        "GraphiQL",
        "gr\u00e0phiql",
    ],
)
def test_no_app_passes_for_us(name: str) -> None:
    """By letters of dead or technical alphabets, strokes through them, or signs (UTS #39)."""
    with pytest.raises(Invalid):
        checked_app_name(name, registered=True)


@pytest.mark.parametrize(
    "name",
    ["Søren & Łukasz", "Zoë's lamps", "灯りアプリ", "Лампа", "مصباح", "ไฟบ้าน", "C++ Home", "5°"],
)
def test_an_app_is_named_in_any_living_alphabet(name: str) -> None:
    """And with the signs of everyday texts."""
    assert checked_app_name(name, registered=True) == name
