"""The pure half of how a simulated device goes wrong: what it does instead of what it is asked."""

from typing import Any, Final

from core.domain.devices import TABLE, Color, State

HALF: Final = 50.0


def wrong(asked: State) -> State:
    """Other values for the same attributes: in range, and none within the tolerance."""
    return State(**{name: _other(name, value) for name, value in asked.values().items()})


def _other(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, Color):
        away = HALF if value.saturation < HALF else -HALF
        return Color(value.hue, value.saturation + away)
    least, most = TABLE[name].least or 0, TABLE[name].most or 0
    away = (most - least) / 10
    return type(value)(value + away if value + away <= most else value - away)
