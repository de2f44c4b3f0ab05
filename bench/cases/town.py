"""`homes_events`: many homes, each watched by a few, and every event for its own home alone."""

import base64
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.cases.house import CHANGES
from bench.cases.stand import DOCUMENT
from bench.contest import Benchmark, Options, Subject
from bench.figures import OURS, Sample, sample
from bench.load.plan import Plan
from bench.machine import many_files
from bench.processes import loaded, serving

HOMES: Final = 1_000
FEW: Final = 20
"""Homes in a try-out, whose figure says nothing."""
SOCKETS: Final = 2
BURST: Final = 20
UNDER_WAY: Final = 16
"""Bursts: so many events wait at once that the server is never without, and no socket's queue is
ever full."""


@contextmanager
def _town(options: Options) -> Iterator[Mapping[str, Subject]]:
    many_files()
    homes = HOMES if options.seconds >= 1 else FEW
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
        folder = Path(path)
        settings = {
            "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/latchkey.db",
            "LATCHKEY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        listen = ["--listen", str(folder / CHANGES)]
        command = [sys.executable, "-m", "bench.town", "--homes", str(homes), *listen]
        if profile := options.profile("homes_events"):
            command += ["--profile", str(profile)]
        with serving(command, settings, folder, options.cores.server) as said:
            yield {OURS: partial(_run, _plan(said, folder, options), options)}


def _run(plan: Plan, options: Options) -> Sample:
    return sample(*loaded(plan, options), each=BURST)


def _plan(said: Mapping[str, Any], folder: Path, options: Options) -> Plan:
    return Plan(
        work="crowd",
        port=said["port"],
        token="",  # each home has its own
        document=DOCUMENT,
        workers=UNDER_WAY,
        seconds=options.seconds,
        pid=said["pid"],
        more={
            "sockets": SOCKETS,
            "burst": BURST,
            "changes": str(folder / CHANGES),
            "cursor": True,
            "own_id": True,
            "homes": said["homes"],
        },
    )


TOWN = Benchmark(
    name="homes_events",
    unit="events/s",
    about=(
        f"{HOMES:,} homes of different people, each watched by {SOCKETS} sockets: one home after "
        f"the other has an event, {BURST * UNDER_WAY} under way at once, each delivered to its own "
        "home's sockets, in order and once. Events enter where the committer tells of what it has "
        "committed; nothing is stored, which ingest_… measures. Latency is from asking for "
        f"{BURST} events until the last is delivered."
    ),
    prepare=_town,
)
