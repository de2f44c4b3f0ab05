"""`python -m bench`: run the benchmarks, print one table, write `bench/results.json`."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import machine, report
from bench.cases import BENCHMARKS
from bench.contest import ROOT, Benchmark, Failed, Options, compete
from bench.figures import Result, Sample

RESULTS = ROOT / "bench" / "results.json"


def main(words: Sequence[str] | None = None) -> int:
    """Run; 1 where a benchmark came to no honest figure."""
    given = _arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    commit, began = machine.commit(ROOT), time.monotonic()
    options = Options(given.runs, given.seconds, machine.cores(), given.profile)
    print(f"commit   {commit}")
    print(f"machine  {machine.described()}; {machine.busy()}")
    print(f"pinned   {options.cores}")
    print(
        f"method   median of {options.runs} runs; p50 and p99 at half the rate; CPU of the server"
    )
    if options.profiles:
        options.profiles.mkdir(parents=True, exist_ok=True)
        print("PROFILED: no figure of this run counts, and none is written")
    results = [one for name in given.only if (one := _run(BENCHMARKS[name], options))]
    print(f"\n{report.table(results)}\n\n{commit}, {time.monotonic() - began:.0f} s")
    if results and not options.profiles:
        report.write(RESULTS, results, commit)
        print(f"written to {RESULTS.relative_to(ROOT)}")
    return 0 if len(results) == len(given.only) else 1


def _run(benchmark: Benchmark, options: Options) -> Result | None:
    print(f"\n{benchmark.name}: {benchmark.about}", flush=True)

    def show(subject: str, run: int, sample: Sample) -> None:
        value = f"{report.number(sample.value)} {benchmark.unit}"
        print(f"  run {run + 1} {subject} {value} ({report.details(sample)})", flush=True)

    def tell(subject: str, run: int, failed: Failed) -> None:
        print(f"  run {run + 1} {subject} FAILED, and is made once more: {failed}", flush=True)

    try:
        return compete(benchmark, options, show, tell)
    except Failed as failed:
        print(f"  FAILED: {failed}", flush=True)
        return None


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(BENCHMARKS), help="name,name")
    parser.add_argument("--runs", type=int, default=5, help="5 unless told")
    parser.add_argument("--seconds", type=float, default=2.0, help="of full load in each run")
    parser.add_argument("--profile", type=Path, help="a folder for profiles of the servers")
    return parser.parse_args(words)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sentence = f"there is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}"
        raise argparse.ArgumentTypeError(sentence)
    return names


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
