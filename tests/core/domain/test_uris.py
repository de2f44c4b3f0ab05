"""URIs are spelled in one way, however they were spelled (RFC 3986 §6.2)."""

import pytest
from hypothesis import given, strategies as st

from core.domain.uris import normalised

OURS = "https://api.example.com/graphql"
PATHS = st.text("ab/.%~-_:@!$&'()*+,;=é ", max_size=20)


@pytest.mark.parametrize(
    ("section", "uri"),
    [
        ("as it is", OURS),
        ("§6.2.2.1 letter case", "HTTPS://API.Example.COM/graphql"),
        ("§6.2.2.2 escapes", "https://api.example.com/%67raph%71l"),
        ("§6.2.2.3 dot segments", "https://api.example.com/a/./b/../../graphql"),
        ("§6.2.2.3 escaped dots", "https://api.example.com/a/%2e%2E/graphql"),
        ("§6.2.2.3 above the root", "https://api.example.com/../../graphql"),
        ("§6.2.3 the default port", "https://api.example.com:443/graphql"),
        ("§6.2.3 no port", "https://api.example.com:/graphql"),
        ("RFC 9449 §4.3 query and fragment", OURS + "?query=x#y"),
    ],
)
def test_one_target_has_one_spelling(section: str, uri: str) -> None:
    """RFC 9449 §4.3: compared after syntax-based and scheme-based normalisation."""
    assert normalised(uri) == OURS, section


@pytest.mark.parametrize(
    "uri",
    [
        "http://api.example.com/graphql",
        "https://api.example.com:444/graphql",
        "https://api.example.com/GraphQL",
        "https://api.example.com/graphql/",
        "https://api.example.com//graphql",
        "https://api.example.com/%2567raphql",
        "https://api.example.com/graphql%2F",
        "https://api.example.com.evil.example/graphql",
        "https://api.example.com./graphql",
        "https://evil.example/https://api.example.com/graphql",
    ],
)
def test_another_target_stays_another(uri: str) -> None:
    """However near."""
    assert normalised(uri) not in {OURS, None}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "graphql",
        "/graphql",
        "//api.example.com/graphql",
        "ftp://api.example.com/graphql",
        "https:///graphql",
        "https://user@api.example.com/graphql",
        "https://api%2eexample.com/graphql",
        "https://api.example.com:0x1bb/graphql",
        "https://api.example.com:99999/graphql",
        "https://[::1/graphql",
        "https://api.example.com\\@evil.example/graphql",
        "https://api.example.com/ graphql",
        " https://api.example.com/graphql",
        "https://api.example.com/graphql\n",
        "https://api.example.com/gr\taphql",
        "https://ápi.example.com/graphql",
        "https://api.example.com/" + "x" * 2_000,
    ],
)
def test_what_is_no_address_is_none(uri: str) -> None:
    """It equals nothing, and nothing fails."""
    assert normalised(uri) is None


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("wss://h/a/..", "wss://h/"),
        ("https://h/a/b/.", "https://h/a/b/"),
        ("https://h/%e9%2f", "https://h/%E9%2F"),
    ],
)
def test_other_spellings(uri: str, expected: str) -> None:
    """An empty path, addresses of numbers, a last dot segment, an escape that has to stay."""
    assert normalised(uri) == expected


@given(PATHS)
def test_a_spelling_is_its_own(path: str) -> None:
    """Spelling it anew changes nothing, and no dot segment is left."""
    once = normalised(f"https://h/{path}")
    if once is not None:
        assert normalised(once) == once
        assert not {".", ".."} & set(once.split("/"))


@given(st.text())
def test_any_text_is_spelled_or_none(text: str) -> None:
    """Nothing else happens."""
    for uri in (text, f"https://{text}", f"https://h:{text}/", f"https://h/{text}"):
        assert normalised(uri) is None or "://" in str(normalised(uri))


@given(st.text("abcXYZ019-._~/", max_size=20))
def test_escapes_of_plain_letters_say_nothing(path: str) -> None:
    """RFC 3986 §2.3: a letter is its own escape, in capitals or not."""
    escaped = "".join(one if one == "/" else f"%{ord(one):02x}" for one in path)
    assert normalised(f"https://h/{path}") == normalised(f"https://h/{escaped}") is not None
