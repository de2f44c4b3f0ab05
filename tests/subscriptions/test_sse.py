"""Event streams: what is written is what a reader after the standard reads, whatever is in it."""

import re

import pytest
from hypothesis import given, strategies as st

from subscriptions import sse
from tests.event_source import EventSource, Told

BREAK = re.compile("\r\n|\r")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
names = st.text("abcdefgh", min_size=1)
cursors = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1)


@given(
    told=st.lists(st.tuples(names, texts, st.none() | cursors)), sizes=st.lists(st.integers(1, 9))
)
def test_any_text_survives(told: list[tuple[str, str, str | None]], sizes: list[int]) -> None:
    """However it is cut on the way; a line break is a line break, whichever it was."""
    stream = sse.retry() + sse.COMMENT
    for name, text, cursor in told:
        stream += sse.event(name, text.encode(), cursor) + sse.COMMENT
    reader, found = EventSource(), []
    for size in [*sizes, len(stream)]:
        part, stream = stream[:size], stream[size:]
        found += reader.feed(part)
    last, expected = "", []
    for name, text, cursor in told:
        last = last if cursor is None else cursor
        expected.append(Told(name, BREAK.sub("\n", text), last))
    assert found == expected
    assert reader.comments == 1 + len(told)


def test_an_event_without_data_is_told_too() -> None:
    """No browser tells a page of an event that has no line of data."""
    assert EventSource().feed(sse.COMPLETE) == [Told("complete", "", "")]
    assert EventSource().feed(sse.whole(b"{}")) == [
        Told("next", "{}", ""),
        Told("complete", "", ""),
    ]


def test_a_place_is_kept_and_not_told() -> None:
    """What comes next without one of its own is after it."""
    reader = EventSource()
    assert reader.feed(sse.place("here")) == []
    assert reader.last_id == "here"
    assert reader.feed(sse.event("next", b"1")) == [Told("next", "1", "here")]


def test_clients_come_back_at_different_times() -> None:
    """Within a second of each other, and a second after the end at the earliest."""
    waits = set()
    for _ in range(50):
        reader = EventSource()
        assert reader.feed(sse.retry()) == []
        assert reader.retry is not None
        assert sse.RETRY_MS <= reader.retry < 2_100
        waits.add(reader.retry)
    assert len(waits) > 10


@pytest.mark.parametrize("cursor", ["a\nb", "a\r", "\0"])
def test_an_id_that_is_more_than_one_line(cursor: str) -> None:
    """It would be read as something else."""
    with pytest.raises(ValueError, match="one line"):
        sse.place(cursor)
