"""Endpoints: receivers of webhooks, and what their clients do with them."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import strawberry

from core.domain.endpoints import ContentMode, EndpointStatus, Ordering, Signing
from core.domain.events import EventType
from resolvers import endpoints as resolve
from resolvers.paging import Page
from schema.asking import Info
from schema.costs import COUNTING
from schema.definitions import CreateWebhookEndpointInput, UpdateWebhookEndpointInput
from schema.enums import publish
from schema.nodes import Node
from schema.pages import After, First, PageInfo, given
from schema.scalars import Json
from schema.scopes import HOOKS

publish(
    EndpointStatus,
    "Whether anything is sent to an endpoint.",
    {
        "ACTIVE": "Events are delivered as they happen.",
        "PAUSED": "You paused it: its events wait until you resume it.",
        "DISABLED": "It failed for 5 days, or its receiver said 410. Its events wait until then.",
    },
    name="WebhookEndpointStatus",
)


def _types(root: resolve.WebhookEndpoint) -> Any:
    return resolve.types(root)


def _public_key(root: resolve.WebhookEndpoint, info: Info) -> str | None:
    return resolve.public_key(info.context, root)


@strawberry.type(description="How the attempts of an endpoint went.", directives=[HOOKS])
class WebhookHealth:
    """`core.domain.health.Health`."""

    succeeded_at: datetime | None = strawberry.field(
        description="When its receiver last took a delivery; null if it never did."
    )
    failing_since: datetime | None = strawberry.field(
        description="The first failure since then; null unless the last attempt failed."
    )
    failed_at: datetime | None = strawberry.field(
        description="The last failure since then; null unless the last attempt failed."
    )
    error: str | None = strawberry.field(
        description="What went wrong then, in a sentence; null unless the last attempt failed."
    )


@strawberry.type(
    description="A receiver of webhooks: a URL, and the subscription whose events it gets.",
    directives=[HOOKS],
)
class WebhookEndpoint(Node):
    """`resolvers.endpoints.WebhookEndpoint`."""

    record = resolve.WebhookEndpoint

    url: str = strawberry.field(description="Where deliveries are posted.")
    status: EndpointStatus = strawberry.field(description="Whether anything is sent to it.")
    health: WebhookHealth = strawberry.field(description="How its attempts went.")
    document: str = strawberry.field(description="The subscription whose events it gets.")
    variables: Json = strawberry.field(description="The variables of the document, an object.")
    event_types: Any = strawberry.field(
        resolver=_types,
        graphql_type=list[EventType] | None,
        description="The types that it wants; null for all that the document shows.",
    )
    description: str = strawberry.field(description="What you want to remember of it.")
    ordering: Ordering = strawberry.field(
        description="Whether deliveries of a device wait for each other."
    )
    rate_limit: int = strawberry.field(description="How many deliveries are sent a second at most.")
    content_mode: ContentMode = strawberry.field(description="How bodies are laid out.")
    signing: Signing = strawberry.field(
        description=(
            "What deliveries are signed with; where it was updated, from the next "
            "`rotateWebhookSecret` on."
        )
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    disabled_at: datetime | None = strawberry.field(
        description="When it was disabled; null unless it is DISABLED."
    )
    disabled_because: str | None = strawberry.field(
        description="Why it was disabled, in a sentence; null unless it is DISABLED."
    )
    public_key: str | None = strawberry.field(
        resolver=_public_key,
        description=(
            "What deliveries are verified with (`whpk_…`); null where a secret signs. Former ones "
            "are at `/.well-known/webhook-keys/{id}`."
        ),
    )


@strawberry.type(
    description="An endpoint with the key that was made for it, which is shown this once.",
    directives=[HOOKS],
)
class WebhookEndpointWithSecret:
    """`resolvers.endpoints.Keyed`."""

    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")
    secret: str | None = strawberry.field(
        description="What both sides know (`whsec_…`); null where a key pair signs."
    )
    public_key: str | None = strawberry.field(
        description="What deliveries are verified with (`whpk_…`); null where a secret signs."
    )


@strawberry.type(description="One entry of a page of endpoints.", directives=[HOOKS])
class WebhookEndpointEdge:
    """`resolvers.paging.Edge`."""

    cursor: str = strawberry.field(description="Where it stands in the list: opaque, for `after`.")
    node: WebhookEndpoint = strawberry.field(description="The endpoint itself.")


@strawberry.type(description="A page of endpoints, the oldest first.", directives=[HOOKS])
class WebhookEndpointConnection:
    """`resolvers.paging.Page`."""

    edges: list[WebhookEndpointEdge] = strawberry.field(
        description="The endpoints with their cursors."
    )
    nodes: list[WebhookEndpoint] = strawberry.field(description="The endpoints alone.")
    page_info: PageInfo = strawberry.field(description="Where the page is in the list.")
    total_count: int = strawberry.field(
        directives=[COUNTING],
        description="How many endpoints your client has; counted only when selected.",
    )


EndpointId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="The endpoint's id.")
]


async def find_endpoint(info: Info, id: EndpointId) -> resolve.WebhookEndpoint | None:
    """One endpoint."""
    return await resolve.find(info.context, id)


async def list_endpoints(
    info: Info, first: First = strawberry.UNSET, after: After = strawberry.UNSET
) -> Page[resolve.WebhookEndpoint]:
    """The client's endpoints."""
    return await resolve.listed(info.context, given(first), given(after))


async def create_endpoint(
    info: Info,
    input: Annotated[
        CreateWebhookEndpointInput, strawberry.argument(description="What it is to be.")
    ],
) -> resolve.Keyed:
    """Make an endpoint."""
    return await resolve.create(info.context, input.definition())


async def update_endpoint(
    info: Info,
    input: Annotated[
        UpdateWebhookEndpointInput, strawberry.argument(description="What is to change of which.")
    ],
) -> resolve.WebhookEndpoint:
    """Change an endpoint."""
    return await resolve.update(info.context, input.id, input.definition())


async def delete_endpoint(info: Info, id: EndpointId) -> str:
    """Have an endpoint be gone."""
    return await resolve.delete(info.context, id)


async def pause_endpoint(info: Info, id: EndpointId) -> resolve.WebhookEndpoint:
    """Have an endpoint's events wait."""
    return await resolve.pause(info.context, id)


async def resume_endpoint(info: Info, id: EndpointId) -> resolve.WebhookEndpoint:
    """Have an endpoint's events sent."""
    return await resolve.resume(info.context, id)


async def rotate_secret(info: Info, id: EndpointId) -> resolve.Keyed:
    """Make a new key for an endpoint."""
    return await resolve.rotate(info.context, id)
