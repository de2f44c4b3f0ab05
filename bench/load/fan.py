"""Fan: state changes on one side, many subscribers on the other, each of whom must get them all.

A unit of work is one event: it begins when a change is asked for, and is done when the last
subscriber has it. All get the same events in the same order, which is checked for every message.
"""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

from bench.load.http import HOST
from bench.load.sockets import Cut, Subscriber
from bench.load.wrong import Wrong

PROBES = 20
PROBE_SECONDS = 0.5


class Fan:
    """The subscribers, and the line on which changes are asked for."""

    def __init__(self, changes: str) -> None:
        """`changes` is the path of the server's socket for changes: one line asks for one."""
        self._path = changes
        self._writer: asyncio.StreamWriter | None = None
        self._subscribers: list[Subscriber] = []
        self._latest: dict[int, str] = {}
        self._counts: Counter[int] = Counter()
        self._got: Counter[int] = Counter()
        self._ids: dict[int, str] = {}
        self._counting = False
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._error: Exception | None = None

    async def open(
        self, port: int, token: str, document: str, variables: dict[str, Any], sockets: int
    ) -> None:
        """Connect, subscribe, and return once a change has reached every subscriber.

        Raises:
            Cut: the server refused a subscriber.
            Wrong: nothing arrived, or not what was asked for.
        """
        _, self._writer = await asyncio.open_unix_connection(self._path)
        loop = asyncio.get_running_loop()
        for number in range(sockets):
            make = partial(self._subscriber, number)
            _, one = await loop.create_connection(make, HOST, port)
            self._subscribers.append(one)
            await one.subscribe(port, token, document, variables)
        for _ in range(PROBES):
            if await self._probe(sockets):
                return
            if self._error is not None:
                raise self._error
        sentence = f"Only {len(self._latest)} of {sockets} subscribers got an event."
        raise Wrong(sentence)

    async def one(self, worker: int) -> bool:
        """Have something change, and wait until everybody knows."""
        del worker
        if self._error is not None:
            raise self._error
        self._asked += 1
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[self._asked] = done
        self._ask()
        return await done

    def close(self) -> None:
        """Hang up on both sides."""
        for one in self._subscribers:
            one.close()
        if self._writer is not None:
            self._writer.close()

    def _subscriber(self, number: int) -> Subscriber:
        return Subscriber(partial(self._next, number), self._failed)

    async def _probe(self, sockets: int) -> bool:
        """Whether one change, alone, is the newest that every subscriber has; then counting begins.

        Until then some may not be subscribed yet, and miss what others get.
        """
        before = set(self._latest.values())
        self._ask()
        await asyncio.sleep(PROBE_SECONDS)
        news = set(self._latest.values())
        if self._error or len(self._latest) < sockets or len(news) != 1 or news == before:
            return False
        self._counting = True
        return True

    def _ask(self) -> None:
        assert self._writer is not None
        self._writer.write(b"\n")

    def _next(self, subscriber: int, payload: dict[str, Any]) -> None:
        event = payload["data"]["deviceStatusChanged"]
        event_id = event["id"]
        if event["changed"] != ["on"] or "cursor" not in payload["extensions"]:
            self._failed(Wrong(f"A subscriber got {payload}."))
        if not self._counting:
            self._latest[subscriber] = event_id
            return
        self._counts[subscriber] += 1
        number = self._counts[subscriber]
        if self._ids.setdefault(number, event_id) != event_id:
            self._failed(Wrong(f"Subscriber {subscriber} got another event as number {number}."))
        self._got[number] += 1
        if self._got[number] == len(self._subscribers):
            del self._got[number], self._ids[number]
            if done := self._waiting.pop(number, None):
                done.set_result(True)

    def _failed(self, error: Cut | Wrong) -> None:
        self._error = self._error or error
        for done in self._waiting.values():
            if not done.done():
                done.set_exception(error)
