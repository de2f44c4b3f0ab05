"""Repairs: endpoints tried out, deliveries sent again, by hand and by replays."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from core.domain.events import EventType
from core.domain.repairs import DEFAULT_PACE, Chosen
from resolvers import deliveries as resolve
from schema.asking import Info
from schema.costs import assumed
from schema.deliveries import WebhookDelivery, WebhookHeader
from schema.nodes import Node
from schema.pages import given
from schema.scopes import HOOKS


def _headers(root: resolve.WebhookTest) -> Any:
    return resolve.headers(root.letter)


def _body(root: resolve.WebhookTest) -> str:
    return root.letter.body.decode()


def _itself(root: resolve.WebhookTest) -> Any:
    return root


@strawberry.type(description="A request to an endpoint, as it goes out.", directives=[HOOKS])
class WebhookRequest:
    """`core.services.letters.Letter`."""

    headers: Any = strawberry.field(
        resolver=_headers,
        graphql_type=list[WebhookHeader],
        directives=[assumed(5)],
        description="Its headers, but for those of HTTP itself.",
    )
    body: Any = strawberry.field(
        resolver=_body, graphql_type=str, description="Its body: what is signed, byte for byte."
    )


@strawberry.type(description="An endpoint that was tried out.", directives=[HOOKS])
class WebhookTest:
    """`resolvers.deliveries.WebhookTest`."""

    request: Any = strawberry.field(
        resolver=_itself,
        graphql_type=WebhookRequest,
        description=(
            "The request as it would be sent now; whenever it is sent, it has that timestamp, and "
            "a signature over it."
        ),
    )
    delivery: WebhookDelivery | None = strawberry.field(
        description="What brings it to the endpoint; null for a dry run."
    )


@strawberry.type(
    description="Deliveries that are sent again, as new messages; `node` says how far it is.",
    directives=[HOOKS],
)
class WebhookReplay(Node):
    """`resolvers.deliveries.WebhookReplay`."""

    record = resolve.WebhookReplay

    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")
    made: int = strawberry.field(description="How many new deliveries it has made by now.")
    skipped: int = strawberry.field(
        description="How many it passed over, since their events are no longer kept."
    )
    done: bool = strawberry.field(
        description="Whether it has made all of them; they may still wait to be sent."
    )
    created_at: datetime = strawberry.field(description="When you asked for it.")


@strawberry.input(description="How to try an endpoint out.")
class TestWebhookEndpointInput:
    """What `resolvers.deliveries.test` takes."""

    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")
    event_type: EventType | None = strawberry.field(
        default=strawberry.UNSET,
        description="A sample of this type; left out, of one that the document asks for.",
    )
    event_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="An event that has happened, and that a grant shows you now, not a sample.",
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Send nothing, and only show the request."
    )


@strawberry.input(
    description=(
        "Which deliveries of an endpoint to send again: of those that have ended, and are no "
        "replays or tests themselves. All given conditions hold together."
    )
)
class ReplayWebhooksInput:
    """What becomes a `core.domain.repairs.Chosen`."""

    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")
    after: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only what comes after this `meta.cursor` of one of its deliveries.",
    )
    since: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only events that happened then or later."
    )
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Only events that happened before then."
    )
    event_types: list[EventType] | None = strawberry.field(
        default=strawberry.UNSET, description="Only events of these types."
    )
    device_ids: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="Only events of these devices, at most 100."
    )
    only_failed: bool | None = strawberry.field(
        default=False, description="Only what ended as FAILED, DEAD or CANCELLED."
    )
    per_second: int | None = strawberry.field(
        default=DEFAULT_PACE,
        description="Messages a second, 1–1000, and never more than the endpoint's `rateLimit`.",
    )

    def chosen(self) -> Chosen:
        """The conditions for the resolver."""
        types, ids = given(self.event_types), given(self.device_ids)
        pace = given(self.per_second)
        return Chosen(
            since=given(self.since),
            until=given(self.until),
            event_types=None if types is None else frozenset(types),
            device_ids=None if ids is None else frozenset(ids),
            only_failed=bool(given(self.only_failed)),
            per_second=DEFAULT_PACE if pace is None else pace,
        )


async def test_endpoint(
    info: Info,
    input: Annotated[
        TestWebhookEndpointInput, strawberry.argument(description="Which endpoint, with what.")
    ],
) -> resolve.WebhookTest:
    """Try an endpoint out."""
    return await resolve.test(
        info.context,
        input.endpoint_id,
        given(input.event_type),
        given(input.event_id),
        dry_run=bool(given(input.dry_run)),
    )


async def redeliver(
    info: Info,
    delivery_id: Annotated[strawberry.ID, strawberry.argument(description="The delivery's id.")],
) -> resolve.WebhookDelivery:
    """Send a delivery again."""
    return await resolve.redeliver(info.context, delivery_id)


async def replay(
    info: Info,
    input: Annotated[
        ReplayWebhooksInput, strawberry.argument(description="What to send again, and how fast.")
    ],
) -> resolve.WebhookReplay:
    """Send many deliveries again."""
    after = given(input.after)
    return await resolve.replay(info.context, input.endpoint_id, input.chosen(), after)
