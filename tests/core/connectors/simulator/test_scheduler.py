"""The one task that does what is due, in all homes."""

import asyncio
from functools import partial

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.scheduler import BATCH, Scheduler
from core.connectors.simulator.timeline import Timeline
from tests.fakes import FakeClock, turns


def unexpected(error: BaseException) -> None:
    """No scheduler fails here."""
    raise error


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.integers(0, 3)), max_size=30))
async def test_actions_are_done_when_due_and_in_order(
    plan: list[tuple[float, float, int]],
) -> None:
    """In whichever home and whenever it was asked for, each action is done at its time."""
    clock, done = FakeClock(), list[tuple[float, int]]()
    scheduler = Scheduler(clock, unexpected)
    homes = [Timeline(0.0) for _ in range(4)]
    due = []
    for number, (pause, seconds, home) in enumerate(plan):
        await clock.advance(pause)
        due.append((clock.monotonic() + seconds, number))
        scheduler.after(
            homes[home],
            seconds,
            lambda n=number: done.append((clock.monotonic(), n)),  # type: ignore[misc]
        )
    await clock.advance(11)
    await scheduler.close()
    assert sorted(number for _, number in done) == [number for number, _ in enumerate(plan)]
    at = {number: when for when, number in done}
    assert [at[number] for _, number in due] == pytest.approx([when for when, _ in due])


async def test_nothing_due_means_nobody_sleeps() -> None:
    """An idle scheduler sets no timer."""
    clock, done, home = FakeClock(), list[int](), Timeline(0.0)
    scheduler = Scheduler(clock, unexpected)
    scheduler.after(home, 1, partial(done.append, 1))
    await clock.advance(2)
    assert clock.due() is None
    scheduler.after(home, 1, partial(done.append, 2))
    await clock.advance(2)
    await scheduler.close()
    assert done == [1, 2]


async def test_a_flood_lets_others_have_their_turn() -> None:
    """Many actions at once keep neither the loop nor another home from going on."""
    done, clock = list[int](), FakeClock()
    scheduler = Scheduler(clock, unexpected)
    busy, quiet = Timeline(0.0), Timeline(0.0)
    for number in range(3 * BATCH):
        scheduler.after(busy, 0, partial(done.append, number))
    scheduler.after(quiet, 0, partial(done.append, -1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(done) < 3 * BATCH
    assert -1 in done
    await turns()
    assert len(done) == 3 * BATCH + 1
    await scheduler.close()


async def test_a_thousand_homes_are_one_task() -> None:
    """And a pace that changes all the time leaves nothing behind."""
    clock, done = FakeClock(), list[int]()
    scheduler = Scheduler(clock, unexpected)
    before = asyncio.all_tasks()
    homes = [Timeline(0.0) for _ in range(1000)]
    for number, home in enumerate(homes):
        scheduler.after(home, number + 1, partial(done.append, number))
    for speed in range(1, 101):
        scheduler.pace(homes[999], float(speed), 0.0)
    await turns()
    assert len(asyncio.all_tasks() - before) == 2  # the task and its nap
    assert len(scheduler._heap) < 2200  # noqa: SLF001 - the room is the point
    await clock.advance(11)
    assert sorted(done) == [*range(11), 999]
    scheduler.drop(homes[500])
    assert len(scheduler) == 1000 - 13
    await scheduler.close()


async def test_a_pace_takes_effect_at_once() -> None:
    """Who hurries a home does not wait for when its next action was due before."""
    clock, done, home = FakeClock(), list[float](), Timeline(0.0)
    scheduler = Scheduler(clock, unexpected)
    scheduler.after(home, 100, lambda: done.append(clock.monotonic()))
    await clock.advance(10)
    scheduler.pace(home, 0.0, 0.0)
    await clock.advance(500)
    assert done == []
    scheduler.pace(home, 10.0, 0.0)
    await clock.advance(9.1)
    await scheduler.close()
    assert done == [pytest.approx(519)]


async def test_a_closed_scheduler_does_nothing_more() -> None:
    """What was due later, or is asked for later, is dropped."""
    clock, done, home = FakeClock(), list[int](), Timeline(0.0)
    scheduler = Scheduler(clock, unexpected)
    scheduler.after(home, 1, partial(done.append, 1))
    await turns()
    await scheduler.close()
    scheduler.after(home, 1, partial(done.append, 2))
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
    scheduler.after(Timeline(0.0), 0, _broken)
    await turns()
    assert [type(error) for error in errors] == [ValueError]
    await scheduler.close()
