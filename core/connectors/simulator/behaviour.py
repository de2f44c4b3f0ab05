"""What every simulated device can do, as pure functions of state, target, time and chance.

A behaviour holds nothing and knows no clock: the same arguments and the same place in the random
source give the same answer. The base class is a device whose attributes change at once and never
by themselves; the kinds override what differs.
"""

from random import Random

from core.domain.devices import State


class Behaviour:
    """A device that does at once what it is told, and nothing by itself."""

    step: float | None = None
    """Seconds between two reports on the way; None where only the arrival is reported."""

    def aim(self, state: State, asked: State, random: Random) -> State:
        """Where a device in `state` ends up when asked: all that is asked, and what follows."""
        del random
        return state.merged(asked)

    def seconds(self, origin: State, target: State) -> float:
        """How long the way takes, in seconds; 0 means at once."""
        del origin, target
        return 0.0

    def between(self, origin: State, target: State, share: float) -> State:
        """The state after `share` (0 to below 1) of the time between the two."""
        del target, share
        return origin

    def idle(self, state: State, random: Random) -> float | None:
        """Seconds until the device in `state` next changes by itself; None is never."""
        del state, random
        return None

    def drift(self, state: State, seconds: float, random: Random) -> State:
        """What is different after `seconds` by itself; speaks only of attributes it changes."""
        del state, seconds, random
        return State()
