"""Every benchmark still runs: what it starts starts, its checks hold, and its figures are there.

For a fifth of a second each; what the figures are is `make bench`'s business.
"""

import pytest

from bench.cases import BENCHMARKS, backlog, crowd
from bench.cases.peers import NODE
from bench.contest import Options, compete
from bench.machine import cores
from bench.peers import node

PEERS = {
    "query_fresh": {"strawberry", "apollo", "yoga", "mercurius", "mercurius_jit"},
    "query_reused": {"prebuilt", "mercurius", "mercurius_jit"},
    "query_wide": {"strawberry"},
    "fanout_burst": {"bare", "strawberry", "graphql_ws", "mercurius"},
    "fanout_single": {"bare"},
    "idle_socket": {"bare"},
    "report_to_message": {"publish"},
    "webhook_sqlite": {"bare"},
    "webhook_postgres": {"bare"},
    "webhook_isolation": {"all_good"},
}
UNASKED = {
    "sandbox_idle",
    "idle_socket",
    "webhook_sqlite",
    "webhook_postgres",
    "webhook_backlog",
}
"""Benchmarks in which nobody waits for an answer, so that there is no latency."""
BESIDE_BARE = {"fanout_single", "idle_socket"}
"""Benchmarks with the peers of `fanout_burst`, of which one is enough here."""
OPTIONS = Options(runs=1, seconds=0.2, cores=cores())


LONG = {"webhook_backlog", "webhook_isolation"}
"""Those that take half a minute each in their shortest form."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.soak if name in LONG else ())
        for name in sorted(BENCHMARKS)
    ],
)
def test_a_benchmark_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers rightly under load; in so short a time nothing may count, but all is measured."""
    if name in BESIDE_BARE:
        monkeypatch.setattr(crowd, "PEERS", ("bare",))
    monkeypatch.setattr(backlog, "KINDS", ("postgres",))  # SQLite's is made and asked alike
    found = compete(BENCHMARKS[name], OPTIONS, lambda *_: None)
    assert found.ours.value >= 0
    assert (found.ours.p99_ms is None) is (name in UNASKED)
    absent = set() if node.missing() is None else {*NODE, *crowd.NODE}
    assert found.versus.keys() == PEERS.get(name, set()) - absent


def test_peers_on_node_run_here() -> None:
    """Where they cannot, the benchmarks above ran without them: this says so, and why."""
    if reason := node.missing():
        pytest.skip(reason)
