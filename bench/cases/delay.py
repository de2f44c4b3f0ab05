"""`webhook_latency`, `webhook_isolation`: from an event's commit to its request at a receiver."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from bench.cases.across import broadcast
from bench.cases.postgres import postgres
from bench.cases.posting import Got, Receivers, Site, checked, file, receivers
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import MILLI, OURS, Sample, percentile
from bench.machine import cpu_seconds, rss_mb
from bench.webhooks.receiver import KINDS

DEVICES: Final = 50
EVENTS_PER_SECOND: Final = 150
"""Of a run: 300 by default."""
APART_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.2
LATE_SECONDS: Final = 10.0
"""The most that a delivery may take, on a machine that is busy with other work."""
LINGER_SECONDS: Final = 1.0
"""After the last event, for who sends in the process in which it happened."""
WARM: Final = 5
"""Events before, by which a process learns what it needs: the first takes ten times as long."""
RARE: Final = 2
"""As many events per second of a run come so far apart that the endpoint was left meanwhile."""
RARE_APART_SECONDS: Final = 2.0
GOOD: Final = 9
BESIDE_PER_SECOND: Final = 50


@dataclass(frozen=True, slots=True)
class _Way:
    """A way of events to a receiver: where they happen, and who sends."""

    name: str
    urls: Sequence[str]
    there: Receivers
    options: Options
    good: Collection[str]
    """The paths of which the delays are measured."""

    def count(self, per_second: float) -> int:
        return max(1, int(self.options.seconds * per_second))

    def made(self, url: str, **variables: str) -> tuple[Site, dict[str, Any]]:
        """A new database with a home and the endpoints."""
        site = Site.at(url, self.options, **variables)
        return site, site.run("partners", *self.urls, "--devices", DEVICES, aside=True)

    def pulse(
        self,
        site: Site,
        made: Mapping[str, Any],
        count: int,
        apart: float,
        *,
        warm: int = WARM,
        embedded: bool = False,
    ) -> "Delays":
        """Let so much happen, and see when it came.

        Raises:
            Failed: something did not come, or not as it should be.
        """
        self.there.asked()  # what came before does not count
        flags = ["--embedded", "--linger", LINGER_SECONDS] if embedded else []
        often = "--warm", warm, "--count", count, "--apart", apart
        told = site.run("pulse", "--home", made["homes"][0], *often, *flags, aside=not embedded)
        due, until = len(self.good) * (warm + count), monotonic() + LATE_SECONDS
        got = list(self.there.asked().got)
        while sum(one.path in self.good for one in got) < due and monotonic() < until:
            sleep(LOOK_SECONDS)
            got += self.there.asked().got
        checked(got[0], made["secrets"])
        return delays(told, got, self.good)


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from when each event was committed, or reported, to when a receiver had it."""

    committed: Sequence[float]
    reported: Sequence[float]

    def p_ms(self, share: float) -> float:
        """So many milliseconds that this share of them took no longer."""
        found = percentile(self.committed, share)
        assert found is not None
        return found * MILLI


def delays(told: Sequence[Mapping[str, Any]], got: Sequence[Got], paths: Collection[str]) -> Delays:
    """How long each event took to each of these paths; what came again counts as it came first.

    Raises:
        Failed: one did not come.
    """
    arrived = {(one.path, one.event): one.at for one in reversed(got)}
    found = [(one, arrived.get((path, one["event"]))) for one in told for path in sorted(paths)]
    if lost := sum(at is None for _, at in found):
        sentence = f"{lost} of {len(found)} deliveries did not come."
        raise Failed(sentence)
    return Delays(
        [at - one["committed"] for one, at in found if at is not None],
        [at - one["reported"] for one, at in found if at is not None],
    )


@contextmanager
def _latency(options: Options) -> Iterator[Mapping[str, Subject]]:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path, ExitStack() as stack:
        url = stack.enter_context(postgres(options))
        hints = stack.enter_context(broadcast(Path(path) / "valkey", options))
        there = stack.enter_context(receivers(options, keep=True))
        way = _Way("webhook_latency", [f"{there.url()}/0"], there, options, ["/0"])
        yield {OURS: partial(_idle, way, url, hints, Path(path))}


