"""Subscribers who keep what they got, each on a socket of its own."""

import asyncio
from collections.abc import Callable, Sequence
from sys import intern
from typing import Any, Final, NamedTuple, Self

from tests.chaos.sockets import End, Message, Socket, connect

SECONDS: Final = 30.0
"""For what takes less than three on a quiet machine."""


class Told(NamedTuple):
    """What is kept of an event. Strings are shared, since many are told the same."""

    home: str
    id: str
    device: str | None


class Subscriber:
    """One subscription: its events in the order in which they came, and its last cursor."""

    def __init__(self) -> None:
        self.events: list[Told] = []
        self.others: list[Message] = []
        """What came that was neither an event nor a heartbeat."""
        self.cursor: str | None = None
        self.pings = 0
        self._socket: Socket | None = None

    @classmethod
    async def begun(
        cls,
        port: int,
        token: str,
        document: str,
        *,
        after: str | None = None,
        holds: int | None = None,
        **variables: Any,
    ) -> Self:
        """One that has asked for its subscription, on a new socket (`holds` as for `connect`)."""
        subscriber = cls()
        subscriber.cursor = after
        await subscriber.go_on(port, token, document, holds=holds, **variables)
        return subscriber

    def copy(self) -> "Subscriber":
        """Another one who knows what this one knows now, and is connected to nothing."""
        subscriber = Subscriber()
        subscriber.events, subscriber.cursor = [*self.events], self.cursor
        return subscriber

    async def go_on(
        self, port: int, token: str, document: str, *, holds: int | None = None, **variables: Any
    ) -> None:
        """Go on from the last cursor, on a new socket."""
        self._socket = await connect(port, token, self.hear, holds=holds)
        self.socket.subscribe(document, after=self.cursor, **variables)

    @property
    def socket(self) -> Socket:
        """What it listens to."""
        assert self._socket is not None
        return self._socket

    def seen(self, home_id: str) -> list[str]:
        """The ids of the events of one home."""
        return [event.id for event in self.events if event.home == home_id]

    def of(self, device_id: str) -> list[str]:
        """The ids of the events of one device."""
        return [event.id for event in self.events if event.device == device_id]

    def hear(self, message: Message) -> None:
        """Take in a message."""
        match message:
            case {"type": "next", "payload": {"data": data, "extensions": {"cursor": cursor}}}:
                self.events += map(_told, data.values())
                self.cursor = cursor
            case {"type": "ping", "payload": {"cursors": cursors}}:
                self.pings += 1
                self.cursor = cursors.get("1", self.cursor)
            case _:
                self.others.append(message)

    async def end(self) -> End:
        """How its connection ends."""
        return await asyncio.wait_for(asyncio.shield(self.socket.ended), SECONDS)


def _told(event: dict[str, Any]) -> Told:
    device = event.get("device")
    return Told(intern(event["home"]["id"]), intern(event["id"]), device and intern(device["id"]))


async def until(so: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Return once it is so."""
    async with asyncio.timeout(seconds):
        while not so():  # noqa: ASYNC110 - what is awaited is far away
            await asyncio.sleep(0.01)


async def gathered(
    subscribers: Sequence[Subscriber], so: Callable[[Subscriber], bool], seconds: float = SECONDS
) -> None:
    """Return once it is so for each of these, whose connections must not end meanwhile."""

    def over() -> bool:
        ended = [one.socket.ended.result() for one in subscribers if one.socket.ended.done()]
        assert ended == [], ended
        return all(map(so, subscribers))

    await until(over, seconds)
