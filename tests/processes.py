"""Real processes of ours, on free ports, ended with the test; and partners that talk to them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[1]
SECRET = b64encode(b"only for tests, 32 bytes of text").decode()
PATIENCE = 20.0
"""Seconds for what takes less than one on a quiet machine."""


@dataclass
class Process:
    """One process of ours and the folder it runs in."""

    process: subprocess.Popen[str]
    log: Path
    ready: dict[str, Any] = field(default_factory=dict)

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end (or, with SIGKILL, end it), and return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    @property
    def said(self) -> str:
        """What it logged."""
        return self.log.read_text()


class Starter:
    """Starts processes in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Process] = []

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return what it printed."""
        done = self._run(words, env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What a command printed as a line of JSON."""
        fields: dict[str, Any] = json.loads(self.run(*words, "--json", env=env))
        return fields

    def refused(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command that must fail, and return what it said."""
        done = self._run(words, env)
        assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def _run(
        self, words: Sequence[str], env: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            cwd=self.folder,
            env=_environment(env),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def demo(self, *words: str, env: Mapping[str, str] | None = None, port: str = "0") -> Process:
        """A demo, once it has printed its line."""
        started = self._start("demo", "--json", "--port", port, *words, env=env)
        assert started.process.stdout is not None
        line = started.process.stdout.readline()
        assert line, started.said
        started.ready = json.loads(line)
        return started

    def serve(self, port: int, env: Mapping[str, str] | None = None, *words: str) -> Process:
        """A server process; ready once `/readyz` says so (see `until_ready`)."""
        return self._start("serve", "--port", str(port), *words, env=env)

    def listen(self, *words: str, env: Mapping[str, str] | None = None) -> Process:
        """Somebody who listens; what they print is among what is `said`."""
        return self._start("listen", *words, env=env, printed=True)

    def worker(self, port: int, env: Mapping[str, str] | None = None) -> Process:
        """A process that sends webhooks; ready once `/readyz` says so."""
        return self._start("worker", "--port", str(port), env=env)

    def _start(self, *words: str, env: Mapping[str, str] | None, printed: bool = False) -> Process:
        log = self.folder / f"log-{len(self.started)}.txt"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "app", *words],
                cwd=self.folder,
                env=_environment(env),
                stdout=errors if printed else subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.started.append(Process(process, log))
        return self.started[-1]

    def end_all(self) -> None:
        """End whatever still runs."""
        for one in self.started:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()
            if one.process.stdout:
                one.process.stdout.close()


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LATCHKEY_")}
    return {**clean, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(more or {})}


@dataclass(frozen=True)
class Partner:
    """A partner's app: a token, and where to use it."""

    graphql_url: str
    ws_url: str
    token: str

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a query or mutation that must succeed."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to a query or mutation."""
        async with aiohttp.ClientSession() as session:
            response = await session.post(
                self.graphql_url,
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {self.token}"},
            )
            answer: dict[str, Any] = await response.json()
            return answer

    @asynccontextmanager
    async def watching(self, query: str, **variables: Any) -> AsyncIterator["Watching"]:
        """A live subscription while the block runs."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.ws_url, protocols=("graphql-transport-ws",)) as socket,
        ):
            payload = {"authorization": f"Bearer {self.token}"}
            await socket.send_json({"type": "connection_init", "payload": payload})
            assert (await socket.receive_json())["type"] == "connection_ack"
            await socket.send_json(
                {
                    "id": "1",
                    "type": "subscribe",
                    "payload": {"query": query, "variables": variables},
                }
            )
            # A ping is answered after the subscribe before it was taken in.
            await socket.send_json({"type": "ping"})
            yield Watching(socket)


@dataclass
class Watching:
    """The messages of one live subscription."""

    socket: aiohttp.ClientWebSocketResponse
    cursor: str | None = None

    async def next(self) -> dict[str, Any]:
        """The next event's data, whatever its field is called."""
        async with asyncio.timeout(PATIENCE):
            while (message := await self.socket.receive_json())["type"] in {"ping", "pong"}:
                if message["type"] == "ping":
                    await self.socket.send_json({"type": "pong"})
        assert message["type"] == "next", message
        payload = message["payload"]
        assert "errors" not in payload, payload
        self.cursor = payload["extensions"]["cursor"]
        (event,) = payload["data"].values()
        return dict(event)


def partner_of(demo: Process) -> Partner:
    """The partner whose token a demo printed."""
    ready = demo.ready
    return Partner(ready["graphql_url"], ready["ws_url"], ready["access_token"])


async def until_ready(base_url: str) -> None:
    """Return once the process answers that it can serve."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{base_url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
