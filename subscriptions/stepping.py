"""Stepping: work that usually need not wait, done at once and without a task of its own."""

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


class Rest(Awaitable[None]):
    """What is left of work that has to wait. Await it, once, in a task."""

    __slots__ = ("_waits_for", "_work")

    def __init__(self, work: Coroutine[Any, Any, object], waits_for: Any) -> None:
        """`waits_for` is what the work has yielded: a future, as event loops understand it."""
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        """Go on where the work stopped."""
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the work's to deal with
                step = self._throw(error)
            else:
                step = self._send(sent)
            if step is _ENDED:
                return
            waits_for = step

    def _send(self, value: object) -> Any:
        try:
            return self._work.send(value)
        except StopIteration:
            return _ENDED

    def _throw(self, error: BaseException) -> Any:
        try:
            return self._work.throw(error)
        except StopIteration:
            return _ENDED


def begun(work: Coroutine[Any, Any, object]) -> Rest | None:
    """Do as much as can be done now; None where that is all of it.

    The work must not ask for the current task before it waits for the first time: it is in none.
    Raises what the work raises.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return Rest(work, waits_for)


_ENDED = object()
