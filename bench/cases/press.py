"""`render` and `compile`: the press by itself, timed one by one in a process of its own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import orjson

from bench.contest import Benchmark, Options, Subject
from bench.figures import MICRO, MILLI, OURS, Sample
from bench.load.plan import WARM_SECONDS
from bench.processes import said


@contextmanager
def _press(work: str, scale: float, options: Options) -> Iterator[Mapping[str, Subject]]:
    def run() -> Sample:
        profile = options.profile(work)
        plan = {
            "work": work,
            "scale": scale,
            "seconds": options.seconds,
            "profile": str(profile) if profile else None,
        }
        command = [sys.executable, "-m", "bench.press"]
        seconds = WARM_SECONDS + options.seconds
        return Sample(**said(command, orjson.dumps(plan), options.cores.server, seconds))

    yield {OURS: run}


RENDER = Benchmark(
    name="render",
    unit="us",
    about=(
        "one event becomes the bytes of its message, for a subscription of 6 fields with values "
        "(9 with those around them); median, p50 and p99 of the CPU time of single ones."
    ),
    prepare=partial(_press, "render", MICRO),
    more_is_better=False,
)
COMPILE = Benchmark(
    name="compile",
    unit="ms",
    about=(
        "a query of 60 fields with values, whose text is new, becomes a document ready to run; "
        "median, p50 and p99 of the CPU time of single ones."
    ),
    prepare=partial(_press, "compile", MILLI),
    more_is_better=False,
)
