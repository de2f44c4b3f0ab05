"""What every simulated device can do, as pure functions of state, target, moment and chance.

A behaviour holds nothing and knows no clock: the same arguments and the same place in the source of
chance give the same answer. The base class is a device whose attributes change at once and never by
themselves; the kinds override what differs.
"""

from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment
from core.domain.devices import State


class Behaviour:
    """A device that does at once what it is told, and nothing by itself."""

    step: float | None = None
    """Seconds between two reports on the way; None where only the arrival is reported."""

    def aim(self, state: State, asked: State, chance: Chance) -> State:
        """Where a device in `state` ends up when asked: all that is asked, and what follows."""
        del chance
        return state.merged(asked)

    def seconds(self, origin: State, target: State) -> float:
        """How long the way takes, in seconds; 0 means at once."""
        del origin, target
        return 0.0

    def between(self, origin: State, target: State, share: float) -> State:
        """The state after `share` (0 to below 1) of the time between the two."""
        del target, share
        return origin

    def jams(self, state: State, target: State, chance: Chance) -> bool:
        """Whether the device tries, and stays as it is."""
        del state, target, chance
        return False

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Seconds until the device in `state` next changes by itself; None is never."""
        del state, moment, chance
        return None

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """What it heads for after `seconds` by itself; speaks only of attributes it changes."""
        del state, seconds, moment, chance
        return State()


def along(begin: float | None, end: float | None, share: float) -> float:
    """Linear from one number to another; a missing one counts as 0."""
    first, last = begin or 0.0, end or 0.0
    return first + (last - first) * share


def drained(battery: int | None, share: float, chance: Chance) -> int | None:
    """The battery after some use, of which this share costs 1 %; it never runs out."""
    if battery is None or not chance.happens(share):
        return battery
    return max(min(battery, 1), battery - 1)
