"""`webhook_backlog`: what a delivery costs while a million others wait, against a thousand."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

from bench.cases.postgres import postgres
from bench.cases.posting import Receivers, Site, file, receivers
from bench.contest import Benchmark, Options, Subject
from bench.figures import MICRO, MILLI, OURS, Sample

FEW: Final = 1_000
MANY: Final = 1_000_000
TRIED: Final = 3_000
"""That wait in a try-out, whose figure says nothing."""
ENDPOINTS: Final = 20
SENT: Final = 10_000
"""By a worker in each run, of the many."""
TIMES: Final = 12
TRIED_TIMES: Final = 3
KINDS: Final = ("postgres", "sqlite")
COSTS: Final = ("plan", "claim")


@dataclass(frozen=True, slots=True)
class _Backlog:
    """A database in which so many wait."""

    site: Site
    where: tuple[str, str, str]
    """It, a home and the partner."""

    @staticmethod
    def filled(url: str, there: Receivers, pending: int, options: Options) -> "_Backlog":
        site = Site.at(url, options)
        words = "--url", there.url(), "--endpoints", ENDPOINTS, "--pending", pending
        made = site.run("backlog", "fill", *words)
        return _Backlog(site, (url, made["homes"][0], made["client"]))


@contextmanager
def _backlog(options: Options) -> Iterator[Mapping[str, Subject]]:
    tried = options.seconds < 1
    many, times = (TRIED, TRIED_TIMES) if tried else (MANY, TIMES)
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path, ExitStack() as stack:
        fresh = stack.enter_context(postgres(options))
        there = stack.enter_context(receivers(options))
        makes: Mapping[str, Callable[[], str]] = {"postgres": fresh, "sqlite": partial(file, path)}
        pairs = {}
        for kind in KINDS:
            small = _Backlog.filled(makes[kind](), there, FEW, options)
            pairs[kind] = small, _Backlog.filled(makes[kind](), there, many, options)
        # Of its own: where some was sent lanes are shorter, and each claim finds less.
        sent = _Backlog.filled(fresh(), there, many, options)
        yield {OURS: partial(_growth, pairs, times, sent.site, min(SENT, many // 10))}


def _growth(
    pairs: Mapping[str, tuple[_Backlog, _Backlog]], times: int, sending: Site, sent: int
) -> Sample:
    """One run: both sizes in turn on both databases, then a worker that sends some of as many."""
    growths, detail = [], {}
    for name, (few, many) in pairs.items():
        words = "--times", times, "--beside", *few.where, "--beside", *many.where
        small, large = many.site.run("backlog", "measure", *words)
        for cost in COSTS:
            growths.append(growth(small[cost], large[cost]))
            detail[f"{name}_{cost}_us"] = median(large[cost]) * MICRO
            detail[f"{name}_{cost}_growth"] = growths[-1]
        detail[f"{name}_queue_ms"] = median(large["queue"]) * MILLI
    done: dict[str, Any] = sending.run("worker", "--until", sent)
    if done["warm_mb"]:
        detail["rss_growth"] = done["rss_mb"] / done["warm_mb"]
    return Sample(value=max(growths), rss_mb=done["rss_mb"], detail=detail)


def growth(small: Sequence[float], large: Sequence[float]) -> float:
    """How many times as much it costs beside the many: the median over pairs taken in turns."""
    return median(many / few for few, many in zip(small, large, strict=True))


BACKLOG = Benchmark(
    name="webhook_backlog",
    unit="times",
    about=(
        f"what planning and claiming a delivery costs while {MANY:,} wait, of 1,000 devices for "
        f"{ENDPOINTS} endpoints of which one is down, against {FEW:,}: the most that any of it "
        "grows, on PostgreSQL and on SQLite. plan: a transaction of 1,000 deliveries; claim: to "
        "lease an endpoint, read what is due and leave it; queue: the look at how much waits, "
        "every ten seconds. Memory is that of a worker that sends "
        f"{SENT:,} of as many others; rss_growth: against when it had sent a fifth of them. Must "
        "be less than 1.2, and memory flat"
    ),
    prepare=_backlog,
    more_is_better=False,
)
