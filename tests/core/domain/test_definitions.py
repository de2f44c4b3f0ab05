"""What a client may say of its endpoint, part by part."""

from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from core.domain.definitions import LONGEST_VARIABLES, checked_definition, checked_variables
from core.domain.endpoints import Ordering
from core.domain.errors import Invalid

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES | st.dictionaries(st.text(max_size=9), VALUES))
def test_variables_are_kept_as_they_are_or_refused(value: Any) -> None:
    """Whatever is taken comes back from the store the same."""
    try:
        kept = checked_variables(value)
    except Invalid:
        return
    assert kept == value
    assert orjson.loads(orjson.dumps(kept)) == value


@pytest.mark.parametrize(
    "value",
    [[], "{}", None, {"a": 2**64}, {"a": float("nan")}, {"a": "\ud800"}],
    ids=["list", "text", "null", "large", "nan", "surrogate"],
)
def test_what_no_variables_are(value: Any) -> None:
    """They are an object, of what JSON can carry."""
    with pytest.raises(Invalid, match="variables"):
        checked_variables(value)


def test_how_much_and_how_deep_variables_may_be() -> None:
    """In bytes of JSON, not in letters; and no deeper than can be written down."""
    room = LONGEST_VARIABLES - len('{"a":""}')
    assert checked_variables({"a": "é" * (room // 2)})
    with pytest.raises(Invalid, match=f"at most {LONGEST_VARIABLES}"):
        checked_variables({"a": "é" * (room // 2 + 1)})
    deep: Any = 1
    for _ in range(1_000):
        deep = [deep]
    with pytest.raises(Invalid, match="deep"):
        checked_variables({"a": deep})


def test_a_part_that_is_left_out_stays_out() -> None:
    """Nothing is filled in, and what needs no check is as it was."""
    assert checked_definition({}) == {}
    said = checked_definition({"description": " a ", "ordering": Ordering.UNORDERED})
    assert said == {"description": "a", "ordering": Ordering.UNORDERED}
