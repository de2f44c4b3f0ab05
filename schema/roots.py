"""The roots: everything that can be asked, done and watched, as a table of contents."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers import nodes as resolve
from resolvers.answers import Answer
from schema.asking import Info
from schema.commands import (
    Command,
    ControlResult,
    cancel_command,
    control_device,
    control_devices,
    find_command,
)
from schema.costs import ACTION, FORWARD, PAGE, READING, WRITING, given
from schema.devices import Device, find_device, list_devices
from schema.documents import RegisteredDocument, register_document
from schema.endpoints import (
    WebhookEndpoint,
    WebhookEndpointConnection,
    WebhookEndpointWithSecret,
    create_endpoint,
    delete_endpoint,
    find_endpoint,
    list_endpoints,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
    update_endpoint,
)
from schema.events import DeviceStatusChanged, Event
from schema.grants import Viewer, find_viewer
from schema.homes import Home, find_home, list_homes
from schema.log import EventConnection, list_events, watch_events, watch_status
from schema.nodes import Node
from schema.pages import Connection
from schema.sandbox import SimulatedTime, simulate_device, simulate_time
from schema.scopes import COMMANDS, CONTROL, EVENTS, HOOKS, READ, SANDBOX


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


@strawberry.type(description="What can be done.")
class Mutation:
    """The root of mutations."""

    control_device = strawberry.mutation(
        resolver=control_device,
        graphql_type=Command,
        directives=[CONTROL],
        description=(
            "Ask a device for a state, and wait up to `waitMs` for what comes of it. A device "
            "that is offline or refuses makes a command that ends REJECTED, not an error."
        ),
    )
    control_devices = strawberry.mutation(
        resolver=control_devices,
        graphql_type=list[ControlResult],
        directives=[CONTROL, given("input.commands")],
        description="Ask several devices at once, each for itself; results in the given order.",
    )
    cancel_command = strawberry.mutation(
        resolver=cancel_command,
        graphql_type=Command,
        directives=[CONTROL, ACTION],
        description="Give up a command that has not ended; CONFLICT where it has.",
    )
    register_document = strawberry.mutation(
        resolver=register_document,
        graphql_type=RegisteredDocument,
        description=(
            "Put a document on record for the client that asks, whoever it asks for: its requests "
            "may then send `documentId` in place of `query`. The same text again is the same id."
        ),
    )
    simulate_device = strawberry.mutation(
        resolver=simulate_device,
        graphql_type=Device,
        directives=[SANDBOX, ACTION],
        description=(
            "Make something happen at a simulated device: somebody presses it, a sensor sees "
            "something, it falls out of reach, a fault begins. Refused for real homes."
        ),
    )
    simulate_time = strawberry.mutation(
        resolver=simulate_time,
        graphql_type=SimulatedTime,
        directives=[SANDBOX, ACTION],
        description=(
            "Hold, step or hurry the time of a simulated home. Its devices live by it; deadlines "
            "of commands, tokens and the log's timestamps go by the world's. Needs the whole home."
        ),
    )
    create_webhook_endpoint = strawberry.mutation(
        resolver=create_endpoint,
        graphql_type=WebhookEndpointWithSecret,
        directives=[HOOKS, WRITING],
        description=(
            "Have events posted to a URL, from now on. The endpoint is your client's; its secret "
            "is shown this once. Sent twice, it makes two."
        ),
    )
    update_webhook_endpoint = strawberry.mutation(
        resolver=update_endpoint,
        graphql_type=WebhookEndpoint,
        directives=[HOOKS, WRITING],
        description=(
            "Change an endpoint: what is left out stays. What is sent two seconds later is sent as "
            "it then says."
        ),
    )
    delete_webhook_endpoint = strawberry.mutation(
        resolver=delete_endpoint,
        graphql_type=strawberry.ID,
        directives=[HOOKS, WRITING],
        description="Take an endpoint away for good, with its deliveries; its id comes back.",
    )
    pause_webhook_endpoint = strawberry.mutation(
        resolver=pause_endpoint,
        graphql_type=WebhookEndpoint,
        directives=[HOOKS, WRITING],
        description=(
            "Send nothing to an endpoint until it is resumed; its events wait, within what is "
            "kept. CONFLICT where it is DISABLED."
        ),
    )
    resume_webhook_endpoint = strawberry.mutation(
        resolver=resume_endpoint,
        graphql_type=WebhookEndpoint,
        directives=[HOOKS, WRITING],
        description=(
            "Send to an endpoint that was paused or disabled, or whose receiver is repaired: what "
            "waits is due at once, and its failures are forgotten."
        ),
    )
    rotate_webhook_secret = strawberry.mutation(
        resolver=rotate_secret,
        graphql_type=WebhookEndpointWithSecret,
        directives=[HOOKS, WRITING],
        description=(
            "Make a new key for an endpoint, of the kind that `signing` says, and show it this "
            "once. The one before signs along for 24 hours; CONFLICT where three do already."
        ),
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
