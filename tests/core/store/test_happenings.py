"""Happenings in rows: asked, found in order, answered, forgotten; on both databases."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import func, select

from core.domain.devices import Color, State
from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from core.store import happenings as room
from core.store.happenings import Answer, Happening, Happenings, Refusal
from core.store.tables import happenings
from tests.core.services.estate import Estate, another_home

EVERYTHING = State(on=True, color=Color(12.5, 40.0), temperature=-3.5, motion=False)


@pytest.fixture
def rows(estate: Estate) -> Happenings:
    """The rows of the estate's database."""
    return Happenings(estate.house.database)


def press(estate: Estate, number: int) -> Happening:
    """Something to happen at the lamp."""
    what = Simulation(estate.lamp.id, State(brightness=number))
    return Happening(f"happening_{number}", estate.home.id, what)


async def test_what_is_asked_is_found_oldest_first(estate: Estate, rows: Happenings) -> None:
    """In the homes that one looks after, as it was asked."""
    now, other = estate.house.clock.now(), await another_home(estate)
    asked = [
        press(estate, 1),
        Happening("happening_2", estate.home.id, Simulation("d", EVERYTHING, online=True)),
        Happening("happening_3", estate.home.id, Simulation("d", fault=DeviceFault.SLOW)),
        Happening("happening_4", estate.home.id, Pacing(estate.home.id, 0.5, 60)),
    ]
    for one in [*asked[::-1], Happening("happening_0", other.id, Pacing(other.id, 2))]:
        await rows.ask(one, now)
    assert await rows.waiting({estate.home.id}, now) == asked
    assert await rows.waiting((), now) == []


@pytest.mark.parametrize(
    "answer", [None, Refusal("No.", "report"), Refusal("Never."), "time"], ids=str
)
async def test_an_answer_is_found_by_whoever_asked(
    estate: Estate, rows: Happenings, answer: Answer | str
) -> None:
    """Once it is answered it waits no more."""
    now = estate.house.clock.now()
    given = HomeTime(now, 1.5) if isinstance(answer, str) else answer
    await rows.ask(press(estate, 1), now)
    assert await rows.answered("happening_1") is None
    await rows.answer("happening_1", given)
    assert await rows.answered("happening_1") == (given,)
    assert await rows.waiting({estate.home.id}, now) == []


async def test_nothing_happens_long_after_it_was_asked(estate: Estate, rows: Happenings) -> None:
    """Whoever asked has given up by then; and rows do not pile up."""
    now = estate.house.clock.now()
    await rows.ask(press(estate, 1), now)
    later = now + room.FRESH + timedelta(seconds=1)
    assert await rows.waiting({estate.home.id}, later) == []
    await rows.ask(press(estate, 2), now + room.KEPT + timedelta(seconds=1))
    (counted,) = await estate.house.database.rows(select(func.count()).select_from(happenings))
    assert counted[0] == 1


numbers = st.floats(allow_nan=False, allow_infinity=False)
states = st.builds(State, on=st.none() | st.booleans(), energy=st.none() | numbers)
simulations = st.builds(
    Simulation,
    device_id=st.text(),
    report=states.filter(lambda state: state.values() != {}) | st.none(),
    online=st.none() | st.booleans(),
    fault=st.none() | st.sampled_from(DeviceFault),
    fault_seconds=st.integers(1, 86_400),
)
pacings = st.builds(Pacing, st.just("h"), st.none() | numbers, numbers)


@given(simulations | pacings)
def test_what_is_written_is_what_is_read(what: Simulation | Pacing) -> None:
    """Every happening survives its row."""
    assert room._asked_in("h", room._asked_out(what)) == what  # noqa: SLF001 - the codec alone
