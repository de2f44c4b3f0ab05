"""Whatever is sent is read, or refused as OAuth refuses; it is never a failure of ours."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from hypothesis import given, strategies as st

from app.oauth.asked import FORM, MOST_FIELDS, Payload, form_pairs

pairs = st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5)), max_size=8)


@given(st.binary(max_size=200))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    """Some fields of text, or an error of OAuth's."""
    with suppress(InvalidRequestError):
        assert len(form_pairs(FORM, body)) <= MOST_FIELDS


@given(pairs)
def test_a_form_is_read_as_it_was_written(sent: list[tuple[str, str]]) -> None:
    """Every field, in its order, with any letters."""
    assert form_pairs(FORM, urlencode(sent).encode()) == sent


@given(pairs)
def test_a_parameter_without_a_value_was_not_sent(sent: list[tuple[str, str]]) -> None:
    """RFC 6749 §3.1; what came twice is known to be in doubt."""
    if any("\0" in value for _, value in sent):
        with pytest.raises(InvalidRequestError, match="NUL"):
            Payload(sent)
        return
    payload, given_names = Payload(sent), [name for name, value in sent if value]
    assert set(payload.data) == set(given_names)
    assert set(payload.repeated) == {one for one in given_names if given_names.count(one) > 1}


@pytest.mark.parametrize("kind", [None, "application/json", "multipart/form-data"])
def test_a_form_says_that_it_is_one(kind: str | None) -> None:
    """RFC 6749 §4.1.3: in the one media type that there is for it."""
    with pytest.raises(InvalidRequestError, match=FORM):
        form_pairs(kind, b"grant_type=x")
    assert form_pairs(f"{FORM.upper()}; charset=utf-8", b"a=b") == [("a", "b")]
