"""Deliveries of the client that asks, whoever it asks for: looked at, repaired, and explained."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial

from core.domain.answers import Attempt
from core.domain.audit import Kind
from core.domain.events import EventType
from core.domain.explaining import EventExplanation
from core.domain.repairs import Chosen, Replay, Traced, Which
from core.domain.sending import Notice
from core.services.letters import Letter
from core.services.trials import Trial
from core.signing import told_again
from resolvers.asking import Ask
from resolvers.endpoints import WebhookEndpoint, shown as shown_endpoint
from resolvers.paging import Page, sized

DELIVERIES = "deliveries"
NOTICES = "notices"
"""What the cursors of the lists are of; of one endpoint's deliveries, with its id."""


class Endpoints:
    """The endpoints of the client, read once for all deliveries that are asked for theirs."""

    def __init__(self, ask: Ask) -> None:
        """Nothing is read yet."""
        self._ask = ask
        self._found: asyncio.Future[Mapping[str, WebhookEndpoint]] | None = None

    async def find(self, endpoint_id: str) -> WebhookEndpoint:
        """The one with this id: that of a delivery is there as long as the delivery is."""
        if self._found is None:
            self._found = asyncio.ensure_future(self._read())
        found = (await self._found).get(endpoint_id)
        if found is not None:
            return found
        client_id = self._ask.who.client.id
        held = await self._ask.services.repairs.deliveries.endpoint(client_id, endpoint_id)
        return shown_endpoint(held)

    async def _read(self) -> Mapping[str, WebhookEndpoint]:
        client_id = self._ask.who.client.id
        found = await self._ask.services.repairs.deliveries.endpoints(client_id)
        return {held.endpoint.id: shown_endpoint(held) for held in found}


@dataclass(slots=True)
class WebhookDelivery(Traced):
    """A delivery as its client is shown it."""

    endpoints: Endpoints | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class WebhookReplay(Replay):
    """A replay as its client is shown it."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a request."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One try of a delivery, with the headers that it went with."""

    number: int
    started_at: datetime
    duration_ms: int
    status: int | None
    response: str
    error: str | None
    request_headers: Sequence[Header]


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """A request as it is, and what sends it."""

    letter: Letter
    delivery: WebhookDelivery | None


async def find(ask: Ask, delivery_id: str) -> WebhookDelivery | None:
    """A delivery; None where the client has none with this id."""
    found = await ask.services.repairs.deliveries.find(ask.who.client.id, delivery_id)
    return _shown(found, Endpoints(ask)) if found else None


async def listed(
    ask: Ask, which: Which, first: int | None, after: str | None
) -> Page[WebhookDelivery]:
    """A page of deliveries, the newest first; it may hold few and still have a next one.

    A cursor holds for the client, and for the endpoint that was asked for.

    Raises:
        Invalid: first is out of range, or the cursor is not one of this list.
    """
    size, client_id = sized(first, "first"), ask.who.client.id
    name = DELIVERIES if which.endpoint_id is None else f"{DELIVERIES}:{which.endpoint_id}"
    seal = partial(ask.cursors.key, client_id, name)
    before = None
    if after is not None:
        (before,) = ask.cursors.open_key(client_id, name, after, "after")
    found = await ask.services.repairs.deliveries.page(client_id, which, before, size + 1)
    endpoints = Endpoints(ask)
    nodes = [_shown(one, endpoints) for one in found.deliveries[:size]]

    def key(at: int) -> str:
        one = nodes[at]
        return seal((one.id if which.endpoint_id is None else one.number,))

    end = found.end
    return Page(
        nodes=nodes,
        seal=key,
        less=after is not None,
        more=len(found.deliveries) > size or end is not None,
        end=None if end is None else lambda: seal((end,)),
    )


async def redeliver(ask: Ask, delivery_id: str) -> WebhookDelivery:
    """The delivery, to be sent again. Raises as `core.services.deliveries` does."""
    client_id = ask.who.client.id
    repairs = ask.services.repairs
    after = await repairs.deliveries.redeliver(client_id, delivery_id)
    repairs.notes.note(Kind.ENDPOINT_REDELIVER, ask.who, after.endpoint_id)
    return _shown(after, Endpoints(ask))


