"""Our processes: servers that are started, said ready, and always ended; loads that run once.

A server says one line of JSON on stdout when it is ready, and ends when its stdin does, so that
none outlives a benchmark that was killed.
"""

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.contest import ROOT, Failed, Options
from bench.figures import Round
from bench.load.plan import Plan
from bench.machine import pinned

READY_SECONDS = 60.0
END_SECONDS = 10.0
SLACK_SECONDS = 120.0
TAIL = 2_000
"""Characters of a process's last words that a failure shows."""


@contextmanager
def serving(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, core: int | None
) -> Iterator[dict[str, Any]]:
    """Run a server while the block runs; gives what it said when it was ready, and its pid.

    Raises:
        Failed: it ended, or said nothing in time.
    """
    log = folder / "server.log"
    with log.open("wb") as words, pinned(core):
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
        )
    try:
        yield {**_ready(server), "pid": server.pid}
    except (Failed, OSError) as error:
        if server.poll() is None:
            raise
        sentence = f"The server has ended ({server.returncode}).\n{_tail(log)}"
        raise Failed(sentence) from error
    finally:
        _end(server)


def loaded(plan: Plan, options: Options) -> tuple[Round, Round]:
    """Run a load: a round as fast as it goes, and one at half that rate.

    Raises:
        Failed: an answer was wrong.
    """
    return rounds([sys.executable, "-m", "bench.load"], plan.text(), options.cores.load, plan.total)


def loaded_once(plan: Plan, options: Options) -> Round:
    """Run a load of one round: a series, or one at a rate.

    Raises:
        Failed: an answer was wrong.
    """
    command = [sys.executable, "-m", "bench.load"]
    (found,) = said(command, plan.text(), options.cores.load, plan.total)
    return Round(**found)


def rounds(
    command: Sequence[str], text: bytes, core: int | None, seconds: float
) -> tuple[Round, Round]:
    """Run a measuring process that says two rounds.

    Raises:
        Failed: it did not end well within its time.
    """
    full, half = said(command, text, core, seconds)
    return Round(**full), Round(**half)


def said(
    command: Sequence[str],
    text: bytes,
    core: int | None,
    seconds: float,
    variables: Mapping[str, str] | None = None,
) -> Any:
    """Run a measuring process, which takes a plan on stdin and says JSON on stdout.

    Raises:
        Failed: it did not end well within its time.
    """
    try:
        with pinned(core):
            done = subprocess.run(
                command,
                input=text,
                capture_output=True,
                cwd=ROOT,
                env=environment(variables or {}),
                timeout=seconds + SLACK_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        sentence = f"{' '.join(command[1:])} did not end in {error.timeout:.0f} s."
        raise Failed(sentence) from error
    if done.returncode:
        words = done.stderr.decode(errors="replace")[-TAIL:]
        sentence = f"{' '.join(command[1:])} ended ({done.returncode}): {words.strip()}"
        raise Failed(sentence)
    return orjson.loads(done.stdout)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Our environment without anybody's settings of Latchkey, and with these variables."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}
    return {**ours, **variables}


def _ready(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert server.stdout is not None
    readable, _, _ = select.select([server.stdout], [], [], READY_SECONDS)
    line = server.stdout.readline() if readable else b""
    if not line:
        _wait(server, END_SECONDS if readable else 0)
        sentence = f"The server was not ready in {READY_SECONDS:.0f} s."
        raise Failed(sentence)
    said: dict[str, Any] = orjson.loads(line)
    return said


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    for pipe in (server.stdin, server.stdout):
        if pipe is not None:
            pipe.close()
    _wait(server, END_SECONDS)


def _wait(server: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-TAIL:]
