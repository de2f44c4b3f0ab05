"""Our own server as a benchmark's subject: started on a temporary database, asked, loaded."""

import base64
import http.client
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.contest import Failed, Options, Subject
from bench.figures import Sample, sample
from bench.load.http import HOST
from bench.load.plan import Plan
from bench.processes import loaded, serving

ANSWER_SECONDS = 30
OK = 200
CHANGES = "changes"
"""The socket in a server's folder on which changes are asked for."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready, and what it said of itself."""

    pid: int
    port: int
    token: str
    app: Mapping[str, str]
    home_id: str
    devices: Sequence[Mapping[str, Any]]
    folder: Path

    def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of one request, for checks before the clock runs.

        Raises:
            Failed: the answer has errors.
        """
        return asked(self.port, self.token, document, variables)

    def change(self) -> None:
        """Ask for a change of the next device; the server was started with `--listen CHANGES`."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.folder / CHANGES))
            line.sendall(b"\n")

    def subject(
        self,
        options: Options,
        plan: Callable[["Served"], Plan],
        before: Callable[[], None] = lambda: None,
    ) -> Subject:
        """Runs of this load on this server; `before` makes it ready for one."""

        def run() -> Sample:
            before()
            return sample(*loaded(plan(self), options))

        return run


def asked(
    port: int, token: str, document: str, variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The `data` that a server answers.

    Raises:
        Failed: the answer has errors, or is none.
    """
    text = answered(port, token, document, variables)
    answer = orjson.loads(text)
    if "errors" in answer:
        raise Failed(text.decode())
    data: dict[str, Any] = answer["data"]
    return data


def answered(
    port: int, token: str, document: str, variables: Mapping[str, Any] | None = None
) -> bytes:
    """The bytes that a server answers.

    Raises:
        Failed: it answered another status than 200.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        body = orjson.dumps({"query": document, "variables": variables or {}})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/graphql", body, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status != OK:
        sentence = f"{response.status} {text.decode(errors='replace')}"
        raise Failed(sentence)
    return text


@contextmanager
def house(
    options: Options, name: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Run `bench.server` with these arguments while the block runs.

    Raises:
        Failed: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
        folder = Path(path)
        settings = {
            "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/latchkey.db",
            "LATCHKEY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "LATCHKEY_DEVICES_URL": "simulator://?latency=0&still=1",
            **(variables or {}),
        }
        command = [
            sys.executable,
            "-m",
            "bench.server",
            *(one.format(folder=folder) for one in arguments),
        ]
        if profile := options.profile(name):
            command += ["--profile", str(profile)]
        with serving(command, settings, folder, options.cores.server) as said:
            yield Served(**said, folder=folder)