def _idle(way: _Way, url: Callable[[], str], hints: str, folder: Path) -> Sample:
    """One run: a worker of its own on PostgreSQL; then all in one process on SQLite."""
    site, made = way.made(url(), LATCHKEY_BROADCAST_URL=hints)
    count, rare = way.count(EVENTS_PER_SECOND), way.count(RARE)
    with site.worker(way.options.profile(way.name)) as pid:
        apart = way.pulse(site, made, count, APART_SECONDS)
        seldom = way.pulse(site, made, rare, RARE_APART_SECONDS, warm=1)
        memory = rss_mb(pid)
    site, made = way.made(file(folder))
    inside = way.pulse(site, made, max(1, count // 3), APART_SECONDS, embedded=True)
    reported = replace(apart, committed=apart.reported)
    return Sample(
        value=apart.p_ms(0.5),
        p50_ms=apart.p_ms(0.5),
        p99_ms=apart.p_ms(0.99),
        rss_mb=memory,
        detail={
            "count": len(apart.committed),
            "from_report_p50_ms": reported.p_ms(0.5),
            "from_report_p99_ms": reported.p_ms(0.99),
            "rare_p50_ms": seldom.p_ms(0.5),
            "rare_max_ms": seldom.p_ms(1),
            "embedded_p50_ms": inside.p_ms(0.5),
            "embedded_p99_ms": inside.p_ms(0.99),
        },
    )


@contextmanager
def _isolation(options: Options) -> Iterator[Mapping[str, Subject]]:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path, ExitStack() as stack:
        url = stack.enter_context(postgres(options))
        hints = stack.enter_context(broadcast(Path(path) / "valkey", options))
        there = stack.enter_context(receivers(options, *KINDS, keep=True))
        paths = [f"/{number}" for number in range(GOOD)]
        good = [f"{there.url()}{path}" for path in paths]
        bad = [f"{there.url(kind)}/bad" for kind in KINDS]
        more = [f"{there.url()}/more-{kind}" for kind in KINDS]
        beside = _Way("webhook_isolation", [*good, *bad], there, options, paths)
        yield {
            OURS: partial(_beside, beside, url, hints),
            "all_good": partial(_beside, replace(beside, urls=[*good, *more]), url, hints),
        }


def _beside(way: _Way, url: Callable[[], str], hints: str) -> Sample:
    """One run, on a database of its own: breakers of before are forgotten."""
    # A request may take a second here, so that those that hang do so time and again in a run.
    more = {"LATCHKEY_BROADCAST_URL": hints, "LATCHKEY_WEBHOOK_TIMEOUT_SECONDS": "1"}
    site, made = way.made(url(), **more)
    count = way.count(BESIDE_PER_SECOND)
    with site.worker(way.options.profile(way.name)) as pid:
        before = cpu_seconds(pid)
        found = way.pulse(site, made, count, APART_SECONDS)
        used, memory = cpu_seconds(pid), rss_mb(pid)
    detail = {"count": float(len(found.committed))}
    if used is not None and before is not None:
        detail["cpu_seconds"] = used - before
    return Sample(found.p_ms(0.5), found.p_ms(0.5), found.p_ms(0.99), rss_mb=memory, detail=detail)


LATENCY = Benchmark(
    name="webhook_latency",
    unit="ms",
    about=(
        "from when an event is committed until its request is at the receiver (the median), one "
        f"event in {APART_SECONDS:g} s on average and nothing else to do: committed by one process "
        "on PostgreSQL, sent by a worker that learns of it through Redis. from_report: from when "
        "the report came that made the event; rare: so seldom that the worker has left the "
        "endpoint between; embedded: one process does all, on SQLite. The worker is on the "
        "server's core, all else on the other. Must reach a median of 30 ms, and 120 ms for 99 of "
        "100"
    ),
    prepare=_latency,
    more_is_better=False,
)
ISOLATION = Benchmark(
    name="webhook_isolation",
    unit="ms",
    about=(
        f"from commit to request (the median) at {GOOD} good endpoints beside {len(KINDS)} bad "
        f"ones: {', '.join(KINDS)}; an event in {APART_SECONDS:g} s. all_good: as many good ones "
        "in their place. Must be no more than 10 % apart, which is a ratio of 0.91; and memory the "
        "same"
    ),
    prepare=_isolation,
    more_is_better=False,
)
