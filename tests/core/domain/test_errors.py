"""The tree of what can go wrong."""

import inspect
import re

from hypothesis import given, strategies as st

from core.domain import errors
from core.domain.errors import Invalid, LatchkeyError, Refused, Unauthenticated

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, LatchkeyError)
]


def test_the_drawn_tree_is_the_tree() -> None:
    """The head of the module draws every class under its root, and no other."""
    drawn = re.findall(r"[├└]── (\w+)", inspect.getdoc(errors) or "")
    assert sorted(drawn) == sorted(k.__name__ for k in KINDS if k is not LatchkeyError)
    assert all(kind.__bases__ == (LatchkeyError,) for kind in KINDS if kind is not LatchkeyError)


@given(st.sampled_from(KINDS), st.text())
def test_an_error_is_its_sentence(kind: type[LatchkeyError], sentence: str) -> None:
    """Whatever else it carries, its text is what the caller reads."""
    assert str(kind(sentence)) == sentence


def test_an_error_carries_what_its_reader_needs() -> None:
    """The field, the scopes, and how access ended; nothing unless said."""
    assert (Invalid("No.", "state.on").field, Invalid("No.").field) == ("state.on", None)
    assert (Refused("No.", ("a", "b")).scopes, Refused("No.").scopes) == (("a", "b"), ())
    over, back = Unauthenticated("No.", expired=True), Unauthenticated("No.", taken_back=True)
    assert (over.expired, over.taken_back) == (True, False)
    assert (back.expired, back.taken_back) == (False, True)
