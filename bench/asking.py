"""A socket on which a benchmark asks a server for events: each byte that comes in asks for one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

OnAsked: TypeAlias = Callable[[int], None]


class _Ear(asyncio.Protocol):
    """One connection. Without a task, which would cost as much as some events do."""

    def __init__(self, connected: Callable[[], OnAsked]) -> None:
        self._on_asked = connected()

    def data_received(self, data: bytes) -> None:
        """So many are asked for."""
        self._on_asked(len(data))


@asynccontextmanager
async def asked(path: Path, connected: Callable[[], OnAsked]) -> AsyncIterator[None]:
    """Hear who connects while the block runs.

    `connected` gives what is told how many events are asked for, each time that some are.
    """
    loop = asyncio.get_running_loop()
    listener = await loop.create_unix_server(partial(_Ear, connected), path)
    try:
        yield
    finally:
        listener.close()
