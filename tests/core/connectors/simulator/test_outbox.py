"""The queue of reports, when it is full."""

from collections import defaultdict

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.outbox import Outbox, folded
from core.domain.devices import State
from core.domain.ports import Report
from tests.core.connectors.simulator.house import state

SAID = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.fixed_dictionaries({}, optional={"on": st.booleans(), "brightness": st.integers(0, 100)}),
    st.booleans(),
    st.sampled_from([None, None, True, False]),
)


def numbered(said: list[tuple[str, dict[str, int], bool, bool | None]]) -> list[Report]:
    """Reports with the orders that their devices gave them."""
    orders: dict[str, int] = defaultdict(int)
    reports = []
    for device, values, settled, online in said:
        orders[device] += 1
        reports.append(Report(device, orders[device], state(values), settled, online))
    return reports


def known(reports: list[Report]) -> dict[str, tuple[int, State, bool, bool | None]]:
    """What a reader of these reports knows at the end, by device."""
    known: dict[str, tuple[int, State, bool, bool | None]] = {}
    for report in reports:
        _, state, _, online = known.get(report.device_id, (0, State(), True, None))
        online = online if report.online is None else report.online
        merged = state.merged(report.state)
        known[report.device_id] = (report.order, merged, report.settled, online)
    return known


async def drained(outbox: Outbox) -> list[Report]:
    """Everything that waits, up to the end."""
    outbox.close()
    return [report async for report in outbox]


@given(st.lists(SAID))
def test_folding_loses_no_news(said: list[tuple[str, dict[str, int], bool, bool | None]]) -> None:
    """Folded reports tell the same end, in order, with at most two per device."""
    reports = numbered(said)
    short = folded(reports)
    assert known(short) == known(reports)
    for device in "abc":
        orders = [report.order for report in short if report.device_id == device]
        assert orders == sorted(set(orders))
        assert len(orders) <= 2


@given(st.lists(SAID))
def test_folding_loses_nothing_settled(
    said: list[tuple[str, dict[str, int], bool, bool | None]],
) -> None:
    """The newest settled report of each device stays, and tells all that was said up to it."""
    reports = numbered(said)
    for device in "abc":
        own = [report for report in reports if report.device_id == device]
        last = max((n for n, report in enumerate(own) if report.settled), default=-1)
        kept = [r for r in folded(reports) if r.device_id == device and r.settled]
        assert known(kept) == known(own[: last + 1])


@given(st.lists(SAID, max_size=200), st.integers(1, 10))
async def test_a_full_queue_stays_bounded_and_tells_the_end(
    said: list[tuple[str, dict[str, int], bool, bool | None]], limit: int
) -> None:
    """However much is put in, no more than the bound waits, and the newest comes out."""
    outbox = Outbox(limit)
    reports = numbered(said)
    for report in reports:
        outbox.put(report)
        assert len(outbox) <= max(limit, 4 * 3)
    assert known(await drained(outbox)) == known(reports)


async def test_reports_come_out_as_they_went_in() -> None:
    """While there is room nothing is folded, not even a repetition."""
    reports = [Report("a", 1), Report("a", 1), Report("a", 3), Report("a", 2)]
    outbox = Outbox()
    for report in reports:
        outbox.put(report)
    assert await drained(outbox) == reports


async def test_a_dropped_device_is_silent() -> None:
    """What waits of one device can be forgotten."""
    outbox = Outbox()
    outbox.put(Report("a", 1))
    outbox.put(Report("b", 1))
    outbox.drop("a")
    assert await drained(outbox) == [Report("b", 1)]


async def test_the_end_with_an_error_raises_it_after_the_rest() -> None:
    """A reader learns that the simulator failed, and closing afterwards does not hide it."""
    outbox = Outbox()
    outbox.put(Report("a", 1))
    outbox.close(ValueError("a bug"))
    outbox.close()
    outbox.put(Report("a", 2))
    assert await anext(outbox) == Report("a", 1)
    with pytest.raises(ValueError, match="a bug"):
        await anext(outbox)
