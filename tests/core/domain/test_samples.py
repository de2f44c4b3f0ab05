"""Samples: events as they come, the same each time."""

from datetime import timedelta

from hypothesis import given, strategies as st

from core.domain.events import EventType
from core.domain.samples import sample
from core.store import codec
from tests.fakes import START


@given(st.sampled_from(EventType), st.integers(0, 10**6))
def test_a_sample_is_whole(type: EventType, seconds: int) -> None:
    """It has what its type has, knows itself again, and can be kept."""
    now = START + timedelta(seconds=seconds)
    event = sample(type, now)
    assert (event.type, event.occurred_at, event.id) == (type, now, sample(type, START).id)
    assert (event.device is None) == (type is EventType.HOME_UPDATED)
    assert (event.command is not None) == (type is EventType.COMMAND_UPDATED)
    assert (event.previous is not None) == (type is EventType.DEVICE_STATUS_CHANGED)
    body = codec.event_out(event)
    assert codec.event_in(type.value, event.place, event.sequence, now, body) == event
