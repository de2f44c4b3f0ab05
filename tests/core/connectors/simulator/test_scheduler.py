"""The one task that does what is due."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.scheduler import BATCH, Scheduler
from tests.fakes import FakeClock, turns


def unexpected(error: BaseException) -> None:
    """No scheduler fails here."""
    raise error


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=30))
async def test_actions_are_done_when_due_and_in_order(plan: list[tuple[float, float]]) -> None:
    """Whenever it was asked for, each action is done at its time; ties go by age."""
    clock, done = FakeClock(), list[tuple[float, int]]()
    scheduler = Scheduler(clock, unexpected)
    due = []
    for number, (pause, seconds) in enumerate(plan):
        await clock.advance(pause)
        due.append((clock.monotonic() + seconds, number))
        scheduler.after(seconds, lambda n=number: done.append((clock.monotonic(), n)))  # type: ignore[misc]
    await clock.advance(11)
    await scheduler.close()
    assert [number for _, number in done] == [number for _, number in sorted(due)]
    assert [at for at, _ in done] == pytest.approx([at for at, _ in sorted(due)])


async def test_nothing_due_means_nobody_sleeps() -> None:
    """An idle scheduler sets no timer."""
    clock, done = FakeClock(), list[int]()
    scheduler = Scheduler(clock, unexpected)
    scheduler.after(1, lambda: done.append(1))
    await clock.advance(2)
    assert clock.due() is None
    scheduler.after(1, lambda: done.append(2))
    await clock.advance(2)
    await scheduler.close()
    assert done == [1, 2]


async def test_a_flood_lets_others_have_their_turn() -> None:
    """Many actions at once do not keep the loop from everybody else."""
    done = list[int]()
    scheduler = Scheduler(FakeClock(), unexpected)
    for number in range(3 * BATCH):
        scheduler.after(0, lambda n=number: done.append(n))  # type: ignore[misc]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(done) < 3 * BATCH
    await turns()
    assert len(done) == 3 * BATCH
    await scheduler.close()


async def test_a_closed_scheduler_does_nothing_more() -> None:
    """What was due later, or is asked for later, is dropped."""
    clock, done = FakeClock(), list[int]()
    scheduler = Scheduler(clock, unexpected)
    scheduler.after(1, lambda: done.append(1))
    await turns()
    await scheduler.close()
    scheduler.after(1, lambda: done.append(2))
    await clock.advance(5)
    await scheduler.close()
    assert done == []
    assert len(scheduler) == 0


def _broken() -> None:
    raise ValueError


async def test_a_bug_is_told() -> None:
    """An action that raises ends the task, and the owner learns why."""
    errors = list[BaseException]()
    scheduler = Scheduler(FakeClock(), errors.append)
    scheduler.after(0, _broken)
    await turns()
    assert [type(error) for error in errors] == [ValueError]
    await scheduler.close()
