"""Definitions of endpoints, as partners give them; what is left out stays, or is the usual."""

from typing import cast

import strawberry

from core.domain import definitions as domain
from core.domain.endpoints import ContentMode, Ordering, Signing
from core.domain.events import EventType
from schema.default import DEFAULT
from schema.enums import publish
from schema.scalars import Json

publish(
    Ordering,
    "Whether a delivery waits for those before it.",
    {
        "ORDERED": "One at a time of each device, in the order of its events. The usual.",
        "UNORDERED": "Nothing waits for anything.",
    },
)
publish(
    ContentMode,
    "How the body of a delivery is laid out; `data` is the same in both.",
    {
        "STANDARD": "As Standard Webhooks 1.0 recommends: `type`, `timestamp`, `data`. The usual.",
        "CLOUDEVENTS": "As a CloudEvent 1.0 in structured JSON.",
    },
)
publish(
    Signing,
    "What deliveries are signed with.",
    {
        "HMAC": "A secret that both sides know (`v1`, HMAC-SHA256). The usual.",
        "ED25519": "A key pair of the endpoint's own (`v1a`); receivers have its public key.",
    },
)

URL = (
    "Where deliveries are posted: https on port 443, at a public address, at most 2048 characters."
)
DOCUMENT = "The subscription whose events it gets, as it runs in GraphiQL."
VARIABLES = "The variables of the document, an object; at most 10000 bytes of JSON."
TYPES = "Only events of these types."
DESCRIPTION = "What you want to remember of it; at most 500 characters."
ORDERING = "Whether deliveries of a device wait for each other"
RATE = "How many deliveries are sent a second at most, 1–1000"
MODE = "How bodies are laid out"
SIGNING = "What deliveries are signed with"


@strawberry.input(description="A new endpoint.")
class CreateWebhookEndpointInput:
    """What becomes a `core.domain.definitions.Definition` that says it all."""

    url: str = strawberry.field(description=URL)
    document: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"{DOCUMENT} One that shows every event, if left out.",
    )
    variables: Json | None = strawberry.field(default=strawberry.UNSET, description=VARIABLES)
    event_types: list[EventType] | None = strawberry.field(
        default=strawberry.UNSET, description=f"{TYPES} All that the document shows, if left out."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"{DESCRIPTION} Empty if left out."
    )
    ordering: Ordering | None = strawberry.field(
        default=Ordering.ORDERED, description=f"{ORDERING}."
    )
    rate_limit: int | None = strawberry.field(
        default=strawberry.UNSET, description=f"{RATE}; 100 if left out."
    )
    content_mode: ContentMode | None = strawberry.field(
        default=ContentMode.STANDARD, description=f"{MODE}."
    )
    signing: Signing | None = strawberry.field(default=Signing.HMAC, description=f"{SIGNING}.")

    def definition(self) -> domain.Definition:
        """The definition, with the usual document where none is given."""
        return {"document": DEFAULT, **_given(self)}


@strawberry.input(
    description=(
        "What is to change of an endpoint: what is left out, or null, stays. Only `eventTypes` "
        "means something as null."
    )
)
class UpdateWebhookEndpointInput:
    """What becomes a `core.domain.definitions.Definition` of what is to change."""

    id: strawberry.ID = strawberry.field(description="The endpoint.")
    url: str | None = strawberry.field(default=strawberry.UNSET, description=URL)
    document: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"{DOCUMENT} It must go with the variables, new or old.",
    )
    variables: Json | None = strawberry.field(
        default=strawberry.UNSET, description=f"{VARIABLES} `{{}}` takes them away."
    )
    event_types: list[EventType] | None = strawberry.field(
        default=strawberry.UNSET, description=f"{TYPES} To have all again, name all."
    )
    description: str | None = strawberry.field(default=strawberry.UNSET, description=DESCRIPTION)
    ordering: Ordering | None = strawberry.field(
        default=strawberry.UNSET, description=f"{ORDERING}."
    )
    rate_limit: int | None = strawberry.field(default=strawberry.UNSET, description=f"{RATE}.")
    content_mode: ContentMode | None = strawberry.field(
        default=strawberry.UNSET, description=f"{MODE}."
    )
    signing: Signing | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"{SIGNING}, from the next `rotateWebhookSecret` on, which shows the new key.",
    )

    def definition(self) -> domain.Definition:
        """The parts that are given."""
        return _given(self)


def _given(input: CreateWebhookEndpointInput | UpdateWebhookEndpointInput) -> domain.Definition:
    found = {name: getattr(input, name) for name in domain.Definition.__annotations__}
    given = {
        name: frozenset(value) if name == "event_types" else value
        for name, value in found.items()
        if value is not None and value is not strawberry.UNSET
    }
    return cast("domain.Definition", given)
