"""Sensors that see people."""

from hypothesis import given

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment, Phase
from core.connectors.simulator.sensors import Contact, Motion
from core.domain.devices import State
from tests.core.connectors.simulator.moments import CHANCES, MOMENTS, moment


@given(CHANCES, MOMENTS)
def test_what_began_ends(chance: Chance, now: Moment) -> None:
    """Motion ends in seconds, a door is closed in minutes, whoever is there."""
    assert Motion().drift(State(motion=True), 9, now, chance).motion is False
    assert Contact().drift(State(contact=False), 9, now, chance).contact is True
    assert (Motion().idle(State(motion=True), now, chance) or 0) <= 90
    assert (Contact().idle(State(contact=False), now, chance) or 0) <= 600


@given(CHANCES, MOMENTS)
def test_nobody_moves_where_nobody_is(chance: Chance, now: Moment) -> None:
    """While all are out nothing begins, and who sleeps opens no window."""
    if now.phase is Phase.AWAY:
        assert Motion().drift(State(motion=False), 9, now, chance) == State()
    if now.phase in {Phase.AWAY, Phase.ASLEEP}:
        assert Contact().drift(State(contact=True), 9, now, chance) == State()


def test_mornings_bustle() -> None:
    """Somebody walks by every other minute or so; in a calm home some times an hour."""
    chance = Chance(1)
    quiet = State(motion=False)
    lively = [Motion().idle(quiet, moment(7.1), chance) or 0 for _ in range(100)]
    calm = [Motion().idle(quiet, moment(18, calm=True), chance) or 0 for _ in range(100)]
    assert max(lively) <= 150
    assert min(calm) >= 400
    drifts = [Motion().drift(quiet, 9, moment(3), chance) for _ in range(100)]
    assert 20 < sum(drift.motion is True for drift in drifts) < 60
