"""What watchers ask for."""

from hypothesis import given, strategies as st

from core.domain.events import Event, EventType
from core.domain.homes import Home
from core.domain.ports import Wanted
from tests.core.domain.records import device, event
from tests.fakes import HOME

OTHER = Home("home_2", "Elsewhere", "UTC")
KINDS = st.sampled_from(EventType)
IDS = st.sampled_from(["device_1", "device_2"])
ABOUT = (
    st.builds(device, number=st.sampled_from([1, 2]), home=st.sampled_from([HOME, OTHER]))
    | st.none()
)
EVENTS = st.builds(event, KINDS, st.just(1), ABOUT, st.sampled_from([HOME, OTHER]))


@given(EVENTS)
def test_who_asks_for_nothing_in_particular_gets_everything(told: Event) -> None:
    """No condition is one that always holds."""
    assert Wanted().matches(told)


@given(
    EVENTS,
    st.none() | st.frozensets(KINDS),
    st.none() | st.frozensets(IDS),
    st.none() | st.sampled_from([HOME.id, OTHER.id]),
)
def test_all_conditions_hold_together(
    told: Event,
    types: frozenset[EventType] | None,
    device_ids: frozenset[str] | None,
    home_id: str | None,
) -> None:
    """An event is asked for where each condition by itself asks for it."""
    single = (Wanted(types=types), Wanted(device_ids=device_ids), Wanted(home_id=home_id))
    assert Wanted(types, device_ids, home_id).matches(told) == all(w.matches(told) for w in single)


@given(EVENTS, st.frozensets(KINDS), st.frozensets(IDS))
def test_a_condition_is_a_set(
    told: Event, types: frozenset[EventType], ids: frozenset[str]
) -> None:
    """An empty one asks for nothing; a home's own events are of no device."""
    assert Wanted(types=types).matches(told) == (told.type in types)
    assert Wanted(device_ids=ids).matches(told) == bool(told.device and told.device.id in ids)
    assert Wanted(home_id=HOME.id).matches(told) == (told.home is HOME)
