"""The programs of a partner's developer, on Node: started, and spoken to line by line."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.processes import PATIENCE

HERE = Path(__file__).parent
LINE_BYTES = 1_000_000


class Program:
    """One of them. What it asks its app for, a token, is what `token` returns then."""

    def __init__(self, process: asyncio.subprocess.Process, token: Callable[[], str]) -> None:
        self.process = process
        self.token = token
        self.tokens = 0
        """How many it has asked for."""
        self._said: defaultdict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)
        self._count = 0

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What a query or mutation comes to: its result, or its error."""
        return await self.next(self._send("ask", query, variables))

    def watch(self, query: str, **variables: Any) -> str:
        """Watch something from now on; the key by which to hear of it."""
        return self._send("watch", query, variables)

    def stop(self, key: str) -> None:
        """Watch it no more."""
        self._write({"id": key, "does": "stop"})

    async def next(self, key: str) -> dict[str, Any]:
        """What comes next of this operation, or of what the program tells by this name."""
        async with asyncio.timeout(PATIENCE):
            return await self._said[key].get()

    async def results(self, key: str, many: int) -> list[dict[str, Any]]:
        """So many results of a watch."""
        found = [await self.next(key) for _ in range(many)]
        assert [one for one in found if "result" not in one] == []
        return [one["result"] for one in found]

    def unread(self, key: str) -> int:
        """How much has come of it that nobody has looked at."""
        return self._said[key].qsize()

    async def listen(self) -> None:
        """Take in what it says, until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            if said.get("wants") == "token":
                self.tokens += 1
                self._write({"does": "token", "token": self.token()})
            else:
                self._said[said.get("id", next(iter(said)))].put_nowait(said)

    def _send(self, does: str, query: str, variables: dict[str, Any]) -> str:
        self._count += 1
        key = str(self._count)
        self._write({"id": key, "does": does, "query": query, "variables": variables})
        return key

    def _write(self, line: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")


@asynccontextmanager
async def started(
    folder: Path, name: str, *words: str, token: Callable[[], str]
) -> AsyncIterator[Program]:
    """One of the programs while the block runs; then it is ended as if by a crash."""
    process = await asyncio.create_subprocess_exec(
        "node",
        f"{name}.mjs",
        *words,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    program = Program(process, token)
    listening = asyncio.create_task(program.listen())
    try:
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
