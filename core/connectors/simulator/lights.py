"""Lights and switches: what people touch as the day goes, and the ramps of lamps."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.connectors.simulator.behaviour import Behaviour, along
from core.connectors.simulator.chance import Chance
from core.connectors.simulator.rhythm import Moment, Phase
from core.domain.devices import FULL_CIRCLE, Color, State

RAMP_SECONDS: Final = 0.4
TOUCHED: Final[Mapping[Phase, tuple[float, float]]] = {
    Phase.MORNING: (60.0, 300.0),
    Phase.HOME: (120.0, 900.0),
}
LEVELS: Final = (30, 50, 80, 100)
WHITES: Final = (2200, 2700, 3000, 4000)
COLORS: Final = (Color(24, 90), Color(210, 70), Color(280, 60), Color(340, 75))


class Lamp(Behaviour):
    """A light or a switch; people turn it on when it is dark, and off when they go or sleep."""

    def idle(self, state: State, moment: Moment, chance: Chance) -> float | None:
        """Some minutes while people are about; otherwise until they are."""
        del state
        return moment.pause(chance, TOUCHED)

    def drift(self, state: State, seconds: float, moment: Moment, chance: Chance) -> State:
        """Somebody was at the switch, perhaps."""
        del seconds
        if moment.phase in {Phase.ASLEEP, Phase.AWAY}:
            return State(on=False)
        if not chance.happens(0.8 if moment.dark is not state.on else 0.3):
            return State()
        return State(on=False) if state.on else self.lit(chance)

    def lit(self, chance: Chance) -> State:
        """How somebody who lives here turns it on."""
        del chance
        return State(on=True)


class Dimmer(Lamp):
    """A light whose brightness is the level that it has, or would have when on.

    Colour and colour temperature ramp along with it, where a lamp has them.
    """

    step = 0.1

    def aim(self, state: State, asked: State, chance: Chance) -> State:
        """A level without a word on the switch turns it on, 0 off; on at level 0 means full."""
        target = super().aim(state, asked, chance)
        if asked.brightness is not None:
            on = asked.on if asked.on is not None else asked.brightness > 0
            return replace(target, on=on)
        if asked.on and target.brightness == 0:
            return replace(target, brightness=100)
        return target

    def seconds(self, origin: State, target: State) -> float:
        """The switch works at once, everything else ramps."""
        return RAMP_SECONDS if replace(origin, on=target.on) != target else 0.0

    def between(self, origin: State, target: State, share: float) -> State:
        """Linear in the level, in kelvin and on the colour wheel; the switch is there already."""
        moved = replace(
            target,
            brightness=_between(origin.brightness, target.brightness, share),
            color_temperature=_between(origin.color_temperature, target.color_temperature, share),
        )
        if target.color is None or origin.color is None:
            return moved
        return replace(moved, color=mixed(origin.color, target.color, share))

    def lit(self, chance: Chance) -> State:
        """At a level that somebody likes."""
        return State(on=True, brightness=chance.pick(LEVELS))


class Tunable(Dimmer):
    """A dimmable light whose white can be chosen."""

    def lit(self, chance: Chance) -> State:
        """With the white that somebody likes."""
        return replace(super().lit(chance), color_temperature=chance.pick(WHITES))


class Colorful(Dimmer):
    """A dimmable light of any colour."""

    def lit(self, chance: Chance) -> State:
        """In the colour that somebody likes."""
        return replace(super().lit(chance), color=chance.pick(COLORS))


def mixed(begin: Color, end: Color, share: float) -> Color:
    """The colour on the way from one to the other, the short way round the wheel."""
    half = FULL_CIRCLE / 2
    turn = (end.hue - begin.hue + half) % FULL_CIRCLE - half
    hue = round((begin.hue + turn * share) % FULL_CIRCLE, 1) % FULL_CIRCLE
    return Color(hue, round(along(begin.saturation, end.saturation, share), 1))


def _between(begin: int | None, end: int | None, share: float) -> int | None:
    return None if end is None else round(along(begin, end, share))
