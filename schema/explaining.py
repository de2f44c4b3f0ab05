"""Explanations of what became of events at endpoints, and notices of endpoints that fail."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from core.domain.explaining import EventExplanation as Explanation, EventOutcome
from core.domain.sending import Notice as Told
from resolvers import deliveries as resolve
from resolvers.endpoints import WebhookEndpoint as ShownEndpoint, shown
from resolvers.paging import Page
from schema.asking import Info
from schema.deliveries import WebhookDelivery
from schema.endpoints import WebhookEndpoint
from schema.enums import publish
from schema.pages import After, First, PageInfo, given
from schema.scopes import HOOKS

publish(
    EventOutcome,
    "What became of an event at an endpoint: the first reason that holds, in this order.",
    {
        "CREATED_LATER": "The endpoint was made after the event had happened.",
        "TYPE_NOT_WANTED": "The endpoint's `eventTypes` leave it out.",
        "NOT_ASKED_FOR": "The arguments of the endpoint's document leave it out.",
        "NOT_COVERED_THEN": "No grant covered it when it happened.",
        "NOT_COVERED_NOW": "No grant covers it now.",
        "SCOPES_MISSING": "No grant that covers it opens all that the document selects.",
        "NOT_PLANNED_YET": "It is still in the queue of events.",
        "PASSED_OVER": (
            "It was not for the endpoint when it was planned, or its delivery is no longer kept."
        ),
        "PAUSED": "It waits, since the endpoint is paused.",
        "DISABLED": "It waits, since the endpoint is disabled.",
        "RECEIVER_DOWN": "It waits, since the receiver is taken to be down.",
        "BEHIND_ANOTHER": "It waits behind another delivery of its device.",
        "WAITING": "It waits for its time.",
        "DELIVERED": "The receiver took it.",
        "FAILED": "The receiver refused it for good, or it could not be made; `reason` says.",
        "DEAD": "Its time was over, or it is no longer kept.",
        "CANCELLED": "The access to it was taken back.",
    },
)


def _explained(root: Explanation) -> ShownEndpoint:
    return shown(root.held)


def _its(root: Explanation, info: Info) -> Any:
    return resolve.explained(info.context, root)


@strawberry.type(
    description="Why an event was, or was not, delivered to one endpoint.", directives=[HOOKS]
)
class EventExplanation:
    """`core.domain.explaining.EventExplanation`."""

    endpoint: Any = strawberry.field(
        resolver=_explained, graphql_type=WebhookEndpoint, description="The endpoint."
    )
    outcome: EventOutcome = strawberry.field(description="What became of it there.")
    reason: str = strawberry.field(description="The same in a sentence, with its particulars.")
    delivery: Any = strawberry.field(
        resolver=_its,
        graphql_type=WebhookDelivery | None,
        description="Its delivery to this endpoint, the original where there are more.",
    )
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is tried next; null where that cannot be said."
    )


@strawberry.type(description="What your client was told of an endpoint.", directives=[HOOKS])
class Notice:
    """`core.domain.sending.Notice`."""

    id: strawberry.ID = strawberry.field(description="The notice's id.")
    endpoint_id: strawberry.ID = strawberry.field(
        description="The endpoint that it is about, which may have been deleted since."
    )
    text: str = strawberry.field(description="What is to be known, in a sentence or two.")
    at: datetime = strawberry.field(description="When it was given.")


@strawberry.type(description="One entry of a page of notices.", directives=[HOOKS])
class NoticeEdge:
    """`resolvers.paging.Edge`."""

    cursor: str = strawberry.field(description="Where it stands in the list: opaque, for `after`.")
    node: Notice = strawberry.field(description="The notice itself.")


@strawberry.type(description="A page of notices, the newest first.", directives=[HOOKS])
class NoticeConnection:
    """`resolvers.paging.Page`."""

    edges: list[NoticeEdge] = strawberry.field(description="The notices with their cursors.")
    nodes: list[Notice] = strawberry.field(description="The notices alone.")
    page_info: PageInfo = strawberry.field(description="Where the page is in the list.")


async def explain_event(
    info: Info,
    event_id: Annotated[strawberry.ID, strawberry.argument(description="The event's id.")],
) -> Any:
    """Why an event was, or was not, delivered."""
    return await resolve.explain(info.context, event_id)


async def list_notices(
    info: Info, first: First = strawberry.UNSET, after: After = strawberry.UNSET
) -> Page[Told]:
    """What the client was told."""
    return await resolve.notices(info.context, given(first), given(after))
