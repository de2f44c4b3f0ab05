"""What has a motor: fans, blinds, garage doors, locks."""

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.movers import Blind, Bolt, Fan, GarageDoor
from core.connectors.simulator.rhythm import Moment
from core.connectors.simulator.unit import Unit
from core.domain.devices import State
from tests.core.connectors.simulator.house import House, found
from tests.core.connectors.simulator.moments import CHANCES, LEVELS, MOMENTS, SHARES, moment
from tests.fakes import stored

ASKED = st.one_of(st.builds(State, on=st.booleans()), st.builds(State, fan_speed=LEVELS))


@given(st.lists(ASKED, min_size=1, max_size=9), CHANCES)
def test_a_fan_makes_sense(asked: list[State], chance: Chance) -> None:
    """However it is told, off is speed 0 and on is not."""
    state = State(on=False, fan_speed=0)
    for one in asked:
        state = Fan().aim(state, one, chance)
        assert state.on is (state.fan_speed != 0)


@given(LEVELS, LEVELS, SHARES, SHARES)
def test_blades_speed_up_evenly(begin: int, end: int, early: float, late: float) -> None:
    """A fan never turns slower on its way up, nor faster on its way down."""
    early, late = sorted((early, late))
    origin, target = State(on=True, fan_speed=begin), State(on=True, fan_speed=end)
    before = Fan().between(origin, target, early).fan_speed or 0
    after = Fan().between(origin, target, late).fan_speed or 0
    assert (before <= after) if begin <= end else (before >= after)
    assert Fan().seconds(origin, target) <= 2


@given(CHANCES, MOMENTS)
def test_a_fan_that_runs_is_turned_off(chance: Chance, now: Moment) -> None:
    """Nobody leaves it running for ever."""
    running = State(on=True, fan_speed=60)
    assert Fan().drift(running, 60, now, chance) == State(on=False)


@given(
    st.sampled_from(["blind", "garage door"]),
    LEVELS,
    st.lists(st.tuples(LEVELS, st.floats(0, 25)), min_size=1, max_size=6),
)
def test_travel_ends_where_it_was_last_asked(
    product: str, begin: int, asked: list[tuple[int, float]]
) -> None:
    """Whatever was asked on the way, each time it heads there at once, by the shortest way."""
    unit, now = Unit(stored(found(product)), 0), 0.0
    unit.state = State(position=begin)
    for position, seconds in asked:
        unit.ask(State(position=position), now, Chance(0))
        before = unit.state.position or 0
        now += seconds
        unit.look(now)
        here = unit.state.position
        assert here is not None
        assert min(before, position) <= here <= max(before, position)
    unit.look(now + 20.1)
    assert unit.state.position == asked[-1][0]
    assert unit.course is None


@given(st.floats(0.1, 19.8))
def test_travel_is_stopped_by_asking_for_where_it_is(seconds: float) -> None:
    """It stands there at once, and says so in a settled report."""
    unit = Unit(stored(found("blind")), 0)
    unit.ask(State(position=0), 0, Chance(0))
    unit.look(seconds)
    here = unit.state.position
    unit.ask(State(position=here), seconds, Chance(0))
    report = unit.report()
    assert report is not None
    assert report.settled
    assert report.state == State(position=here)


@pytest.mark.parametrize(("product", "to", "seconds"), [("blind", 0, 20), ("garage door", 100, 12)])
async def test_travel_is_told_each_second(product: str, to: int, seconds: int) -> None:
    """The whole way takes its time, in unsettled reports, and ends in a settled one."""
    async with House() as house:
        device = await house.add(product)
        await house.send(device, State(position=to))
        heard = await house.after(seconds + 1)
    assert len(heard) == seconds
    assert [report.settled for report in heard] == [False] * (seconds - 1) + [True]
    assert heard[-1].state == State(position=to)


async def test_a_newer_position_turns_a_blind() -> None:
    """It comes back from where it was."""
    async with House() as house:
        blind = await house.add("blind")
        await house.send(blind, State(position=0))
        await house.after(10)
        await house.send(blind, State(position=100))
        heard = await house.after(11)
    positions = [report.state.position or 0 for report in heard]
    assert positions == sorted(positions)
    assert 50 <= positions[0] < 60
    assert positions[-1] == 100


async def test_a_hand_stops_a_door() -> None:
    """Pressed on its way, it stands where the hand left it."""
    async with House() as house:
        door = await house.add("garage door")
        await house.send(door, State(position=100))
        await house.after(6)
        house.press(door, State(position=30))
        (heard,) = await house.after(20)
    assert heard.settled
    assert heard.state.position == 30


@pytest.mark.parametrize(("hour", "position"), [(3, 0), (12, 100), (21, 0)])
def test_blinds_follow_the_light(hour: float, position: int) -> None:
    """Up by day, down by night."""
    drifted = Blind().drift(State(position=50), 60, moment(hour), Chance(0))
    assert drifted == State(position=position)


@pytest.mark.parametrize(("hour", "position"), [(8.52, 100), (12, 0), (17.01, 100), (20, 0)])
def test_the_garage_opens_for_those_who_pass(hour: float, position: int) -> None:
    """When they leave at half past eight and come back at five."""
    drifted = GarageDoor().drift(State(position=0), 60, moment(hour), Chance(0))
    assert drifted == State(position=position)
    assert GarageDoor().drift(State(position=100), 60, moment(hour), Chance(0)).position == 0


def test_one_bolt_in_a_hundred_jams() -> None:
    """And never one that does not have to move."""
    shut, open_, chance = State(locked=True), State(locked=False), Chance(3)
    assert 60 < sum(Bolt().jams(shut, open_, chance) for _ in range(10_000)) < 140
    assert not any(Bolt().jams(shut, shut, chance) for _ in range(1000))


def test_a_jammed_lock_says_that_it_stayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It tries for a second, reports itself settled as it was, and is free the next time."""
    unit = Unit(stored(found("lock")), 0)
    monkeypatch.setattr("core.connectors.simulator.movers.JAM", 1.0)
    unit.ask(State(locked=False), 0, Chance(0))
    unit.look(0.9)
    assert unit.report() is None
    unit.look(1.0)
    report = unit.report()
    assert report is not None
    assert (report.settled, report.state.locked) == (True, True)
    monkeypatch.setattr("core.connectors.simulator.movers.JAM", 0.0)
    unit.ask(State(locked=False), 2, Chance(0))
    unit.look(3)
    assert unit.state.locked is False


def test_a_still_lock_never_jams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no life of its own just does what it is told."""
    monkeypatch.setattr("core.connectors.simulator.movers.JAM", 1.0)
    unit = Unit(stored(found("lock")), 0, lively=False)
    unit.ask(State(locked=False), 0, Chance(0))
    unit.look(1)
    assert unit.state.locked is False
