"""`idle_socket`: what a subscribed socket on which nothing happens keeps of the server's memory."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final

from bench.cases.crowd import NODE, PEERS, beside, ours
from bench.cases.peers import possible
from bench.cases.stand import Stand
from bench.contest import Benchmark, Options, Subject
from bench.figures import OURS, Sample
from bench.processes import said

NAME: Final = "idle_socket"
SOCKETS: Final = 5_000
FEW: Final = 200
"""Sockets in a try-out, whose figure says nothing."""
KIB: Final = 1_024
SECONDS: Final = 180.0


@contextmanager
def _hold(options: Options) -> Iterator[Mapping[str, Subject]]:
    with ours(NAME, options) as (_, message):
        pass
    starts = {one: partial(beside, one, message, options) for one in possible(PEERS, NODE)}
    yield {
        OURS: partial(_held, partial(_ours, options), options),
        **{name: partial(_held, start, options) for name, start in starts.items()},
    }


@contextmanager
def _ours(options: Options) -> Iterator[Stand]:
    with ours(NAME, options) as (stand, _):
        yield stand


def _held(start: Callable[[], AbstractContextManager[Stand]], options: Options) -> Sample:
    """One run, on a server of its own: memory that was used once may not be given back."""
    sockets = SOCKETS if options.seconds >= 1 else FEW
    command = [sys.executable, "-m", "bench.load.hold"]
    with start() as stand:
        plan = stand.plan(options, sockets, 1)
        found = said(command, plan.text(), options.cores.load, SECONDS)
    return Sample(
        value=(found["idle"] - found["before"]) / sockets * KIB,
        rss_mb=found["idle"],
        detail={
            "kib_once_told": (found["told"] - found["before"]) / sockets * KIB,
            "before_mib": found["before"],
        },
    )


HOLD = Benchmark(
    name=NAME,
    unit="KiB",
    about=(
        f"resident memory of the server for each of {SOCKETS:,} sockets that have subscribed and "
        "to which nothing is sent (kib_once_told: after each has got one event). Each run is on a "
        "server of its own, at which some sockets have come and gone before."
    ),
    prepare=_hold,
    more_is_better=False,
)
