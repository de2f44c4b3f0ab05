"""The roots: everything that can be asked and watched, as a table of contents."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers import nodes as resolve
from resolvers.answers import Answer
from schema.asking import Info
from schema.commands import (
    Command,
    find_command,
)
from schema.costs import FORWARD, PAGE, READING, assumed, given
from schema.deliveries import (
    WebhookDelivery,
    WebhookDeliveryConnection,
    find_delivery,
    list_deliveries,
)
from schema.devices import Device, find_device, list_devices
from schema.endpoints import (
    WebhookEndpoint,
    WebhookEndpointConnection,
    find_endpoint,
    list_endpoints,
)
from schema.events import DeviceStatusChanged, Event
from schema.explaining import EventExplanation, NoticeConnection, explain_event, list_notices
from schema.grants import Viewer, find_viewer
from schema.homes import Home, find_home, list_homes
from schema.log import EventConnection, list_events, watch_events, watch_status
from schema.nodes import Node
from schema.pages import Connection
from schema.scopes import COMMANDS, EVENTS, HOOKS, READ


def _node(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
) -> Answer[resolve.Record | None]:
    return resolve.find(info.context, id)


async def _nodes(
    info: Info,
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="The global ids, at most 100.")
    ],
) -> Sequence[resolve.Record | None]:
    return await resolve.find_all(info.context, ids)


@strawberry.type(description="What can be asked.")
class Query:
    """The root of queries."""

    viewer = strawberry.field(
        resolver=find_viewer,
        graphql_type=Viewer,
        description="Who is asking, by the access token.",
    )
    node = strawberry.field(
        resolver=_node,
        graphql_type=Node | None,
        description="What has this global id; null where it is missing, hidden or not opened.",
    )
    nodes = strawberry.field(
        resolver=_nodes,
        graphql_type=list[Node | None],
        directives=[given("ids")],
        description="What has these global ids, in their order, each as `node` answers it.",
    )
    homes = strawberry.field(
        resolver=list_homes,
        graphql_type=Connection[Home],
        directives=[READ, PAGE],
        description="The homes that were shared with you, whole or in part, by name.",
    )
    home = strawberry.field(
        resolver=find_home,
        graphql_type=Home | None,
        directives=[READ],
        description="One home; null where it is missing or hidden.",
    )
    devices = strawberry.field(
        resolver=list_devices,
        graphql_type=Connection[Device],
        directives=[READ, PAGE],
        description=(
            "The devices of all homes that were shared with you, by name unless `orderBy` says "
            "otherwise."
        ),
    )
    device = strawberry.field(
        resolver=find_device,
        graphql_type=Device | None,
        directives=[READ],
        description="One device; null where it is missing or hidden.",
    )
    command = strawberry.field(
        resolver=find_command,
        graphql_type=Command | None,
        directives=[COMMANDS],
        description="One command; null where it is missing or its device hidden.",
    )
    events = strawberry.field(
        resolver=list_events,
        graphql_type=EventConnection,
        directives=[EVENTS, READING, FORWARD],
        description=(
            "The log of events, oldest first (by time, then home, then place); without `after` "
            "from the start of what is kept."
        ),
    )
    webhook_endpoint = strawberry.field(
        resolver=find_endpoint,
        graphql_type=WebhookEndpoint | None,
        directives=[HOOKS, READING],
        description="One endpoint of your client; null where it has none with this id.",
    )
    webhook_endpoints = strawberry.field(
        resolver=list_endpoints,
        graphql_type=WebhookEndpointConnection,
        directives=[HOOKS, READING, FORWARD],
        description="The endpoints of your client, the oldest first.",
    )
    webhook_delivery = strawberry.field(
        resolver=find_delivery,
        graphql_type=WebhookDelivery | None,
        directives=[HOOKS, READING],
        description="One delivery to an endpoint of your client; null where it is missing.",
    )
    webhook_deliveries = strawberry.field(
        resolver=list_deliveries,
        graphql_type=WebhookDeliveryConnection,
        directives=[HOOKS, READING, FORWARD],
        description=(
            "The deliveries of your client, the newest first. Those of one endpoint (`filter`) are "
            "in the order of their numbers."
        ),
    )
    explain_event = strawberry.field(
        resolver=explain_event,
        graphql_type=list[EventExplanation],
        directives=[HOOKS, READING, assumed(100)],
        description=(
            "For each endpoint of your client, why an event was, or was not, delivered. NOT_FOUND "
            "where no grant to your client shows the event and no endpoint was to have it."
        ),
    )
    notices = strawberry.field(
        resolver=list_notices,
        graphql_type=NoticeConnection,
        directives=[HOOKS, READING, FORWARD],
        description="What your client was told of endpoints that fail, the newest first.",
    )


@strawberry.type(description="What can be watched.")
class Subscription:
    """The root of subscriptions. Each yields `Seen`; what is selected from is its event."""

    device_status_changed = strawberry.subscription(
        resolver=watch_status,
        graphql_type=DeviceStatusChanged,
        directives=[EVENTS],
        description="What devices report, as it comes. All given conditions hold together.",
    )
    events = strawberry.subscription(
        resolver=watch_events,
        graphql_type=Event,
        directives=[EVENTS],
        description="Everything that happens in the homes that were shared with you.",
    )
