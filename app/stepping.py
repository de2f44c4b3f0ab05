"""Stepping: work that usually need not wait, done at once and without a task or a timer of its own.

The work must not ask for the current task before it waits for the first time: it may be in none.
"""

from collections.abc import Awaitable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Rest(Generic[T]):
    """What is left of work that has begun to wait. Awaited, once, it goes on.

    Not a subclass of `Awaitable`, by which every look at what it is would take a microsecond.
    """

    __slots__ = ("_steps", "_waits_for")

    def __init__(self, steps: Generator[Any, Any, T], waits_for: Any) -> None:
        """`waits_for` is what they have yielded: a future, as event loops understand it."""
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        """Go on where the work stopped."""
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the work's
                step = partial(self._steps.throw, error)
            else:
                step = partial(self._steps.send, sent)
            try:
                waits_for = step()
            except StopIteration as done:
                value: T = done.value
                return value


def begun(work: Awaitable[T]) -> T | Rest[T]:
    """Do as much as can be done now: all of it, or what is left.

    Raises what the work raises.
    """
    steps = work.__await__()
    try:
        waits_for = steps.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    return Rest(steps, waits_for)
