"""`report_to_message`: from a device's report at one process to a socket at another."""

import base64
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.cases.house import CHANGES, Served, house
from bench.cases.postgres import postgres
from bench.cases.stand import Stand
from bench.contest import Benchmark, Options, Subject
from bench.figures import OURS, Sample, alone
from bench.load.plan import Plan
from bench.machine import pinned
from bench.processes import loaded_once, serving
from bench.valkey import valkey

NAME: Final = "report_to_message"
DEVICES: Final = 100
RATE: Final = 200
UNDER_WAY: Final = 400
"""Reports whose messages are still awaited: two seconds' worth, so that none waits to be made."""


@contextmanager
def _across(options: Options) -> Iterator[Mapping[str, Subject]]:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path, ExitStack() as stack:
        url = stack.enter_context(postgres(options))()
        hints = stack.enter_context(broadcast(Path(path) / "valkey", options))
        variables = {
            "LATCHKEY_DATABASE_URL": url,
            "LATCHKEY_BROADCAST_URL": hints,
            "LATCHKEY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        arguments = ("switches", "--devices", str(DEVICES), "--listen", f"{{folder}}/{CHANGES}")
        taker = stack.enter_context(house(options, NAME, *arguments, variables=variables))
        variables["LATCHKEY_PUBLIC_URL"] = f"http://127.0.0.1:{taker.port}"
        command = [sys.executable, "-m", "bench.server", "none"]
        giver = stack.enter_context(serving(command, variables, Path(path), options.cores.server))
        subjects = {OURS: partial(_run, _plan(taker, giver, options), options)}
        if hints.startswith("redis"):
            subjects["publish"] = partial(_run, _bare(hints, options), options)
        yield subjects


def _plan(taker: Served, giver: Mapping[str, Any], options: Options) -> Plan:
    """Reports are asked for at one process, and the socket is at the other."""
    changes = taker.folder / CHANGES
    stand = Stand(
        OURS, giver["port"], giver["pid"], changes, taker.token, taker.home_id, cursor=True
    )
    plan = stand.plan(options, sockets=1, burst=1)
    return replace(plan, pace="rate", rate=RATE, workers=UNDER_WAY)


def _bare(url: str, options: Options) -> Plan:
    """The same rate of bare messages through the same Redis, of a process that counts no server."""
    return Plan(
        work="publish",
        port=0,
        token="",
        document="",
        workers=UNDER_WAY,
        seconds=options.seconds,
        pid=0,
        pace="rate",
        rate=RATE,
        more={"redis": url},
    )


def _run(plan: Plan, options: Options) -> Sample:
    taken = loaded_once(plan, options)
    assert taken.p50_ms is not None
    return replace(alone(taken), value=taken.p50_ms)


@contextmanager
def broadcast(folder: Path, options: Options) -> Iterator[str]:
    """A Redis while the block runs; its URL as a broadcast."""
    with ExitStack() as stack:
        with pinned(options.cores.load):
            server = stack.enter_context(valkey(folder))
        yield server.url


ACROSS = Benchmark(
    name=NAME,
    unit="ms",
    about=(
        f"{RATE} reports/s of the devices of one home, taken in and stored by one process on "
        "PostgreSQL, until the message is at a subscriber of another, which learns of it through "
        "Redis (the median). Both processes are on the server's core; PostgreSQL and Redis are on "
        "the other. CPU and memory are those of the process with the socket. publish: the same "
        "rate of bare messages through the same Redis."
    ),
    prepare=_across,
    more_is_better=False,
)
