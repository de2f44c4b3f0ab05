"""Happenings in rows: asked, found in order, answered, forgotten; on both databases."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import func, select

from core.domain.devices import Color, State
from core.domain.errors import Invalid, Limited, Missing
from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from core.store import happenings as room
from core.store.happenings import Happening, Happenings, Outcome
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


async def test_what_is_asked_is_taken_up_once(estate: Estate, rows: Happenings) -> None:
    """Oldest first, as it was asked, by the one who looks after the home."""
    now, other = estate.house.clock.now(), await another_home(estate)
    asked = [
        press(estate, 1),
        Happening("happening_2", estate.home.id, Simulation("d", EVERYTHING, online=True)),
        Happening("happening_0", estate.home.id, Simulation("d", fault=DeviceFault.SLOW)),
        Happening("happening_4", estate.home.id, Pacing(estate.home.id, 0.5, 60)),
    ]
    await rows.ask(Happening("happening_9", other.id, Pacing(other.id, 2)), now)
    for number, one in enumerate(asked):
        await rows.ask(one, now + timedelta(microseconds=number))
    assert await rows.take((), now) == ()
    assert await rows.take({estate.home.id}, now) == asked
    assert await rows.take({estate.home.id}, now) == ()


async def test_two_who_take_up_at_a_time(estate: Estate, rows: Happenings) -> None:
    """What one gets, the other does not."""
    now = estate.house.clock.now()
    for number in range(20):
        await rows.ask(press(estate, number), now)
    home = {estate.home.id}
    taken = await asyncio.gather(*(rows.take(home, now) for _ in range(4)))
    assert sorted(one.id for part in taken for one in part) == sorted(
        f"happening_{number}" for number in range(20)
    )


async def test_another_home_keeps_nobody_waiting(
    estate: Estate, rows: Happenings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait in a home that nobody runs; and no home may have too many waiting."""
    monkeypatch.setattr(room, "BATCH", 2)
    monkeypatch.setattr(room, "WAITING", 4)
    now, other = estate.house.clock.now(), await another_home(estate)
    for number in range(4):
        await rows.ask(Happening(f"happening_a{number}", other.id, Pacing(other.id, 2)), now)
    with pytest.raises(Limited, match="4 things wait"):
        await rows.ask(Happening("happening_b", other.id, Pacing(other.id, 2)), now)
    await rows.ask(press(estate, 1), now)
    assert await rows.take({estate.home.id}, now) == [press(estate, 1)]


OUTCOMES = [None, Invalid("No.", "report"), Invalid("Never."), Missing("Gone."), "time"]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
async def test_an_outcome_is_found_by_whoever_asked(
    estate: Estate, rows: Happenings, outcome: Outcome | str
) -> None:
    """As it was told, refusals with their field."""
    now = estate.house.clock.now()
    told = HomeTime(now, 1.5) if isinstance(outcome, str) else outcome
    await rows.ask(press(estate, 1), now)
    assert await rows.answered("happening_1") is None
    await rows.answer("happening_1", told)
    answered = await rows.answered("happening_1")
    assert answered is not None
    found = answered[0]
    assert (type(found), str(found)) == (type(told), str(told))
    assert getattr(found, "field", None) == getattr(told, "field", None)


async def test_what_is_withdrawn_does_not_happen(estate: Estate, rows: Happenings) -> None:
    """Nor can it be withdrawn once somebody has taken it up."""
    now, home = estate.house.clock.now(), {estate.home.id}
    await rows.ask(press(estate, 1), now)
    assert await rows.withdraw("happening_1")
    assert await rows.take(home, now) == ()
    await rows.ask(press(estate, 2), now)
    assert await rows.take(home, now) == [press(estate, 2)]
    assert not await rows.withdraw("happening_2")


async def test_nothing_happens_long_after_it_was_asked(estate: Estate, rows: Happenings) -> None:
    """Whoever asked has given up by then; and rows do not pile up."""
    now = estate.house.clock.now()
    await rows.ask(press(estate, 1), now)
    later = now + room.FRESH + timedelta(seconds=1)
    assert await rows.take({estate.home.id}, later) == ()
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
    row = SimpleNamespace(home_id="h", body=room._asked_out(what))  # noqa: SLF001 - the codec alone
    assert room._asked_in(row) == what  # noqa: SLF001 - likewise
