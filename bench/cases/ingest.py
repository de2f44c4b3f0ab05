"""`ingest_…`: reports stored with their events, in one process, without a server around it."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import orjson

from bench.cases.postgres import postgres
from bench.contest import Benchmark, Options, Subject
from bench.figures import OURS, Sample, sample
from bench.processes import rounds

HOMES = 20
DEVICES = 1_000
TAKERS = 256
ABOUT = (
    f"reports of {DEVICES:,} devices in {HOMES} homes, {TAKERS} under way at once, each stored as "
    "state and event by the reports service of one process"
)


@contextmanager
def _sqlite(options: Options) -> Iterator[Mapping[str, Subject]]:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:

        def url() -> str:
            return f"sqlite+aiosqlite:///{folder}/{uuid4().hex}.db"

        yield {OURS: _subject("ingest_sqlite", options, url)}


@contextmanager
def _postgres(options: Options) -> Iterator[Mapping[str, Subject]]:
    with postgres(options) as url:
        yield {OURS: _subject("ingest_postgres", options, url)}


def _subject(name: str, options: Options, url: Callable[[], str]) -> Subject:
    """Runs on a fresh database each, of a process that is both the taker and the service."""

    def run() -> Sample:
        profile = options.profile(name)
        plan = {
            "url": url(),
            "homes": HOMES,
            "devices": DEVICES,
            "takers": TAKERS,
            "seconds": options.seconds,
            "profile": str(profile) if profile else None,
        }
        command = [sys.executable, "-m", "bench.ingest"]
        return sample(*rounds(command, orjson.dumps(plan), options.cores.server, options.seconds))

    return run


SQLITE = Benchmark("ingest_sqlite", "reports/s", f"{ABOUT}; WAL, synchronous=NORMAL.", _sqlite)
POSTGRES = Benchmark(
    "ingest_postgres",
    "reports/s",
    f"{ABOUT}; PostgreSQL as it comes, fsync on, on the other core (its CPU is not counted).",
    _postgres,
)
