"""What the webhook benchmarks have in common: settings, receivers, and a first message to check."""

import base64
import http.client
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson

from bench.contest import Failed, Options
from bench.processes import said, serving
from core.domain.errors import LatchkeyError
from core.signing import Secret, verify

HOST: Final = "127.0.0.1"
PROGRAMS: Final = "bench.webhooks"
SECONDS: Final = 300.0
"""The longest that one of these programs may take, beside what all may."""
BYTES: Final = range(450, 600)
"""How long a body of about 500 bytes may be."""


@dataclass(frozen=True, slots=True)
class Got:
    """One request that a receiver got: when, by the machine's monotonic clock, and what."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The id of the event that it tells of."""
        return str(orjson.loads(self.body)["data"]["events"]["id"])

    @staticmethod
    def read(at: float, head: str, body: str) -> "Got":
        """As the receiver told it."""
        first, *lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Got(at, first.split(" ")[1], headers, body.encode())


@dataclass(frozen=True, slots=True)
class Receipts:
    """What a receiver got since it was last asked; without `--keep`, only its first request."""

    count: int
    first: float
    got: Sequence[Got]


@dataclass(frozen=True, slots=True)
class Receivers:
    """Receivers that listen; the good one can be asked."""

    ports: Mapping[str, int]

    def url(self, kind: str = "good") -> str:
        """Where one is."""
        return f"http://{HOST}:{self.ports[kind]}"

    def asked(self) -> Receipts:
        """What the good one got since it was last asked."""
        connection = http.client.HTTPConnection(HOST, self.ports["good"], timeout=30)
        try:
            connection.request("GET", "/")
            told = orjson.loads(connection.getresponse().read())
        finally:
            connection.close()
        got = [Got.read(*one) for one in told["got"]]
        return Receipts(told["count"], told["first"] or 0.0, got)


@dataclass(frozen=True, slots=True)
class Site:
    """A database and what its processes share: all of them are set alike."""

    variables: Mapping[str, str]
    options: Options

    @staticmethod
    def at(url: str, options: Options, **more: str) -> "Site":
        """On a database that nobody uses yet."""
        variables = {
            "LATCHKEY_DATABASE_URL": url,
            "LATCHKEY_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "LATCHKEY_DEVICES_URL": "",
            "LATCHKEY_WEBHOOK_ALLOW": "127.0.0.0/8",
            **more,
        }
        return Site(variables, options)

    def run(self, program: str, *words: object, aside: bool = False) -> Any:
        """Run a program to its end, on the core of servers or `aside`; what it said."""
        cores = self.options.cores
        core = cores.load if aside else cores.server
        return said(command(program, *words), b"", core, SECONDS, self.variables)

    @contextmanager
    def worker(self, profile: Path | None = None) -> Iterator[int]:
        """A worker while the block runs; gives its pid."""
        more = ("--profile", profile) if profile else ()
        with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
            words, core = command("worker", *more), self.options.cores.server
            with serving(words, self.variables, Path(path), core) as ready:
                yield ready["pid"]


def file(folder: Path | str) -> str:
    """The URL of a SQLite database that is not there yet."""
    return f"sqlite+aiosqlite:///{folder}/{uuid4().hex}.db"


def command(program: str, *words: object) -> list[str]:
    """What starts one of the programs."""
    return [sys.executable, "-m", f"{PROGRAMS}.{program}", *map(str, words)]


@contextmanager
def receivers(options: Options, *bad: str, keep: bool = False) -> Iterator[Receivers]:
    """A good receiver and these bad ones while the block runs, each kind in a process of its own.

    Bad ones are busy, and the good one's clock must not suffer from it.
    """
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
        folder, core = Path(path), options.cores.load
        words = command("receiver", *(["--keep"] if keep else []))
        with serving(words, {}, folder, core) as good:
            here = Receivers({"good": good["ports"]["good"]})
            if not bad:
                yield here
                return
            (folder / "bad").mkdir()
            with serving(command("receiver", *bad), {}, folder / "bad", core) as others:
                yield replace(here, ports={**others["ports"], **here.ports})


def checked(got: Got, signed: Mapping[str, str]) -> None:
    """See that this is one of our messages, of the size that is measured, and verifies.

    Raises:
        Failed: it is none.
    """
    if len(got.body) not in BYTES:
        sentence = f"A body has {len(got.body)} bytes: {got.body!r}"
        raise Failed(sentence)
    keys = [Secret.parse(text) for text in signed.values()]
    try:
        verify(keys, got.headers, got.body, datetime.now(UTC))
    except LatchkeyError as error:
        sentence = f"A message does not verify: {error}"
        raise Failed(sentence) from error
