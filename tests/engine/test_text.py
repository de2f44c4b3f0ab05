"""The scan before parsing, compared with graphql-core's lexer, and the places it names."""

import pytest
from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind
from hypothesis import assume, given, strategies as st

from engine.errors import Rejected
from engine.limits import Limits
from engine.text import Text, scan
from tests.engine.world import refusal
from tests.engine.writing import SOUP, operations

WIDE = Limits(tokens=10**6, nesting=10**6, text_bytes=10**6)


def lexed(text: str) -> tuple[int, int]:
    """Count the tokens and the deepest brackets that the lexer reads before its first error."""
    lexer = Lexer(Source(text))
    tokens = nesting = deepest = 0
    token = lexer.token
    try:
        while token.kind is not TokenKind.EOF:
            token = token.next = lexer.read_next_token(token.end)
            tokens += token.kind is not TokenKind.EOF
            nesting += (token.kind.value in "([{") - (token.kind.value in ")]}")
            deepest = max(deepest, nesting)
    except GraphQLSyntaxError:
        pass
    return tokens, deepest


@given(SOUP | st.text() | operations())
def test_the_scan_never_counts_less_than_the_lexer(text: str) -> None:
    """Whatever reaches the parser has at most the tokens and brackets that the scan counted."""
    assume(refusal(lambda: scan(text, WIDE)) is None)  # a lone surrogate is refused
    tokens, deepest = lexed(text)
    assert scan(text, WIDE) >= tokens
    if deepest:
        assert refusal(lambda: scan(text, Limits(nesting=deepest - 1)))


@given(operations())
def test_the_scan_counts_a_sound_text_exactly(text: str) -> None:
    """For a text without errors the scan is the lexer."""
    assert scan(text, WIDE) == lexed(text)[0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("{ a }", 3),
        ("#{{{\n{a}", 4),
        ('{a(b:"{{")}', 8),
        ('{a(b:"""{"{\\"""{""")}', 8),
        ('{a(b:"\\"{")}', 8),
        ("...a$b@c", 6),
        ("-1.5e9 é", 1),
        ('{a(b:"{{', 6),
    ],
)
def test_tokens_are_counted_as_graphql_has_them(text: str, tokens: int) -> None:
    """Strings, block strings and comments are one token each, whatever is in them."""
    assert scan(text, WIDE) == tokens


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("é" * 60, "DOCUMENT_TOO_COMPLEX", "120 bytes"),
        ("x" * 101, "DOCUMENT_TOO_COMPLEX", "the limit is 100"),
        ("a " * 20, "DOCUMENT_TOO_COMPLEX", "20 tokens, the limit is 15"),
        ("{{{{{ a", "DOCUMENT_TOO_COMPLEX", "nests 5 brackets, the limit is 4"),
        ("{ a\n\ud800 }", "GRAPHQL_PARSE_FAILED", "lone surrogate"),
    ],
)
def test_a_refusal_says_what_was_measured(text: str, code: str, words: str) -> None:
    """Each limit of the text is refused in a sentence that names measure and limit."""
    with pytest.raises(Rejected, match=words) as caught:
        scan(text, Limits(text_bytes=100, tokens=15, nesting=4))
    assert caught.value.code == code


def test_the_place_of_the_deepest_bracket_is_named() -> None:
    """Nesting is refused with line and column."""
    with pytest.raises(Rejected) as caught:
        scan("{a\n {b\n  {c}}}", Limits(nesting=2))
    assert caught.value.errors[0].locations == [(3, 3)]


@given(st.text(st.sampled_from("ab\n\r"), max_size=50), st.integers(0, 60))
def test_places_are_those_of_graphql(text: str, position: int) -> None:
    """Lines and columns agree with graphql-core's own, found by splitting the text."""
    position = min(position, len(text))
    if text[position - 1 : position] in {"\n", "\r"}:
        return  # graphql-core places what follows a line end on the line before
    assert Text(text).get_location(position) == Source(text).get_location(position)


def test_what_follows_a_line_end_is_on_the_next_line() -> None:
    """A position at the start of a line is its first column."""
    assert Text("a\r\nb").get_location(3) == (2, 1)
