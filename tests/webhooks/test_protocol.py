"""What is said to who listens: read back as it was written, and rubbish refused."""

import orjson
import pytest
from hypothesis import given, strategies as st

from core.domain.answers import RESPONSE_KEPT, explained
from core.domain.errors import Invalid
from core.domain.events import EventType
from core.signing import LARGEST
from schema.default import DEFAULT
from webhooks import protocol
from webhooks.replies import Reply, readable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["type", "id", "status", "seconds", "start", "retryAfter", "error"])
PARTS = st.sampled_from(["url", "document", "variables", "eventTypes", "rateLimit", "ordering"])


@given(
    st.integers(0, 2**40),
    st.none() | st.integers(100, 999),
    st.floats(0, 60),
    st.binary(max_size=50),
    st.none() | st.floats(1, 3_600),
)
def test_answers_are_read_as_they_were_written(
    number: int, status: int | None, seconds: float, body: bytes, wait: float | None
) -> None:
    """Whatever the local server answered."""
    if status is None:
        reply = Reply(None, seconds, error="The receiver refused the connection.")
    else:
        start, error = readable(body, None), explained(status) or None
        reply = Reply(status, seconds, start, wait, error)
    text = orjson.dumps(protocol.answer(number, reply)).decode()
    assert protocol.answered(protocol.read(text)) == (number, reply)


@given(st.dictionaries(NAMES, JSON))
def test_answers_that_say_nothing_are_refused(message: dict[str, object]) -> None:
    """Or are read as something that can be recorded: nothing else is raised."""
    try:
        _, reply = protocol.answered(message)
    except Invalid:
        return
    assert reply.seconds >= 0
    assert len(reply.start) <= RESPONSE_KEPT
    assert "\0" not in reply.start + (reply.error or "")


@given(st.dictionaries(PARTS, JSON), JSON)
def test_what_nobody_can_want_is_refused(given: dict[str, object], secret: object) -> None:
    """Or becomes a definition, of which the rest is checked as everywhere."""
    try:
        definition, _ = protocol.wanted({"type": "listen", "input": given, "secret": secret})
    except Invalid:
        return
    assert isinstance(definition["document"], str)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": 1}', '"\\ud800"'])
def test_what_is_no_message_is_refused(text: str) -> None:
    """Before it reaches anybody."""
    with pytest.raises(Invalid):
        protocol.read(text)


def test_what_is_left_out_is_the_usual() -> None:
    """As in the graph."""
    definition, secret = protocol.wanted(
        {"type": "listen", "input": {"document": None, "eventTypes": ["DEVICE_ADDED"]}}
    )
    types = frozenset({EventType.DEVICE_ADDED})
    assert definition == {"url": "", "document": DEFAULT, "event_types": types}
    assert secret is None


def test_the_largest_body_fits() -> None:
    """However many of its letters have to be escaped."""
    message = protocol.delivery(2**40, {"webhook-id": "msg_1"}, b'"' * LARGEST)
    assert len(orjson.dumps(message)) < protocol.MOST_BYTES
