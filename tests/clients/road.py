"""The road to a server: a TCP proxy that can be cut, held up or led elsewhere, as roads are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 65_536


class Road:
    """One address, behind which a server stands."""

    def __init__(self, to: int) -> None:
        """It leads to this port, for those who come from now on."""
        self.to = to
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._passes.set()

    @property
    def graphql_url(self) -> str:
        """Where queries go."""
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        """Where sockets go."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    def cut(self) -> None:
        """Reset every connection, as a network does that has lost them."""
        for writer in self._open:
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing through, and say so to nobody."""
        self._passes.clear()

    def free(self) -> None:
        """Let through what comes."""
        self._passes.set()

    async def travel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, both ways, to its end."""
        ends = [writer]
        self._open.add(writer)
        try:
            back, on = await asyncio.open_connection("127.0.0.1", self.to)
            ends.append(on)
            self._open.add(on)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, on))
                ways.create_task(self._carry(back, writer))
        except OSError:
            pass
        finally:
            for end in ends:
                self._open.discard(end)
                end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()


@asynccontextmanager
async def road(to: int, at: int = 0) -> AsyncIterator[Road]:
    """A road to this port, from the port `at` or a free one, while the block runs."""
    found = Road(to)
    server = await asyncio.start_server(found.travel, "127.0.0.1", at)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        found.free()
        found.cut()
