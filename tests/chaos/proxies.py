"""A way between a peer and a server that can go dead: nothing passes, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.chaos.sockets import HOST


class Proxy:
    """Passes bytes both ways until it is `dead`; then whoever is connected stays so, unheard."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []
        self.dead = False
        self.port = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, and its other half to the server."""
        there, back = await asyncio.open_connection(HOST, self._target)
        self._writers += [writer, back]
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if not self.dead:
                sink.write(data)
        if not self.dead:
            sink.close()

    def close(self) -> None:
        """Hang up on all."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy to a port while the block runs."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.carry, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.close()
        await asyncio.sleep(0)
