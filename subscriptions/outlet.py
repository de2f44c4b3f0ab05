"""The outlet of one connection: messages go out in order until it is closed, which happens once."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

import orjson

from core.domain.errors import LatchkeyError, Unauthenticated
from subscriptions.protocol import Close

CLOSE_SECONDS: Final = 1.0
"""How long a peer that does not read keeps the frame that closes it waiting."""
Message: TypeAlias = Mapping[str, object]


class Gone(Exception):
    """The peer is away, or the connection closed: nobody is there to be told."""


class Wire(Protocol):
    """What carries messages."""

    async def send(self, text: str) -> None:
        """One message out; it waits while the peer does not read.

        Raises:
            Gone: the peer is away.
        """

    async def close(self, code: Close, sentence: str) -> None:
        """Say why it ends; the frames that come in end with that.

        Raises:
            Gone: the peer is away.
        """


class Outlet:
    """What a session and its operations send by."""

    def __init__(self, wire: Wire) -> None:
        """Open."""
        self._wire = wire
        self.closed = False
        self.stalled = False
        """Whether the peer did not take the frame that closes it: it has to be left as it is."""
        self.leave: Callable[[], object] = _stay
        """Called then: nothing else would end the reading."""

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            Gone: nobody is there.
        """
        if self.closed:
            raise Gone
        await self._wire.send(orjson.dumps(message).decode())

    async def close(self, code: Close, sentence: str) -> None:
        """Close with a code and a sentence; whoever comes second changes nothing."""
        if self.closed:
            return
        self.closed = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._wire.close(code, sentence)
        except Gone:
            pass
        except TimeoutError:
            self.stalled = True
            self.leave()

    async def close_for(self, error: LatchkeyError) -> None:
        """Close as this error asks for."""
        code = Close.TRY_LATER
        if isinstance(error, Unauthenticated):
            code = Close.UNAUTHORIZED if error.taken_back else Close.FORBIDDEN
        await self.close(code, str(error))


def _stay() -> None:
    """Nobody reads."""
