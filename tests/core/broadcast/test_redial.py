"""How a connection is kept, whatever becomes of it."""

import asyncio

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from core.broadcast import redial
from tests.core.broadcast.listening import until


@given(st.integers(1, 10_000))
def test_pauses_grow_and_end(failures: int) -> None:
    """Never none at all, never longer than the longest, and each from the half of its own on."""
    longest = min(redial.FIRST_SECONDS * 2 ** min(failures - 1, 30), redial.MOST_SECONDS)
    pause = redial._pause(failures)  # noqa: SLF001 - the time itself would have to pass
    assert longest / 2 <= pause <= longest


async def test_nothing_that_goes_wrong_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost server, a bug, several at once: it is talked with anew, and the log has the reason."""
    monkeypatch.setattr(redial, "FIRST_SECONDS", 0)
    several = BaseExceptionGroup("tasks", [ExceptionGroup("more", [OSError("gone")])])
    troubles = [redial.Lost("It left."), ValueError("bug"), TimeoutError(), several]
    left = list(troubles)

    async def talk() -> None:
        if left:
            raise left.pop(0)
        await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(redial.redial(talk, "h:1"))
        await until(lambda: len(logs) == len(troubles))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert {one["server"] for one in logs} == {"h:1"}
    reasons = ["Lost: It left.", "ValueError: bug", "It did not answer in time.", "OSError: gone"]
    assert [one["problem"] for one in logs] == reasons
