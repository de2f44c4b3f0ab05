"""Working: what sends webhooks, in a process of its own (`latchkey worker`) or beside a server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from app.background import background
from app.compose import House
from app.server import begin
from core.domain import schedule
from core.domain.addresses import networks
from webhooks.courier import Office, Post
from webhooks.guard import Guard
from webhooks.recorder import Recorder
from webhooks.sender import Sender
from webhooks.worker import Worker

EACH: Final = 32
"""Requests to one host at a time."""


@asynccontextmanager
async def working(house: House, post: Post | None = None) -> AsyncIterator[Worker]:
    """Plan and send what a running house's webhooks are while the block runs; then drain.

    What is under way ends first, which takes as long as a receiver may: no request is cut off.
    """
    begin(house)
    services, settings, clock = house.services, house.settings, house.clock
    recorder = Recorder(services.outbox, clock)
    async with AsyncExitStack() as stack:
        if post is None:
            seconds = settings.webhook_timeout_seconds
            guard = Guard(networks(settings.webhook_allow))
            post = sender = Sender(guard, clock, seconds=seconds, each=EACH)
            stack.push_async_callback(sender.close)
        office = Office(
            services.outbox,
            post,
            recorder,
            schedule.parsed(settings.webhook_schedule),
            settings.webhook_timeout_seconds,
            clock,
            house.ids,
        )
        worker = Worker(office, services.planner)
        # Ended in reverse: whoever sends ends before what records, and renews, for it.
        for work in (recorder.run, worker.renew, worker.run, services.planner.run):
            await stack.enter_async_context(background(house.dead, work))
        yield worker
