"""A contest: one benchmark, its subjects, and the runs in which they take turns."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import OURS, Result, Sample, result
from bench.machine import Cores

ROOT = Path(__file__).parents[1]
"""Where the project is, and so where its processes are started."""

Subject = Callable[[], Sample]
"""One run of one subject: ours, or a peer that does the same work."""


class Failed(Exception):
    """A benchmark did not come to an honest figure; the message says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure: `seconds` under full load in each run, two thirds of that at half load."""

    runs: int
    seconds: float
    cores: Cores
    profiles: Path | None = None

    def profile(self, name: str) -> Path | None:
        """Where the server of a benchmark leaves its profile; None: it is not profiled."""
        return self.profiles / f"{name}.txt" if self.profiles else None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A name of the contract, and how its subjects are made ready.

    `prepare` starts what is needed, checks that the answers are right, gives the subjects by name
    (`bench.figures.OURS` is ours) and ends everything in any case.
    """

    name: str
    unit: str
    about: str
    prepare: Callable[[Options], AbstractContextManager[Mapping[str, Subject]]]
    more_is_better: bool = True


def compete(
    benchmark: Benchmark,
    options: Options,
    on_sample: Callable[[str, int, Sample], None],
    on_failed: Callable[[str, int, Failed], None] = lambda *_: None,
) -> Result:
    """Prepare once, then run by run each subject once, so that noise falls on all alike.

    A peer's run that failed is told of, and made once more: that costs us no figure of ours.

    Raises:
        Failed: an answer was wrong, or something did not start or ended too soon.
    """
    with benchmark.prepare(options) as subjects:
        samples: dict[str, list[Sample]] = {name: [] for name in subjects}
        for run, name in turns(options.runs, list(subjects)):
            try:
                taken = subjects[name]()
            except Failed as failed:
                if name == OURS:
                    raise
                on_failed(name, run, failed)
                taken = subjects[name]()
            samples[name].append(taken)
            on_sample(name, run, taken)
    return result(benchmark.name, benchmark.unit, samples, more_is_better=benchmark.more_is_better)


def turns(runs: int, names: list[str]) -> Iterator[tuple[int, str]]:
    """Who runs when: each once in each run, every other run in reverse order."""
    for run in range(runs):
        for name in names if run % 2 == 0 else reversed(names):
            yield run, name
