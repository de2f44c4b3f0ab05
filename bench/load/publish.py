"""A bare publish: what a message takes through Redis to a subscriber, and nothing else with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from bench.load.wrong import Wrong

CHANNEL = "bench"
NEWS = "message"


class Publish:
    """Numbers that are published on one connection, and heard on another, all and in order."""

    def __init__(self, line: Redis) -> None:
        """Nothing published yet."""
        self._line = line
        self._count = 0
        self._heard = 0
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    async def one(self, worker: int) -> bool:
        """Publish a number, and wait until it is heard."""
        del worker
        self._count += 1
        number = self._count
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[number] = done
        await self._line.publish(CHANNEL, number)
        return await done

    async def hear(self, ear: PubSub) -> None:
        """Hear, until cancelled."""
        async for message in ear.listen():
            if message["type"] != NEWS:
                continue
            self._heard += 1
            done, number = self._waiting.pop(self._heard), int(message["data"])
            if done.done():  # whoever waited has given up
                continue
            if number == self._heard:
                done.set_result(True)
            else:
                done.set_exception(Wrong(f"Number {number} was heard as number {self._heard}."))


@asynccontextmanager
async def publishing(url: str) -> AsyncIterator[Publish]:
    """Publish through the Redis at `url` while the block runs."""
    async with (
        Redis.from_url(url, single_connection_client=True) as line,  # which keeps the order
        Redis.from_url(url) as other,
        other.pubsub() as ear,
        asyncio.TaskGroup() as group,
    ):
        await ear.subscribe(CHANNEL)
        work = Publish(line)
        hearing = group.create_task(work.hear(ear))
        yield work
        hearing.cancel()
