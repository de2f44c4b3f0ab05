"""Endpoints: those of the client that asks, whoever it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

from core.domain.definitions import Definition
from core.domain.endpoints import Endpoint
from core.domain.events import EventType
from core.domain.sending import Held, SealedKey
from resolvers.answers import settled
from resolvers.asking import Ask
from resolvers.paging import Key, Listing, Page, Part, paged, window

LIST = "endpoints"
"""What the cursors of the list are of."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint(Endpoint):
    """An endpoint as its client is shown it; `keys` are sealed, the newest first."""

    keys: tuple[SealedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed:
    """An endpoint with the key that was just made: a secret, or the public one of a pair."""

    endpoint: WebhookEndpoint
    secret: str | None
    public_key: str | None


async def find(ask: Ask, endpoint_id: str) -> WebhookEndpoint | None:
    """An endpoint; None where the client has none with this id."""
    held = await ask.services.endpoints.find(ask.who.client.id, endpoint_id)
    return shown(held) if held else None


async def listed(ask: Ask, first: int | None, after: str | None) -> Page[WebhookEndpoint]:
    """A page of the client's endpoints, the oldest first.

    A cursor holds for the client, with whatever token it comes back.

    Raises:
        Invalid: first is out of range, or the cursor is not one of this list.
    """
    endpoints, client_id = ask.services.endpoints, ask.who.client.id

    async def read(part: Part) -> Sequence[WebhookEndpoint]:
        begin = str(part.after[0]) if part.after else ""
        return [shown(held) for held in await endpoints.page(client_id, begin, part.limit)]

    listing = Listing(
        read=read,
        count=partial(endpoints.count, client_id),
        key=_key,
        seal=partial(ask.cursors.key, client_id, LIST),
        open=partial(ask.cursors.open_key, client_id, LIST),
    )
    return await settled(paged(listing, window(first, after)))


async def create(ask: Ask, given: Definition) -> Keyed:
    """A new endpoint. Raises as `core.services.endpoints.Endpoints.create` does."""
    issued = await ask.services.endpoints.create(ask.who, given)
    return Keyed(shown(issued.held), issued.secret, issued.public_key)


async def update(ask: Ask, endpoint_id: str, given: Definition) -> WebhookEndpoint:
    """The endpoint, changed. Raises as `core.services.endpoints.Endpoints.update` does."""
    return shown(await ask.services.endpoints.update(ask.who, endpoint_id, given))


async def delete(ask: Ask, endpoint_id: str) -> str:
    """The id of an endpoint that is gone.

    Raises:
        Missing: the client has none with this id.
    """
    await ask.services.endpoints.delete(ask.who, endpoint_id)
    return endpoint_id


async def pause(ask: Ask, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, PAUSED. Raises as `core.services.endpoints.Endpoints.pause` does."""
    return shown(await ask.services.endpoints.pause(ask.who, endpoint_id))


async def resume(ask: Ask, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, ACTIVE.

    Raises:
        Missing: the client has none with this id.
    """
    return shown(await ask.services.endpoints.resume(ask.who, endpoint_id))


async def rotate(ask: Ask, endpoint_id: str) -> Keyed:
    """A new key. Raises as `core.services.endpoints.Endpoints.rotate` does."""
    issued = await ask.services.endpoints.rotate(ask.who, endpoint_id)
    return Keyed(shown(issued.held), issued.secret, issued.public_key)


def public_key(ask: Ask, endpoint: WebhookEndpoint) -> str | None:
    """What its messages are verified with; None where that is a secret.

    Raises:
        Invalid: its key cannot be opened any more.
    """
    return ask.services.endpoints.public_key(endpoint.id, endpoint.keys)


def types(endpoint: WebhookEndpoint) -> Sequence[EventType] | None:
    """The types that it wants, in the order of the graph; None for all."""
    wanted = endpoint.event_types
    return None if wanted is None else [one for one in EventType if one in wanted]


def shown(held: Held) -> WebhookEndpoint:
    """What a client sees of its endpoint."""
    said = {one.name: getattr(held.endpoint, one.name) for one in fields(Endpoint)}
    return WebhookEndpoint(**said, keys=held.keys)


def _key(endpoint: WebhookEndpoint) -> Key:
    return (endpoint.id,)
