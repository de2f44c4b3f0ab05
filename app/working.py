"""Working: what sends webhooks, in a process of its own (`latchkey worker`) or beside a server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from socket import socket as Listener  # noqa: N812 - as in `app.address`
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.address import bound
from app.background import background
from app.compose import House, build, running
from app.ending import Ending, asked_to_end
from app.health import Ready, alive
from app.metering import Toll
from app.metrics import Meter, Metrics
from app.server import Server, begin, calm_collector, graph_of
from core.domain import schedule
from core.domain.addresses import networks
from core.settings import Settings
from subscriptions.sessions import Sessions
from webhooks.guard import Guard
from webhooks.office import Office
from webhooks.post import Post
from webhooks.recorder import Recorder
from webhooks.sender import Sender
from webhooks.worker import Worker

EACH: Final = 32
"""Requests to one host at a time."""


async def alone(settings: Settings, host: str, port: int) -> None:
    """A process that sends webhooks, and runs no devices, until it is asked to end.

    It answers `/livez`, `/readyz` and `/metrics` at this address, and nothing else.

    Raises:
        Unavailable: the address is taken, or the database does not fit.
        Invalid: the schedule is none.
    """
    ending = asked_to_end()
    house = build(settings.model_copy(update={"devices_url": ""}))
    with bound(host, port) as listener:
        async with (
            running(house),
            working(house, ending=ending) as worker,
            _probed(house, listener, Toll(worker, house.services.planner)),
        ):
            calm_collector()
            await ending.wait()


@asynccontextmanager
async def working(
    house: House, post: Post | None = None, ending: Ending | None = None
) -> AsyncIterator[Worker]:
    """Plan and send what a running house's webhooks are while the block runs; then drain.

    What is under way ends first, which takes as long as a receiver may: no request is cut off,
    unless the `ending` is asked for a second time.
    """
    begin(house)
    services, settings, clock = house.services, house.settings, house.clock
    steps = schedule.parsed(settings.webhook_schedule)
    seconds = settings.webhook_timeout_seconds
    recorder = Recorder(services.outbox, clock)
    async with AsyncExitStack() as stack:
        if post is None:
            guard = Guard(networks(settings.webhook_allow))
            post = sender = Sender(guard, clock, seconds=seconds, each=EACH)
            stack.push_async_callback(sender.close)
        office = Office(services.outbox, post, recorder, steps, seconds, clock, house.ids)
        worker = Worker(office, services.planner)
        if ending is not None:
            worker.hurried = partial(ending.wait, 2)
        # Ended in reverse: whoever sends ends before what records, and renews, for it.
        sending = recorder.run, worker.renew, worker.count, worker.run
        repairs = services.repairs
        for work in (*sending, services.planner.run, repairs.replayer.run, repairs.tidying.run):
            await stack.enter_async_context(background(house.dead, work))
        yield worker


@asynccontextmanager
async def _probed(house: House, listener: Listener, toll: Toll) -> AsyncIterator[None]:
    """Answer probes and scrapers while the block runs."""
    meters = Meter(house, graph_of(house), Sessions()), toll
    metrics = Metrics(meters, house.settings.metrics_token)
    readiness = Ready(house.checks, house.clock)

    async def ready(request: Request) -> Response:
        return await readiness(request)

    routes = [
        Route("/livez", alive),
        Route("/readyz", ready),
        Route("/metrics", metrics.answer),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)

    async def serve() -> None:
        await server.serve([listener])

    async with background(house.dead, serve):
        yield
        server.should_exit = True
