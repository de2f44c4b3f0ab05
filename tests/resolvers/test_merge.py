"""The merged log in memory: order, resumption and the budget."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from hypothesis import given, strategies as some

from core.domain.events import Event, EventType
from core.domain.homes import Home
from resolvers.merge import Budget, Merge
from tests.fakes import START

Logs = Mapping[str, Sequence[Event]]

LOGS = some.lists(some.lists(some.integers(0, 5), max_size=8), max_size=4)
"""Seconds at which the events of each home happened, in the order of places."""


def logs_of(times: list[list[int]]) -> Logs:
    """Logs of homes `home_0` and so on."""
    return {
        f"home_{at}": [
            Event(
                id=f"event_{at}_{place}",
                type=EventType.HOME_UPDATED,
                home=Home(f"home_{at}", "", "UTC"),
                place=place,
                sequence=place,
                occurred_at=START + timedelta(seconds=second),
            )
            for place, second in enumerate(seconds, 1)
        ]
        for at, seconds in enumerate(times)
    }


def merge_of(
    logs: Logs, places: Mapping[str, int] | None = None, chunk: int = 2, budget: int = 1_000
) -> Merge:
    """A merge that reads these logs."""

    async def read(home_id: str, after: int, limit: int) -> Sequence[Event]:
        return logs[home_id][after : after + limit]

    return Merge(read, places or dict.fromkeys(logs, 0), chunk, Budget(budget))


async def taken(merge: Merge, most: int = 1_000) -> list[str]:
    """The ids of the next events, at most so many."""
    found: list[str] = []
    while len(found) < most and (event := await merge.peek()) is not None:
        merge.take(event)
        found.append(event.id)
    return found


@given(LOGS, some.integers(1, 4))
async def test_everything_comes_once_and_each_log_in_order(
    times: list[list[int]], chunk: int
) -> None:
    """However little is read at a time, nothing is lost, repeated or turned round."""
    logs = logs_of(times)
    found = await taken(merge_of(logs, chunk=chunk))
    assert sorted(found) == sorted(one.id for log in logs.values() for one in log)
    for home_id, log in logs.items():
        ours = [one for one in found if one.startswith(home_id.replace("home", "event") + "_")]
        assert ours == [one.id for one in log]


@given(LOGS)
async def test_logs_with_honest_clocks_come_by_time(times: list[list[int]]) -> None:
    """By time, then home, then place."""
    logs = logs_of([sorted(seconds) for seconds in times])
    events = [event for log in logs.values() for event in log]
    events.sort(key=lambda one: (one.occurred_at, one.home.id, one.place))
    assert await taken(merge_of(logs)) == [one.id for one in events]


@given(LOGS, some.integers(0, 12), some.integers(1, 3), some.integers(1, 3))
async def test_going_on_from_any_place_is_the_same(
    times: list[list[int]], stop: int, one_chunk: int, other_chunk: int
) -> None:
    """What comes next depends on the places alone, whatever had been read ahead."""
    logs = logs_of(times)
    whole = await taken(merge_of(logs, chunk=one_chunk))
    first = merge_of(logs, chunk=one_chunk)
    begun = await taken(first, stop)
    rest = await taken(merge_of(logs, first.places or None, chunk=other_chunk))
    assert begun + rest == whole


@given(LOGS, some.integers(1, 12))
async def test_a_budget_stops_and_does_not_lose(times: list[list[int]], budget: int) -> None:
    """With less than it needs it says that it is spent, and the places lead on."""
    logs = logs_of(times)
    whole = await taken(merge_of(logs))
    merge = merge_of(logs, budget=budget)
    begun = await taken(merge)
    assert merge.spent or begun == whole
    assert begun + await taken(merge_of(logs, merge.places or None)) == whole


async def test_no_more_is_read_than_the_budget() -> None:
    """The budget holds over all homes together."""
    read: list[int] = []
    logs = logs_of([[0] * 8, [0] * 8])

    async def reading(home_id: str, after: int, limit: int) -> Sequence[Event]:
        found = logs[home_id][after : after + limit]
        read.append(len(found))
        return found

    merge = Merge(reading, dict.fromkeys(logs, 0), chunk=3, budget=Budget(10))
    await taken(merge)
    assert merge.spent
    assert sum(read) <= 10


async def test_nothing_left_is_no_spent_budget() -> None:
    """The end of the log is the end."""
    for places in ({"home_0": 8}, {"home_0": 3}):
        merge = merge_of(logs_of([[0] * 8]), places)
        await taken(merge)
        assert (await merge.peek(), merge.spent) == (None, False)