async def replay(ask: Ask, endpoint_id: str, chosen: Chosen, after: str | None) -> WebhookReplay:
    """A new replay. Raises as `core.services.replays.Replays.begin` does."""
    repairs = ask.services.repairs
    begun = await repairs.replays.begin(ask.who.client.id, endpoint_id, chosen, after)
    repairs.notes.note(Kind.ENDPOINT_REPLAY, ask.who, endpoint_id)
    return _replay(begun)


async def find_replay(ask: Ask, replay_id: str) -> WebhookReplay | None:
    """A replay; None where the client has none with this id."""
    found = await ask.services.repairs.replays.find(ask.who.client.id, replay_id)
    return _replay(found) if found else None


async def test(
    ask: Ask, endpoint_id: str, type: EventType | None, event_id: str | None, *, dry_run: bool
) -> WebhookTest:
    """The request of a test. Raises as `core.services.trials.Trials.test` does."""
    repairs = ask.services.repairs
    trial: Trial = await repairs.trials.test(
        ask.who.client.id, endpoint_id, type, event_id, dry_run=dry_run
    )
    delivery = trial.delivery
    if delivery is not None:
        repairs.notes.note(Kind.ENDPOINT_TEST, ask.who, endpoint_id)
    return WebhookTest(trial.letter, _shown(delivery, Endpoints(ask)) if delivery else None)


async def explain(ask: Ask, event_id: str) -> Sequence[EventExplanation]:
    """What became of an event. Raises as `core.services.explaining.Explaining.explain` does."""
    return await ask.services.repairs.explaining.explain(ask.who.client.id, event_id)


def explained(ask: Ask, explanation: EventExplanation) -> WebhookDelivery | None:
    """The delivery of an explanation."""
    delivery = explanation.delivery
    return _shown(delivery, Endpoints(ask)) if delivery else None


async def notices(ask: Ask, first: int | None, after: str | None) -> Page[Notice]:
    """A page of what the client was told, the newest first.

    Raises:
        Invalid: first is out of range, or the cursor is not one of this list.
    """
    size, client_id = sized(first, "first"), ask.who.client.id
    before = None
    if after is not None:
        (before,) = ask.cursors.open_key(client_id, NOTICES, after, "after")
    found = await ask.services.repairs.deliveries.notices(
        client_id, None if before is None else str(before), size + 1
    )
    nodes = found[:size]
    seal = partial(ask.cursors.key, client_id, NOTICES)
    return Page(
        nodes=nodes,
        seal=lambda at: seal((nodes[at].id,)),
        less=after is not None,
        more=len(found) > size,
    )


async def endpoint(ask: Ask, delivery: WebhookDelivery) -> WebhookEndpoint:
    """The endpoint of a delivery."""
    return await (delivery.endpoints or Endpoints(ask)).find(delivery.endpoint_id)


def attempts(delivery: WebhookDelivery) -> Sequence[WebhookAttempt]:
    """What was tried, in order."""
    return [_attempt(delivery, one) for one in delivery.attempts]


def next_at(delivery: WebhookDelivery) -> datetime | None:
    """When it is tried next; None once it has ended."""
    return delivery.next_at if delivery.open else None


def headers(letter: Letter) -> Sequence[Header]:
    """The headers of a request."""
    return [Header(name, value) for name, value in letter.headers.items()]


def _attempt(delivery: WebhookDelivery, one: Attempt) -> WebhookAttempt:
    sent = told_again(delivery.message_id, one.started_at, one.signature)
    return WebhookAttempt(
        number=one.number,
        started_at=one.started_at,
        duration_ms=round(one.seconds * 1_000),
        status=one.status,
        response=one.response,
        error=one.said or None,
        request_headers=[Header(name, value) for name, value in sent.items()],
    )


def _replay(replay: Replay) -> WebhookReplay:
    return WebhookReplay(**{one.name: getattr(replay, one.name) for one in fields(Replay)})


def _shown(traced: Traced, endpoints: Endpoints) -> WebhookDelivery:
    said = {one.name: getattr(traced, one.name) for one in fields(Traced)}
    return WebhookDelivery(**said, endpoints=endpoints)
