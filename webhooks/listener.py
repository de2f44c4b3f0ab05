"""A listener: a temporary endpoint whose deliveries go over the connection of who listens.

This process leases it from when it is made until the connection ends; then it is gone. What dies
without ending leaves it to its lease, and to the worker that finds it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any, Final

from core import observe
from core.domain.accounts import Viewer
from core.domain.endpoints import EndpointStatus
from core.domain.errors import Conflict, Invalid, Missing, Unavailable
from core.domain.events import Event
from core.domain.ports import Clock
from core.domain.sending import Held
from core.services import Endpoints, Planner
from webhooks import protocol
from webhooks.courier import Courier
from webhooks.office import Office
from webhooks.post import Still
from webhooks.replies import Reply
from webhooks.worker import RENEW_SECONDS

log = observe.logger(__name__)

AGAIN_SECONDS: Final = 0.25
LEAVE_SECONDS: Final = 2.0
"""For what is under way to be recorded when the connection ends, before the endpoint is gone."""
LATE: Final = 1_000
"""Requests that timed out of which an answer is still expected."""
GONE: Final = "Whoever listened went away before they answered."


class Line:
    """`webhooks.post.Post` over a connection; who owns that hands in the answers."""

    def __init__(
        self, send: Callable[[Mapping[str, Any]], Awaitable[None]], seconds: float, clock: Clock
    ) -> None:
        """`send` raises OSError once the connection is broken."""
        self._send = send
        self._seconds = seconds
        self._clock = clock
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._late: OrderedDict[int, None] = OrderedDict()
        self._closed = False

    def place(self, url: str) -> AbstractAsyncContextManager[None]:
        """There always is one: a courier has few requests under way, and nobody else is here."""
        del url
        return nullcontext()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, still: Still) -> Reply:
        """Have a request made, and say what became of it."""
        del url, still  # the connection is there
        if self._closed:
            return Reply(None, 0.0, error=GONE)
        self._number += 1
        number, began = self._number, self._clock.monotonic()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(protocol.delivery(number, headers, body))
                reply = await future
        except TimeoutError:
            self._late[number] = None
            if len(self._late) > LATE:
                self._late.popitem(last=False)
            sentence = f"No answer came through within {self._seconds:g} s."
            return Reply(None, self._clock.monotonic() - began, error=sentence)
        except OSError:
            return Reply(None, self._clock.monotonic() - began, error=GONE)
        finally:
            self._waiting.pop(number, None)
        return replace(reply, seconds=min(reply.seconds, self._clock.monotonic() - began))

    def answer(self, number: int, reply: Reply) -> None:
        """Hear what became of a request; what is too late counts no more.

        Raises:
            Invalid: nobody asked, or it was said before.
        """
        future = self._waiting.pop(number, None)
        if future is not None:
            if not future.done():
                future.set_result(reply)
        elif number in self._late:
            del self._late[number]
        else:
            sentence = f"No request with the id {number} waits for an answer."
            raise Invalid(sentence)

    def close(self) -> None:
        """The connection is over, and so is what waits for it."""
        self._closed = True
        for number in tuple(self._waiting):
            self.answer(number, Reply(None, 0.0, error=GONE))


class Listener:
    """One temporary endpoint, from when it was made; `run` is its life."""

    def __init__(
        self,
        held: Held,
        viewer: Viewer,
        line: Line,
        office: Office,
        planner: Planner,
        endpoints: Endpoints,
        asked_at: float,
    ) -> None:
        """Leased for the outbox of this office by a question that was asked at this time."""
        self._held = held
        self._viewer = viewer
        self._line = line
        self._office = office
        self._planner = planner
        self._endpoints = endpoints
        self._leased_at = asked_at
        self._courier: Courier | None = None
        self._changed = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Send what happens, until cancelled; the endpoint is gone then.

        Raises:
            Missing: its client deleted it.
            Conflict: it is disabled.
            Unavailable: its lease was lost.
        """
        recorder = self._office.recorder
        works = [
            asyncio.create_task(work(), name=f"listener {self._held.endpoint.id}")
            for work in (self._send, self._renew, recorder.run, self._planner.run)
        ]
        self._planner.taps.append(self._planned)
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._planner.taps.remove(self._planned)
            await self._leave(works)

    async def _send(self) -> None:
        """Have a courier, and another one after each change, while the endpoint is active."""
        while not self._over.is_set():
            self._changed.clear()
            try:
                held = await self._found()
            except Unavailable:
                await self._office.clock.sleep(AGAIN_SECONDS)
                continue
            if self._over.is_set():
                return
            if not held.endpoint.active:
                await self._changed.wait()
                continue
            self._courier = Courier(held, self._office, self._leased_at, stays=True)
            await self._courier.run()
            if not self._over.is_set():
                await self._office.clock.sleep(AGAIN_SECONDS)

    async def _found(self) -> Held:
        endpoint_id = self._held.endpoint.id
        held = await self._endpoints.find(self._viewer.client.id, endpoint_id)
        if held is None:
            sentence = f"Endpoint {endpoint_id} was deleted, so nothing more comes to it."
            raise Missing(sentence)
        endpoint = held.endpoint
        if endpoint.status is EndpointStatus.DISABLED:
            sentence = f"Endpoint {endpoint_id} is disabled: {endpoint.disabled_because}"
            raise Conflict(sentence)
        return held

    async def _renew(self) -> None:
        """Keep the lease, and hear what the client has changed."""
        clock, endpoint_id, version = self._office.clock, self._held.endpoint.id, 0
        while True:
            await clock.sleep(RENEW_SECONDS)
            asked_at = clock.monotonic()
            try:
                kept = await self._office.outbox.renew([endpoint_id])
            except Unavailable:
                continue  # the courier ends by itself, once it has been too long
            if endpoint_id not in kept:
                await self._found()  # raises where it was deleted and is taken away already
                sentence = "This server was held up for too long, and another one took over."
                raise Unavailable(sentence)
            self._leased_at = asked_at
            if self._courier is not None:
                self._courier.renewed(asked_at, kept[endpoint_id])
            if kept[endpoint_id] != version:
                version = kept[endpoint_id]
                self._changed.set()

    def _planned(self, endpoint_ids: Collection[str], events: Collection[Event]) -> None:
        if self._held.endpoint.id in endpoint_ids:
            self._office.outbox.remember(events)
            if self._courier is not None:
                self._courier.wake()

    async def _leave(self, works: list[asyncio.Task[None]]) -> None:
        """End what is under way, then have the endpoint be gone."""
        self._over.set()
        self._line.close()
        self._changed.set()
        if self._courier is not None:
            self._courier.end()
        try:
            await asyncio.wait(works[:1], timeout=LEAVE_SECONDS)
        finally:
            for task in works:
                task.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            self._office.outbox.close()
            await self._delete()

    async def _delete(self) -> None:
        endpoint_id = self._held.endpoint.id
        with suppress(Missing):
            try:
                await self._endpoints.delete(self._viewer, endpoint_id)
            except Unavailable:
                log.warning("listener_left", endpoint_id=endpoint_id)
