"""What runs come to: percentiles, medians, ratios, and the entry in results.json."""

from math import inf

import pytest
from hypothesis import given, strategies as st

from bench.figures import OURS, Round, Sample, alone, middle, percentile, result, sample

FLOATS = st.floats(min_value=0, max_value=1e6)
SHARES = st.floats(min_value=0, max_value=1)


@given(st.lists(FLOATS, min_size=1), SHARES)
def test_a_percentile_bounds_its_share(values: list[float], share: float) -> None:
    """A percentile is one of the values, and at least its share of them is not above it."""
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


@given(st.lists(FLOATS, min_size=1), SHARES, SHARES)
def test_percentiles_grow_with_their_share(values: list[float], one: float, other: float) -> None:
    """A larger share has no smaller percentile."""
    low, high = percentile(values, min(one, other)), percentile(values, max(one, other))
    assert low is not None
    assert high is not None
    assert low <= high


def test_percentiles_of_a_hundred() -> None:
    """Of the numbers 1 to 100, p50 is 50 and p99 is 99."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1)] == [50, 99, 100]


def test_nothing_has_no_percentile() -> None:
    """Where nothing was measured, nothing is said."""
    assert percentile([], 0.5) is None


def _round(count: int, *, cpu: float | None = 1.5, p99_ms: float = 20) -> Round:
    return Round(
        count=count,
        missed=1,
        seconds=3,
        p50_ms=10,
        p99_ms=p99_ms,
        server_cpu=cpu,
        server_queued=0.6,
        load_cpu=0.3,
        rss_mb=100,
    )


def test_a_unit_of_work_may_consist_of_many() -> None:
    """The rate and the cost are of each, the latency is of all together."""
    taken = alone(_round(6), each=1_000)
    assert (taken.value, taken.cpu_us, taken.p50_ms) == (2_000, 250, 10)


def test_a_sample_has_its_rate_from_full_and_its_latency_from_half_load() -> None:
    """Rate and CPU are those of the full round, p50 and p99 those of the half one."""
    taken = sample(_round(600), _round(200, p99_ms=5))
    assert (taken.value, taken.cpu_us, taken.p99_ms) == (200, 2_500, 5)
    assert taken.server_share == 0.5
    assert taken.queued_share == pytest.approx(0.2)
    assert taken.load_share == pytest.approx(0.1)
    assert taken.detail == {"missed": 2, "full_p50_ms": 10, "full_p99_ms": 20}


def test_a_round_in_which_nothing_counted_has_no_cost() -> None:
    """Nothing is divided by nothing."""
    assert sample(_round(0), _round(0)).cpu_us is None


def test_cpu_is_unknown_where_the_system_does_not_tell() -> None:
    """A figure that could not be taken is none, not 0."""
    taken = sample(_round(600, cpu=None), _round(200))
    assert (taken.cpu_us, taken.server_share) == (None, None)


def test_medians_are_taken_figure_by_figure() -> None:
    """Each figure has its own median, over the runs that have it."""
    runs = [Sample(1, cpu_us=5, detail={"a": 1}), Sample(9), Sample(2, cpu_us=7, detail={"a": 3})]
    found = middle(runs)
    assert (found.value, found.cpu_us, found.rss_mb, found.detail) == (2, 6, None, {"a": 2})


def _samples(*values: float) -> list[Sample]:
    return [Sample(value) for value in values]


def test_ratios_are_paired_by_run() -> None:
    """A run in which all were slow counts like any other: only the ratio within it matters."""
    found = result("a", "x/s", {OURS: _samples(100, 10, 100), "bare": _samples(50, 5, 25)})
    assert found.versus == {"bare": 2}
    assert (found.ours.value, found.least, found.most) == (100, 10, 100)


def test_a_ratio_over_one_is_better_for_us() -> None:
    """Where less is better, half of theirs is a ratio of 2."""
    found = result("a", "KiB", {OURS: _samples(10), "bare": _samples(20)}, more_is_better=False)
    assert found.versus == {"bare": 2}


def test_a_peer_has_its_own_figures() -> None:
    """What a rate cost a peer is worth as much as the rate."""
    theirs = [Sample(4, cpu_us=1), Sample(6, cpu_us=3)]
    peer = result("a", "x/s", {OURS: _samples(10, 12), "bare": theirs}).peers["bare"]
    assert (peer.middle.value, peer.middle.cpu_us, peer.least, peer.most) == (5, 2, 4, 6)
    assert peer.ratio == pytest.approx(2.25)
    assert peer.cpu_ratio is None


def test_costs_are_compared_where_they_are_known() -> None:
    """Half of what a peer needs for a unit of work is a ratio of 2, whatever the rates."""
    ours = [Sample(1, cpu_us=10), Sample(1), Sample(1, cpu_us=10)]
    theirs = [Sample(9, cpu_us=20), Sample(9, cpu_us=1), Sample(9, cpu_us=20)]
    assert result("a", "x/s", {OURS: ours, "bare": theirs}).peers["bare"].cpu_ratio == 2


def test_nothing_is_divided_by_a_peer_that_did_nothing() -> None:
    """A run may be too short for a slow peer; that is no reason to fail."""
    assert result("a", "x/s", {OURS: _samples(1), "bare": _samples(0)}).versus == {"bare": inf}


def test_an_entry_has_the_fields_of_the_contract() -> None:
    """results.json names what the contract names, rounded, with null where nothing is known."""
    ours = [Sample(1234.56789, p50_ms=1, p99_ms=2, cpu_us=3)]
    assert result("control", "confirmed/s", {OURS: ours}).entry("abc+") == {
        "name": "control",
        "unit": "confirmed/s",
        "value": 1234.568,
        "p50_ms": 1,
        "p99_ms": 2,
        "cpu_us": 3,
        "rss_mb": None,
        "versus": {},
        "commit": "abc+",
    }
