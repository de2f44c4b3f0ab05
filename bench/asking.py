"""A socket on which a benchmark asks a server for events: each byte that comes in asks for one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

CHUNK = 1 << 16
OnAsked: TypeAlias = Callable[[int], None]


@asynccontextmanager
async def asked(path: Path, connected: Callable[[], OnAsked]) -> AsyncIterator[None]:
    """Hear who connects while the block runs.

    `connected` gives what is told how many events are asked for, each time that some are.
    """

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        on_asked = connected()
        while chunk := await reader.read(CHUNK):
            on_asked(len(chunk))
        writer.close()

    listener = await asyncio.start_unix_server(hear, path)
    try:
        yield
    finally:
        listener.close()
