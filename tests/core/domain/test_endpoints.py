"""Endpoints: what may be stored of them, and when anything is sent."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, strategies as st

from core.domain.endpoints import (
    DEFAULT_RATE,
    LONGEST_DESCRIPTION,
    MOST,
    TURNS,
    EndpointStatus,
    Turn,
    check_room,
    checked_description,
    checked_rate_limit,
    checked_types,
    named,
    turned,
)
from core.domain.errors import Conflict, Invalid
from core.domain.events import EventType
from core.domain.health import Health
from core.domain.time import Uuid7
from tests.core.domain.webhooks import endpoint
from tests.fakes import START

E = EndpointStatus
SOON = START + timedelta(seconds=1)
ILL = Health().failed(START, "No.")


def test_the_table_is_whole() -> None:
    """Whatever it is, it can be resumed and disabled; what is disabled cannot be paused."""
    assert set(TURNS) == set(E)
    missing = {(status, turn) for status, turn in product(E, Turn) if turn not in TURNS[status]}
    assert missing == {(E.DISABLED, Turn.PAUSE)}
    ends = {Turn.PAUSE: E.PAUSED, Turn.RESUME: E.ACTIVE, Turn.DISABLE: E.DISABLED}
    assert all(end is ends[turn] for turns in TURNS.values() for turn, end in turns.items())


@pytest.mark.parametrize(("status", "turn"), list(product(E, Turn)))
def test_a_turn_is_the_table_s_or_none(status: EndpointStatus, turn: Turn) -> None:
    """One that changes nothing leaves everything; one that is not there is a conflict."""
    before = endpoint(status=status, health=ILL)
    if turn not in TURNS[status]:
        sentence = "Cannot pause endpoint endpoint_1: it is DISABLED. Resume it first."
        with pytest.raises(Conflict, match=sentence):
            turned(before, turn, SOON)
        return
    after = turned(before, turn, SOON, "Because.")
    if TURNS[status][turn] is status:
        assert after is before
        return
    assert (after.status, after.updated_at) == (TURNS[status][turn], SOON)
    assert after.active == (after.active_since == SOON) == (turn is Turn.RESUME)
    disabled = (SOON, "Because.") if turn is Turn.DISABLE else (None, None)
    assert (after.disabled_at, after.disabled_because) == disabled


def test_one_that_is_resumed_starts_afresh() -> None:
    """Its failures are forgotten; pausing and disabling forget nothing."""
    disabled = turned(endpoint(health=ILL), Turn.DISABLE, SOON, "It failed for 5 days.")
    assert disabled.health == ILL
    resumed = turned(disabled, Turn.RESUME, SOON)
    assert (resumed.health, resumed.disabled_at) == (Health(), None)
    assert turned(endpoint(health=ILL), Turn.PAUSE, SOON).health == ILL


@given(st.none() | st.frozensets(st.sampled_from(EventType)), st.sampled_from(EventType))
def test_it_wants_what_it_names(types: frozenset[EventType] | None, type: EventType) -> None:
    """Or everything."""
    assert replace(endpoint(), event_types=types).wants(type) == (types is None or type in types)


def test_types_are_named_or_left_out() -> None:
    """An empty list can only be a mistake."""
    assert checked_types(None) is None
    twice = [EventType.HOME_UPDATED, EventType.HOME_UPDATED]
    assert checked_types(twice) == frozenset(twice)
    with pytest.raises(Invalid, match="name at least one") as refused:
        checked_types([])
    assert refused.value.field == "eventTypes"


def test_a_rate_limit_has_a_range() -> None:
    """The field is the graph's; what is usual is in it."""
    assert checked_rate_limit(DEFAULT_RATE) == DEFAULT_RATE
    with pytest.raises(Invalid, match="1 to 1000") as refused:
        checked_rate_limit(0)
    assert refused.value.field == "rateLimit"


@pytest.mark.parametrize("text", ["", "Orders, staging", "Two\nlines", "Küche 🍳", "x" * 500])
def test_a_description_is_kept(text: str) -> None:
    """As it was written, but for spaces around it."""
    assert checked_description(f" {text}\n") == text


@pytest.mark.parametrize(
    "text",
    ["x" * (LONGEST_DESCRIPTION + 1), "a\0b", "a\tb", "a\rb", "a\u202eb", "\ud800", "\u200bx"],
)
def test_a_description_that_cannot_be_read_is_refused(text: str) -> None:
    """Too long, or with what nobody sees."""
    with pytest.raises(Invalid, match="at most 500 printable") as refused:
        checked_description(text)
    assert refused.value.field == "description"


@given(st.text(max_size=600))
def test_a_checked_description_stays(text: str) -> None:
    """Checking it again changes nothing."""
    try:
        once = checked_description(text)
    except Invalid:
        return
    assert checked_description(once) == once
    assert len(once) <= LONGEST_DESCRIPTION


def test_a_client_has_so_many_and_no_more() -> None:
    """A hundred."""
    check_room(MOST - 1)
    with pytest.raises(Conflict, match=f"{MOST} are the most"):
        check_room(MOST)


def test_an_id_that_no_endpoint_has() -> None:
    """It is told by its shape, so that no database is asked for what it could not even hold."""
    ours = Uuid7().new("endpoint")
    assert named(ours)
    others = [
        Uuid7().new("device"),
        ours[:-1],
        ours + "0",
        ours.upper(),
        ours + "\n",
        "endpoint_\0",
    ]
    assert not any(map(named, others))
