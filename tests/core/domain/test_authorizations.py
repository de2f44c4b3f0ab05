"""Where people may be sent back to, and what is not close enough (RFC 9700 §4.1, RFC 8252 §7)."""

import pytest
from hypothesis import given, strategies as st

from core.domain.accounts import Client
from core.domain.authorizations import LETTERS, answered, checked_redirect, redirects_to, user_code
from core.domain.errors import Invalid

WEB, NATIVE = "https://app.example/cb", "http://127.0.0.1:8765/callback"
CLIENT = Client("client_1", "App", redirect_uris=(WEB, NATIVE, "com.example.app:/back"))


@pytest.mark.parametrize(
    "uri",
    [
        WEB,
        "com.example.app:/back",
        "http://127.0.0.1:8765/callback",
        "http://127.0.0.1:50001/callback",
        "http://127.0.0.1/callback",
    ],
)
def test_what_was_registered_is_good(uri: str) -> None:
    """Letter for letter; on a loopback address whatever the port (RFC 8252 §7.3)."""
    assert redirects_to(CLIENT, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/cb/more",
        "https://app.example/cb?x=1",
        "https://app.example/c",
        "https://app.example/cb/../evil",
        "https://app.example/%63b",
        "https://app.example/cb#",
        "https://app.example/cb#fragment",
        "https://user@app.example/cb",
        "https://app.example@evil.example/cb",
        "https://app.example.evil.example/cb",
        "https://evil.example/?https://app.example/cb",
        "https://APP.example/cb",
        "https://app.example:444/cb",
        "http://app.example/cb",
        "https://app.example/cb ",
        "//app.example/cb",
        "javascript:alert(1)",
        "",
        "http://127.0.0.1.evil.example:8765/callback",
        "http://127.0.0.1:8765@evil.example/callback",
        "http://localhost:8765/callback",
        "http://127.0.0.1:x/callback",
        "http://127.0.0.1:1/callback/more",
        "http://127.0.0.1:1/../callback",
        "https://127.0.0.1:8765/callback",
        "http://[::1/callback",
    ],
)
def test_what_is_only_like_it_is_not(uri: str) -> None:
    """Prefix, suffix, traversal, fragment, user, case, port, scheme, host (RFC 9700 §4.1.3)."""
    assert not redirects_to(CLIENT, uri)


@pytest.mark.parametrize(
    "uri", ["http://app.example/cb", "https:///cb", "app:/back", WEB + "#", "https://a@b.example/"]
)
def test_what_cannot_be_registered(uri: str) -> None:
    """A plain-text host, no host, a fragment, a user (RFC 6749 §3.1.2, RFC 9700 §2.6)."""
    with pytest.raises(Invalid, match="cannot be a redirect URI"):
        checked_redirect(uri)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    """Nothing that is sent as a redirect URI is a failure of ours."""
    assert redirects_to(CLIENT, text) == (text in CLIENT.redirect_uris)


def test_an_answer_keeps_the_query() -> None:
    """What the registered URI asks for stays, and the answer comes behind it, encoded."""
    told = {"code": "a b", "state": None}
    assert answered("https://app.example/?x=1", told) == "https://app.example/?x=1&code=a+b"


NOISE = st.text(st.sampled_from("-\u2013 .,_0189AEIOUYaeiouy\u00a0\t"), max_size=5)


@given(st.lists(st.tuples(NOISE, st.sampled_from(LETTERS), st.booleans()), max_size=12))
def test_a_user_code_is_its_letters(typed: list[tuple[str, str, bool]]) -> None:
    """RFC 8628 §6.1: case and whatever no code holds count for nothing; eight letters are one."""
    text = "".join(noise + (one.lower() if low else one) for noise, one, low in typed)
    code = "".join(one for _, one, _ in typed)
    assert user_code(text) == (f"{code[:4]}-{code[4:]}" if len(code) == 8 else None)


@given(st.text())
def test_any_typed_text_is_judged(text: str) -> None:
    """Whatever is typed, a code comes of it that reads as itself, or none."""
    code = user_code(text)
    assert code is None or user_code(code) == code
