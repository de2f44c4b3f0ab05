"""Subjects take turns, and end whatever happens."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import pytest

from bench.contest import Benchmark, Failed, Options, Subject, compete, turns
from bench.figures import OURS, Sample
from bench.machine import Cores

OPTIONS = Options(runs=3, seconds=1, cores=Cores(None, None))


def test_runs_are_interleaved() -> None:
    """Each runs once in each run, and nobody is always the first."""
    assert list(turns(2, ["a", "b"])) == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_a_contest_prepares_once_and_runs_often() -> None:
    """Everything is made ready once, every run is shown, and it ends."""
    told: list[str] = []

    @contextmanager
    def prepare(options: Options) -> Iterator[Mapping[str, Subject]]:
        told.append(f"ready for {options.runs}")
        yield {OURS: partial(Sample, 10), "bare": partial(Sample, 20)}
        told.append("ended")

    benchmark = Benchmark("a", "x/s", "a test", prepare)
    found = compete(benchmark, OPTIONS, lambda name, run, _: told.append(f"{run} {name}"))
    assert told == [
        "ready for 3",
        *("0 latchkey", "0 bare", "1 bare", "1 latchkey", "2 latchkey", "2 bare"),
        "ended",
    ]
    assert (found.ours.value, found.versus) == (10, {"bare": 0.5})


def test_a_failure_ends_what_was_started() -> None:
    """A wrong answer gives no figure, and leaves nothing running."""
    ended: list[bool] = []

    @contextmanager
    def prepare(options: Options) -> Iterator[Mapping[str, Subject]]:
        del options
        try:
            yield {OURS: fail}
        finally:
            ended.append(True)

    def fail() -> Sample:
        sentence = "wrong"
        raise Failed(sentence)

    with pytest.raises(Failed, match="wrong"):
        compete(Benchmark("a", "x/s", "a test", prepare), OPTIONS, lambda *_: None)
    assert ended == [True]


@pytest.mark.parametrize(
    ("name", "fails", "told"),
    [("bare", 1, ["0 bare: wrong"]), ("bare", 2, None), (OURS, 1, None)],
)
def test_a_peer_may_fail_once(name: str, fails: int, told: list[str] | None) -> None:
    """That is told, and its run made once more; ours may not fail, nor a peer twice."""
    left = [Failed("wrong")] * fails
    heard: list[str] = []

    def mostly() -> Sample:
        if left:
            raise left.pop()
        return Sample(10)

    @contextmanager
    def prepare(options: Options) -> Iterator[Mapping[str, Subject]]:
        del options
        yield {OURS: partial(Sample, 10), "bare": partial(Sample, 20), name: mostly}

    def run() -> None:
        compete(
            Benchmark("a", "x/s", "a test", prepare),
            OPTIONS,
            lambda *_: None,
            lambda subject, number, failed: heard.append(f"{number} {subject}: {failed}"),
        )

    if told is None:
        with pytest.raises(Failed, match="wrong"):
            run()
    else:
        run()
        assert heard == told
