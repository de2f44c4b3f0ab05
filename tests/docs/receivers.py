"""The receivers of docs/webhooks.md as processes, and messages as we sign and send them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.peers import node
from core.domain.time import SystemClock
from core.signing import Body, Form, Former, Message, Meta, Secret, SenderKey, Signer
from tests.processes import PATIENCE, ROOT
from tests.system.test_processes import free_port

FOLDER = ROOT / "docs/examples/receivers"
PYTHON, NODE = FOLDER / "python/receiver.py", FOLDER / "node/receiver.mjs"
RECEIVERS = [pytest.param(PYTHON, id="python"), pytest.param(NODE, id="node")]
SECRET, OTHER = Secret.make(), Secret.make()
NUMBERS = count(1)
CLOCK = SystemClock()


@dataclass(frozen=True)
class Signed:
    """A message as it would be sent: its id, the headers and the body."""

    id: str
    headers: dict[str, str]
    body: bytes

    @property
    def members(self) -> Any:
        """What its receiver should read."""
        return orjson.loads(self.body)


def signed(
    form: Form,
    *former: Former,
    key: SenderKey = SECRET,
    at: datetime | None = None,
    data: bytes = '{"deviceStatusChanged":{"device":{"name":"Küche ☀"}}}'.encode(),
) -> Signed:
    """A message that no other is, as the worker would send it."""
    at, number = at or CLOCK.now(), next(NUMBERS)
    meta = Meta(f"place-{number}", number, number - 1 or None, stale=False)
    source = "https://api.example.com/devices/device_1"
    what = ("device.status_changed", at, source, f"event_{number}", "https://api.example.com/e")
    body: Body = form(Message(f"msg_{os.getpid()}_{number}", *what, meta), data)
    message_id = f"msg_{os.getpid()}_{number}"
    headers = Signer(key, former).headers(message_id, at, body.content)
    return Signed(message_id, {**headers, "content-type": body.content_type}, body.content)


@dataclass
class Running:
    """One receiver that runs: where it is, and where what it says goes."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    read: int = field(default=0)

    @property
    def url(self) -> str:
        """Where it takes messages."""
        return f"http://127.0.0.1:{self.port}/hooks"

    def handled(self, many: int) -> list[Any]:
        """The next so many messages that it worked on, and that there are no more."""
        ends = time.monotonic() + PATIENCE
        while len(lines := self._lines()) < many and time.monotonic() < ends:
            time.sleep(0.01)
        self.read += len(lines)
        assert len(lines) == many, self.log.with_suffix(".err").read_text()
        return [orjson.loads(line) for line in lines]

    def _lines(self) -> list[bytes]:
        whole = self.log.read_bytes().rpartition(b"\n")[0]
        return whole.splitlines()[self.read :]


@contextmanager
def running(path: Path, folder: Path, secret: str = SECRET.text) -> Iterator[Running]:
    """The receiver of this file, once it listens, until the block ends."""
    if path.suffix == ".mjs" and (reason := node.missing(NODE.parent)):
        pytest.skip(f"The receiver on Node cannot run: {reason}")
    port, log = free_port(), folder / f"{path.parent.name}.log"
    words = [sys.executable, "-m", "uvicorn", "receiver:app", "--port", str(port)]
    words.append("--no-access-log")  # which goes where messages are printed
    env = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port), "PYTHONPATH": ""}
    with log.open("wb") as out, log.with_suffix(".err").open("wb") as errors:
        process = subprocess.Popen(
            ["node", path.name] if path.suffix == ".mjs" else words,
            cwd=path.parent,
            env=env,
            stdout=out,
            stderr=errors,
        )
    try:
        _until_it_listens(process, port)
        yield Running(port, log, process)
        assert process.poll() is None, log.with_suffix(".err").read_text()
    finally:
        process.kill()
        process.wait()


def changed(path: Path, folder: Path, change: Callable[[str], str]) -> Path:
    """A copy of a receiver that differs in one place, beside the packages that it needs."""
    there = folder / path.parent.name
    there.mkdir()
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    (there / path.name).write_text(change(text), encoding="utf-8")
    if path.suffix == ".mjs":
        shutil.copy(path.parent / "package.json", there)
        (there / "node_modules").symlink_to(path.parent / "node_modules")
    return there / path.name


def _until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < ends
            time.sleep(0.02)
        else:
            return
