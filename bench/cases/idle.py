"""`sandbox_idle`: what many simulated homes cost while nobody acts in them."""

import base64
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import OURS, Sample
from bench.machine import cpu_seconds, queued_seconds, rss_mb
from bench.processes import serving

HOMES, FEW = 1_000, 40
DEVICES = 20
STRETCH = 10
"""An idle process needs a longer look: so many times the seconds of a run."""
WARM_SECONDS = 5.0
PERCENT = 100.0


@contextmanager
def _idle(options: Options) -> Iterator[Mapping[str, Subject]]:
    homes = HOMES if options.seconds >= 1 else FEW  # a try-out, whose figure says nothing
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
        folder = Path(path)
        settings = {
            "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/latchkey.db",
            "LATCHKEY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "LATCHKEY_DEVICES_URL": "simulator://",
        }
        command = [sys.executable, "-m", "bench.fleet"]
        command += ["--homes", str(homes), "--devices", str(DEVICES)]
        if profile := options.profile("sandbox_idle"):
            command += ["--profile", str(profile)]
        with serving(command, settings, folder, options.cores.server) as said:
            time.sleep(min(WARM_SECONDS, options.seconds * STRETCH))
            seconds = options.seconds * STRETCH
            yield {OURS: lambda: _look(said["pid"], folder / "latchkey.db", seconds)}


def _look(pid: int, database: Path, seconds: float) -> Sample:
    """What the process uses while we do nothing; what it wrote meanwhile is in the detail.

    Raises:
        Failed: this system does not tell what a process uses.
    """
    used, queued, events = cpu_seconds(pid), queued_seconds(pid), _events(database)
    began = time.perf_counter()
    time.sleep(seconds)
    passed = time.perf_counter() - began
    now, waited = cpu_seconds(pid), queued_seconds(pid)
    if used is None or now is None:
        sentence = "This system does not tell what a process uses."
        raise Failed(sentence)
    written = _events(database) - events
    return Sample(
        value=(now - used) / passed * PERCENT,
        rss_mb=rss_mb(pid),
        server_share=(now - used) / passed,
        queued_share=None if queued is None or waited is None else (waited - queued) / passed,
        detail={"events_per_second": written / passed},
    )


def _events(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events").fetchall()
    return int(count)


IDLE = Benchmark(
    name="sandbox_idle",
    unit="% of a core",
    about=(
        f"{HOMES:,} simulated homes of {DEVICES} devices in one process, their reports stored on "
        "SQLite, while nobody asks anything; CPU of all its threads."
    ),
    prepare=_idle,
    more_is_better=False,
)
