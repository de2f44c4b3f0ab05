"""One device without a clock: what it says of where it is."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.unit import Unit
from core.domain.devices import State, reached
from core.domain.ports import Report
from tests.core.connectors.simulator.house import found, state
from tests.fakes import stored

ASKED = st.fixed_dictionaries(
    {}, optional={"on": st.booleans(), "brightness": st.integers(0, 100)}
).map(state)
ORDER = 7


class Conversation(RuleBasedStateMachine):
    """A lamp, somebody who asks and presses, a reader of all and one who trusts only settled."""

    @initialize()
    def begin(self) -> None:
        """A lamp just adopted."""
        device = stored(found("lamp"), order=ORDER)
        self.unit = Unit(device, device.order)
        self.chance = Chance(1)
        self.now = 0.0
        self.all = self.settled = device.state
        self.order = ORDER
        self.asked = State()
        self.named: set[str] = set()

    @rule(asked=ASKED)
    def ask(self, asked: State) -> None:
        """A command arrives; without effect on a lamp at rest it is passed over in silence."""
        if self.unit.course is None:
            self.tell(whole=False)
            if self.unit.how.aim(self.unit.state, asked, self.chance) == self.unit.state:
                self.unit.ask(asked, self.now, self.chance)
                assert self.unit.report() is None
                return
        self.unit.ask(asked, self.now, self.chance)
        self.asked = asked
        self.named.update(asked.values())

    @rule(changed=ASKED)
    def press(self, changed: State) -> None:
        """A hand ends what was under way."""
        self.unit.jump(changed, self.now, self.chance)
        self.asked = State()

    @rule(seconds=st.floats(0, 0.5))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.unit.look(self.now)

    @precondition(lambda self: self.unit.course is not None)
    @rule()
    def step(self) -> None:
        """Time passes until there is more to say."""
        assert self.unit.course is not None
        self.wait(self.unit.pause(self.unit.course, self.now))

    @rule(whole=st.booleans())
    def tell(self, *, whole: bool) -> None:
        """A report, if there is anything to say."""
        report = self.unit.report(whole=whole)
        if report is not None:
            self._hear(report)
            if whole:
                assert report.state == self.unit.state

    def _hear(self, report: Report) -> None:
        assert report.order == self.order + 1
        self.order = report.order
        assert report.settled == (self.unit.course is None)
        self.all = self.all.merged(report.state)
        assert self.all == self.unit.state
        if report.settled:
            self.settled = self.settled.merged(report.state)
            assert self.settled == self.unit.state
            self._confirms(report)

    def _confirms(self, report: Report) -> None:
        said = report.state.values()
        assert self.named <= said.keys()
        for name, value in self.asked.values().items():
            assert reached(name, value, said[name])
        self.asked = State()
        self.named.clear()

    @invariant()
    def the_end_is_what_was_asked(self) -> None:
        """A lamp on its way is on its way to what was asked last."""
        if self.unit.course is not None:
            for name, value in self.asked.values().items():
                assert reached(name, value, getattr(self.unit.course.target, name))


TestConversation = Conversation.TestCase


def lamp() -> Unit:
    """A lamp, off at 60 %."""
    return Unit(stored(found("lamp")), 0)


def test_a_ramp_tells_what_changed_and_at_the_end_all_that_was_asked() -> None:
    """The settled report repeats what the unsettled ones said, so that it can confirm."""
    unit = lamp()
    unit.ask(State(on=True, brightness=100), 0.0, Chance(0))
    unit.look(0.1)
    assert unit.report() == Report("device_1", 1, State(on=True, brightness=70), settled=False)
    unit.look(0.4)
    assert unit.report() == Report("device_1", 2, State(on=True, brightness=100))
    assert unit.report() is None


def test_a_new_send_starts_from_where_the_lamp_is() -> None:
    """Retargeting takes the full time from the level of the moment."""
    unit = lamp()
    unit.ask(State(brightness=100), 0.0, Chance(0))
    unit.ask(State(brightness=0), 0.2, Chance(0))
    assert unit.course is not None
    assert unit.course.origin.brightness == 80
    unit.look(0.4)
    assert unit.state.brightness == 40
    unit.look(0.6)
    assert unit.state == State(on=False, brightness=0)


def test_a_read_on_the_way_makes_the_arrival_whole() -> None:
    """Who reads a device on its way gets everything again once it is settled."""
    unit = lamp()
    unit.ask(State(brightness=100), 0.0, Chance(0))
    unit.look(0.1)
    first = unit.report(whole=True)
    unit.look(0.4)
    last = unit.report()
    assert first == Report("device_1", 1, State(on=True, brightness=70), settled=False)
    assert last == Report("device_1", 2, State(on=True, brightness=100))


def test_repeating_a_request_does_not_start_the_way_again() -> None:
    """Asked for where it is going, a device just goes on."""
    unit = lamp()
    unit.ask(State(brightness=100), 0.0, Chance(0))
    course = unit.course
    unit.ask(State(brightness=100), 0.2, Chance(0))
    assert unit.course is course
