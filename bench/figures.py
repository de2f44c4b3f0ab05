"""Figures: what one run measured, and what many runs come to. Pure; it measures nothing itself."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = "latchkey"
MILLI = 1e3
MICRO = 1e6


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of the values that at least this share of them does not exceed.

    It is always one of the values (nearest rank); None where there are none.
    """
    if not values:
        return None
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Round:
    """One stretch of time under load; CPU in seconds, None where this system does not tell.

    `server_queued` is how long the server's main thread was ready to run while its core was taken,
    by the server's other threads or by other work on this machine.

    `missed` were answered, but not with what was asked for: they are not in `count`, and their
    latency is in the percentiles all the same.
    """

    count: int
    missed: int
    seconds: float
    p50_ms: float | None
    p99_ms: float | None
    server_cpu: float | None
    server_queued: float | None
    load_cpu: float | None
    rss_mb: float | None

    @property
    def rate(self) -> float:
        """What counted, per second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of one subject came to; `detail` holds what the table has no column for."""

    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: float | None = None
    rss_mb: float | None = None
    server_share: float | None = None
    queued_share: float | None = None
    load_share: float | None = None
    detail: Mapping[str, float] = field(default_factory=dict)


def sample(full: Round, half: Round, each: int = 1) -> Sample:
    """The rate and its cost from a round as fast as it goes, latency from one at half that rate.

    A unit of work consists of `each`: the rate and the cost are of these, latency is the unit's.
    """
    detail = {"missed": float(full.missed + half.missed)}
    if full.p50_ms is not None and full.p99_ms is not None:
        detail |= {"full_p50_ms": full.p50_ms, "full_p99_ms": full.p99_ms}
    cost = _per(full.server_cpu, full.count * each)
    return Sample(
        value=full.rate * each,
        p50_ms=half.p50_ms,
        p99_ms=half.p99_ms,
        cpu_us=None if cost is None else cost * MICRO,
        rss_mb=half.rss_mb,
        server_share=_per(full.server_cpu, full.seconds),
        queued_share=_per(full.server_queued, full.seconds),
        load_share=_per(full.load_cpu, full.seconds),
        detail=detail,
    )


def bursts(taken: Round, each: int) -> Sample:
    """The rate and cost of a series whose units consist of `each`; latency is of a unit."""
    cost = _per(taken.server_cpu, taken.count * each)
    return Sample(
        value=taken.rate * each,
        p50_ms=taken.p50_ms,
        p99_ms=taken.p99_ms,
        cpu_us=None if cost is None else cost * MICRO,
        rss_mb=taken.rss_mb,
        server_share=_per(taken.server_cpu, taken.seconds),
        queued_share=_per(taken.server_queued, taken.seconds),
        load_share=_per(taken.load_cpu, taken.seconds),
        detail={"times": taken.count},
    )


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's medians, and ours to theirs: a ratio over 1 means that Latchkey is better.

    `cpu_ratio` compares what each unit of work cost the server: unlike a rate, it hardly depends
    on what else ran on the machine.
    """

    middle: Sample
    least: float
    most: float
    ratio: float
    cpu_ratio: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """A benchmark's medians: ours, and the peers' by name."""

    name: str
    unit: str
    ours: Sample
    least: float
    most: float
    peers: Mapping[str, Peer] = field(default_factory=dict)

    @property
    def versus(self) -> dict[str, float]:
        """How we compare with each peer."""
        return {name: peer.ratio for name, peer in self.peers.items()}

    def entry(self, commit: str) -> dict[str, Any]:
        """The entry in `bench/results.json`, as the contract names its fields."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": _rounded(self.ours.value),
            "p50_ms": _rounded(self.ours.p50_ms),
            "p99_ms": _rounded(self.ours.p99_ms),
            "cpu_us": _rounded(self.ours.cpu_us),
            "rss_mb": _rounded(self.ours.rss_mb),
            "versus": {peer: _rounded(ratio) for peer, ratio in self.versus.items()},
            "commit": commit,
        }


def result(
    name: str, unit: str, samples: Mapping[str, Sequence[Sample]], *, more_is_better: bool = True
) -> Result:
    """What paired runs come to; `samples` by subject, ours among them, run by run."""
    ours = samples[OURS]
    values = [one.value for one in ours]
    peers = {
        peer: _peer(ours, theirs, more_is_better=more_is_better)
        for peer, theirs in samples.items()
        if peer != OURS
    }
    return Result(name, unit, middle(ours), min(values), max(values), peers)


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure over the runs that have it."""

    def of(pick: Callable[[Sample], float | None]) -> float | None:
        known = [value for one in samples if (value := pick(one)) is not None]
        return median(known) if known else None

    names = {name: None for one in samples for name in one.detail}
    return Sample(
        value=median(one.value for one in samples),
        p50_ms=of(lambda one: one.p50_ms),
        p99_ms=of(lambda one: one.p99_ms),
        cpu_us=of(lambda one: one.cpu_us),
        rss_mb=of(lambda one: one.rss_mb),
        server_share=of(lambda one: one.server_share),
        queued_share=of(lambda one: one.queued_share),
        load_share=of(lambda one: one.load_share),
        detail={n: median(one.detail[n] for one in samples if n in one.detail) for n in names},
    )


def _peer(ours: Sequence[Sample], theirs: Sequence[Sample], *, more_is_better: bool) -> Peer:
    values = [one.value for one in theirs]
    return Peer(
        middle=middle(theirs),
        least=min(values),
        most=max(values),
        ratio=median(_ratios(ours, theirs, more_is_better=more_is_better)),
        cpu_ratio=_cpu_ratio(ours, theirs),
    )


def _ratios(
    ours: Sequence[Sample], theirs: Sequence[Sample], *, more_is_better: bool
) -> list[float]:
    pairs = [(mine.value, other.value) for mine, other in zip(ours, theirs, strict=True)]
    return [_over(*(pair if more_is_better else reversed(pair))) for pair in pairs]


def _cpu_ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float | None:
    pairs = [(mine.cpu_us, other.cpu_us) for mine, other in zip(ours, theirs, strict=True)]
    known = [other / mine for mine, other in pairs if mine and other]
    return median(known) if known else None


def _over(one: float, other: float) -> float:
    """In too short a run, one may have done nothing."""
    return one / other if other else math.inf


def _per(amount: float | None, count: float) -> float | None:
    return amount / count if amount is not None and count else None


def _rounded(value: float | None) -> float | None:
    """Three digits after the point are more than any of this is worth."""
    return None if value is None else round(value, 3)
