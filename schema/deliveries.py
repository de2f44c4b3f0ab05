"""Deliveries: what was sent to endpoints, what came of it, and why."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from core.domain.deliveries import DeliveryStatus
from core.domain.events import EventType
from core.domain.repairs import Which
from resolvers import deliveries as resolve
from resolvers.endpoints import WebhookEndpoint as ShownEndpoint
from resolvers.paging import Page
from schema.asking import Info
from schema.costs import assumed
from schema.endpoints import WebhookEndpoint
from schema.enums import publish
from schema.pages import After, First, PageInfo, given
from schema.scopes import HOOKS

publish(
    DeliveryStatus,
    "Where a delivery is; all but the first are ends.",
    {
        "PENDING": "It waits, or is tried again.",
        "DELIVERED": "Its receiver took it.",
        "FAILED": "For good: its receiver refused this one, or it could not be made.",
        "DEAD": "Its time was over, or its event is no longer kept.",
        "CANCELLED": "The access by which it would have been sent was taken back.",
    },
    name="WebhookDeliveryStatus",
)


async def _endpoint(root: resolve.WebhookDelivery, info: Info) -> ShownEndpoint:
    return await resolve.endpoint(info.context, root)


def _attempts(root: resolve.WebhookDelivery) -> Any:
    return resolve.attempts(root)


def _next(root: resolve.WebhookDelivery) -> datetime | None:
    return resolve.next_at(root)


@strawberry.type(description="One header of a request.", directives=[HOOKS])
class WebhookHeader:
    """`resolvers.deliveries.Header`."""

    name: str = strawberry.field(description="Its name, in lower case.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="One try of a delivery.", directives=[HOOKS])
class WebhookAttempt:
    """`resolvers.deliveries.WebhookAttempt`."""

    number: int = strawberry.field(description="Which try of the delivery it was, from 1 on.")
    started_at: datetime = strawberry.field(description="When the request was sent.")
    duration_ms: int = strawberry.field(description="How long it took, in milliseconds.")
    status: int | None = strawberry.field(
        description="The HTTP status of the answer; null where none came."
    )
    response: str = strawberry.field(description="How the body of the answer began.")
    error: str | None = strawberry.field(
        description="What went wrong, in a sentence; null where nothing did."
    )
    request_headers: list[WebhookHeader] = strawberry.field(
        directives=[assumed(3)], description="The headers of Standard Webhooks that it went with."
    )


@strawberry.type(description="An event to an endpoint, with what was tried.", directives=[HOOKS])
class WebhookDelivery:
    """`resolvers.deliveries.WebhookDelivery`."""

    id: strawberry.ID = strawberry.field(description="The delivery's id.")
    message_id: str = strawberry.field(
        name="webhookId", description="Its `webhook-id`, the same over all attempts."
    )
    endpoint: Any = strawberry.field(
        resolver=_endpoint, graphql_type=WebhookEndpoint, description="Where it goes."
    )
    event_id: strawberry.ID = strawberry.field(description="The id of the event.")
    event_type: EventType = strawberry.field(description="What had happened.")
    status: DeliveryStatus = strawberry.field(description="Where it is.")
    number: int = strawberry.field(description="Its number at its endpoint, from 1 on.")
    sequence: int = strawberry.field(description="The event's `sequence`.")
    device_id: strawberry.ID | None = strawberry.field(
        description="The device that the event is of; null where it is of a home."
    )
    home_id: strawberry.ID = strawberry.field(description="The home where it happened.")
    since: datetime = strawberry.field(
        name="createdAt",
        description="From when its age counts: the event, or its replay or redelivery.",
    )
    next_attempt_at: Any = strawberry.field(
        resolver=_next,
        graphql_type=datetime | None,
        description=(
            "From when on it is tried next, once what is before it in its lane has ended and its "
            "endpoint takes something; null once it has ended."
        ),
    )
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it waits.")
    reason: str | None = strawberry.field(
        description="Why it is tried again, or ended untaken, in a sentence; null otherwise."
    )
    replay_of: str | None = strawberry.field(
        description="The `webhook-id` of the message that it repeats; null where it repeats none."
    )
    claimed: bool = strawberry.field(
        description="Whether it was too large, and went as the event's id and a link."
    )
    attempts: Any = strawberry.field(
        resolver=_attempts,
        graphql_type=list[WebhookAttempt],
        directives=[assumed(50)],
        description="What was tried, in order; of very many, the first and the last are kept.",
    )


@strawberry.type(description="One entry of a page of deliveries.", directives=[HOOKS])
class WebhookDeliveryEdge:
    """`resolvers.paging.Edge`."""

    cursor: str = strawberry.field(description="Where it stands in the list: opaque, for `after`.")
    node: WebhookDelivery = strawberry.field(description="The delivery itself.")


@strawberry.type(
    description=(
        "A page of deliveries, the newest first. It may hold fewer than asked for and still have a "
        "next page: go on from `endCursor`."
    ),
    directives=[HOOKS],
)
class WebhookDeliveryConnection:
    """`resolvers.paging.Page`. Not counted: there may be millions."""

    edges: list[WebhookDeliveryEdge] = strawberry.field(description="With their cursors.")
    nodes: list[WebhookDelivery] = strawberry.field(description="The deliveries alone.")
    page_info: PageInfo = strawberry.field(description="Where the page is in the list.")


@strawberry.input(description="Which deliveries; all given conditions hold together.")
class WebhookDeliveryFilter:
    """What becomes a `core.domain.repairs.Which`."""

    endpoint_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only to this endpoint."
    )
    status: DeliveryStatus | None = strawberry.field(
        default=strawberry.UNSET, description="Only those that are there."
    )
    event_type: EventType | None = strawberry.field(
        default=strawberry.UNSET, description="Only of events of this type."
    )
    device_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only of events of this device."
    )
    since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only with a `createdAt` at or after this moment."
    )
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only with a `createdAt` before this moment."
    )

    def which(self) -> Which:
        """The conditions for the resolver."""
        return Which(
            endpoint_id=given(self.endpoint_id),
            status=given(self.status),
            event_type=given(self.event_type),
            device_id=given(self.device_id),
            since=given(self.since),
            until=given(self.until),
        )


async def find_delivery(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The delivery's id.")],
) -> resolve.WebhookDelivery | None:
    """One delivery."""
    return await resolve.find(info.context, id)


async def list_deliveries(
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    filter: Annotated[
        WebhookDeliveryFilter | None,
        strawberry.argument(description="Only some of the deliveries."),
    ] = strawberry.UNSET,
) -> Page[resolve.WebhookDelivery]:
    """The client's deliveries."""
    asked = given(filter)
    which = asked.which() if asked else Which()
    return await resolve.listed(info.context, which, given(first), given(after))
