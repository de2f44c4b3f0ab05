"""`fanout_…`: events of one home that many sockets watch with the same document, beside peers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from bench.cases.crowd import crowd
from bench.cases.stand import Stand
from bench.contest import Benchmark, Options, Subject
from bench.figures import Sample, bursts
from bench.processes import loaded_once

SOCKETS: Final = 1_000
BURST: Final = 40
FEW: Final = 20
"""Sockets, and events of a burst, in a try-out, whose figure says nothing."""
WHAT: Final = (
    f"{SOCKETS:,} sockets watch one home with the same document and one grant, each with an "
    "operation id of its own; a byte on a Unix socket asks for an event. Ours is a report of a "
    "device: taken in, committed with its event on SQLite, rendered, delivered with a cursor, all "
    "by the process that is counted. Peers have their events in memory; the bare one sends a text "
    "as long as our message"
)


@contextmanager
def _burst(options: Options) -> Iterator[Mapping[str, Subject]]:
    with crowd("fanout_burst", options) as stands:
        yield {one.name: partial(_bursts, one, options) for one in stands}


@contextmanager
def _single(options: Options) -> Iterator[Mapping[str, Subject]]:
    with crowd("fanout_single", options) as stands:
        yield {one.name: partial(_singles, one, options) for one in stands}


def _bursts(stand: Stand, options: Options) -> Sample:
    sockets, burst = (SOCKETS, BURST) if options.seconds >= 1 else (FEW, FEW)
    taken = loaded_once(stand.plan(options, sockets, burst), options)
    return bursts(taken, sockets * burst)


def _singles(stand: Stand, options: Options) -> Sample:
    sockets = SOCKETS if options.seconds >= 1 else FEW
    taken = loaded_once(stand.plan(options, sockets, 1), options)
    assert taken.p50_ms is not None
    return replace(bursts(taken, sockets), value=taken.p50_ms)


BURSTS = Benchmark(
    name="fanout_burst",
    unit="messages/s",
    about=(
        f"bursts of {BURST} events: the next begins when the last socket has the last event of the "
        f"one before. {WHAT}. p50 and p99 are of a burst; CPU is for each message."
    ),
    prepare=_burst,
)
SINGLE = Benchmark(
    name="fanout_single",
    unit="ms",
    about=(
        "one event at a time: from the asking until the last socket has it (the median), when the "
        f"next one is asked for. {WHAT}. CPU is for each message."
    ),
    prepare=_single,
    more_is_better=False,
)
