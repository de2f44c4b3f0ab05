"""The time of one home: against a model, and in its corners."""

from functools import partial

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.timeline import SLOPPY, Timeline

PACES = st.lists(
    st.tuples(
        st.floats(0, 50),
        st.sampled_from([None, 0.0, 0.5, 1.0, 100.0]),
        st.sampled_from([0.0, 0.0, 3.0, 500.0]),
    ),
    max_size=12,
)


def nothing() -> None:
    """An action whose time is all that counts."""


def run(timeline: Timeline, until: float) -> None:
    """Do what is due up to this world time."""
    while (due := timeline.due(until)) is not None and due <= until:
        timeline.act()


@given(st.lists(st.floats(0, 1000), max_size=30), PACES)
def test_whatever_the_pace_actions_happen_at_their_times(
    waits: list[float], paces: list[tuple[float, float | None, float]]
) -> None:
    """Each action sees exactly its own time, in order, and none before the home got there."""
    timeline, world = Timeline(0.0), 0.0
    seen: list[tuple[float, int]] = []

    def act(number: int) -> None:
        seen.append((timeline.now(world), number))

    for number, wait in enumerate(waits):
        timeline.after(world, wait, partial(act, number))
    latest = 0.0
    for seconds, speed, step in paces:
        world += seconds
        run(timeline, world)
        assert timeline.now(world) >= latest
        latest = timeline.now(world)
        timeline.pace(world, speed, step)
        run(timeline, world)
    told = timeline.told(world)
    expected = sorted((wait, number) for number, wait in enumerate(waits))
    assert seen == expected[: len(seen)]
    assert all(wait > told - 1e-6 for wait, _ in expected[len(seen) :])


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=200))
def test_what_is_cancelled_does_not_happen(actions: list[tuple[float, bool]]) -> None:
    """And all the rest does, however much was swept out."""
    timeline, done = Timeline(0.0), list[int]()
    dues = [
        timeline.after(0.0, wait, partial(done.append, number))
        for number, (wait, _) in enumerate(actions)
    ]
    for due, (_, stays) in zip(dues, actions, strict=True):
        if not stays:
            timeline.cancel(due)
            timeline.cancel(due)
    assert len(timeline) == sum(stays for _, stays in actions)
    run(timeline, 101.0)
    assert sorted(done) == [number for number, (_, stays) in enumerate(actions) if stays]
    assert len(timeline) == 0


def test_cancelled_actions_do_not_pile_up() -> None:
    """What is planned and unplanned for ever needs no room."""
    timeline = Timeline(0.0)
    for _ in range(10_000):
        timeline.cancel(timeline.after(0.0, 9e9, nothing))
    assert len(timeline._heap) <= 2 * SLOPPY  # noqa: SLF001 - the room is the point


def test_a_held_home_stands() -> None:
    """Nothing is due while its speed is 0, except what was stepped over."""
    timeline, done = Timeline(10.0), list[str]()
    timeline.after(10.0, 5.0, partial(done.append, "first"))
    timeline.after(10.0, 50.0, partial(done.append, "second"))
    timeline.pace(12.0, 0.0, 0.0)
    assert timeline.due(1e9) is None
    assert timeline.now(1e9) == 2.0
    timeline.pace(20.0, None, 10.0)
    run(timeline, 20.0)
    assert done == ["first"]
    assert timeline.told(99.0) == 12.0


def test_time_does_not_outrun_what_is_due() -> None:
    """Who asks for the time before a late action was done gets that action's time."""
    timeline = Timeline(0.0)
    timeline.after(0.0, 5.0, nothing)
    assert timeline.now(30.0) == 5.0
    assert timeline.told(30.0) == 30.0
    timeline.act()
    assert timeline.now(30.0) == 30.0


def test_an_action_that_holds_the_home_holds_it_at_its_own_time() -> None:
    """However late the world comes round to it."""
    timeline = Timeline(0.0)
    timeline.after(0.0, 5.0, lambda: timeline.pace(7.0, 0.0, 0.0))
    timeline.act()
    assert timeline.now(100.0) == 5.0


def test_an_action_that_fails_leaves_time_in_order() -> None:
    """The next one is done as if nothing had been."""
    timeline, done = Timeline(0.0), list[int]()
    timeline.after(0.0, 1.0, [].pop)
    timeline.after(0.0, 2.0, partial(done.append, 2))
    with pytest.raises(IndexError):
        timeline.act()
    timeline.act()
    timeline.act()
    assert done == [2]
