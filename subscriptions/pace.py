"""Pace: so many messages and bytes a second, with a second's worth at once."""

from core.domain.ports import Clock


class Pace:
    """How much a connection has sent lately."""

    __slots__ = ("_at", "_clock", "_left", "_rates")

    def __init__(self, rates: tuple[int, int], clock: Clock) -> None:
        """So many messages, and bytes of them together, in a second."""
        self._rates = rates
        self._left: list[float] = list(rates)
        self._clock = clock
        self._at = clock.monotonic()

    def allows(self, size: int) -> bool:
        """Count a message of this size; whether there was room for it."""
        now = self._clock.monotonic()
        passed, self._at = now - self._at, now
        for index, (rate, taken) in enumerate(zip(self._rates, (1, size), strict=True)):
            self._left[index] = min(float(rate), self._left[index] + passed * rate) - taken
        return min(self._left) >= 0
