"""The root of mutations: everything that can be done, as a table of contents."""

import strawberry

from schema.commands import (
    Command,
    ControlResult,
    cancel_command,
    control_device,
    control_devices,
)
from schema.costs import ACTION, WRITING, given
from schema.deliveries import WebhookDelivery
from schema.devices import Device
from schema.documents import RegisteredDocument, register_document
from schema.endpoints import (
    WebhookEndpoint,
    WebhookEndpointWithSecret,
    create_endpoint,
    delete_endpoint,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
    update_endpoint,
)
from schema.repairs import WebhookReplay, WebhookTest, redeliver, replay, test_endpoint
from schema.sandbox import SimulatedTime, simulate_device, simulate_time
from schema.scopes import CONTROL, HOOKS, SANDBOX


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
    test_webhook_endpoint = strawberry.mutation(
        resolver=test_endpoint,
        graphql_type=WebhookTest,
        directives=[HOOKS, WRITING],
        description=(
            "Try an endpoint out: with a sample, whose message has the type `endpoint.test`, or "
            "with an event that has happened. CONFLICT where the endpoint is not ACTIVE; a "
            "`dryRun` always works, and sends nothing."
        ),
    )
    redeliver_webhook = strawberry.mutation(
        resolver=redeliver,
        graphql_type=WebhookDelivery,
        directives=[HOOKS, WRITING],
        description=(
            "Send a delivery again, with the same `webhook-id`, at once and outside of the order. "
            "Where its endpoint is not ACTIVE it waits until that is. CONFLICT where the event is "
            "no longer kept."
        ),
    )
    replay_webhooks = strawberry.mutation(
        resolver=replay,
        graphql_type=WebhookReplay,
        directives=[HOOKS, WRITING],
        description=(
            "Send deliveries again, as new messages with ids of their own, in order and at a pace. "
            "Where the endpoint is not ACTIVE it waits until that is. CONFLICT where three replays "
            "of it are under way."
        ),
    )
