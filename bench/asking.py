"""A socket on which a benchmark asks a server for events: each byte that comes in asks for one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

CHUNK = 1 << 16


@asynccontextmanager
async def asked(path: Path, on_asked: Callable[[int], None]) -> AsyncIterator[None]:
    """Tell how many events are asked for, each time that some are, while the block runs."""

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            on_asked(len(chunk))
        writer.close()

    listener = await asyncio.start_unix_server(hear, path)
    try:
        yield
    finally:
        listener.close()
