"""The log of events: page by page, and live."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import strawberry

from core.domain import events as domain
from core.domain.ports import Delivery
from core.domain.seen import Seen
from resolvers import events as resolve
from schema.asking import Info
from schema.enums import publish
from schema.events import Event
from schema.pages import First, PageInfo, given
from schema.scopes import EVENTS


@strawberry.type(description="One entry of a page of the log.", directives=[EVENTS])
class EventEdge:
    """`resolvers.paging.Edge`."""

    cursor: str = strawberry.field(
        description="The place after this event: opaque, for `after`, in subscriptions too.",
    )
    node: Event = strawberry.field(description="The event itself.")


publish(
    domain.GapReason,
    "Why a log does not reach back.",
    {"RETENTION": "It is kept for a time and up to a number of events, and no longer."},
)


@strawberry.type(
    description=(
        "What is missing for good, since the log no longer reaches back to `after`. Query anew "
        "what you hold; then go on from here."
    ),
    directives=[EVENTS],
)
class LogGap:
    """`core.domain.events.Gap`."""

    reason: domain.GapReason = strawberry.field(description="Why it is missing.")
    since: datetime = strawberry.field(
        description="Nothing that happened after this moment is missing; a whole minute."
    )


@strawberry.type(
    description=(
        "A page of the log, oldest first. It may hold fewer events than asked for and still have "
        "a next page: go on from `endCursor`."
    ),
    directives=[EVENTS],
)
class EventConnection:
    """`resolvers.paging.Page`. Not counted: what is shown is decided event by event."""

    edges: list[EventEdge] = strawberry.field(description="The events with their cursors.")
    nodes: list[Event] = strawberry.field(description="The events alone.")
    page_info: PageInfo = strawberry.field(description="Where the page is in the log.")
    gap: LogGap | None = strawberry.field(
        description=(
            "What is missing before this page; null where nothing is. Select it when you go on "
            "from a cursor: the page then begins where the log does now."
        )
    )


@strawberry.input(description="Which events; all given conditions hold together.")
class EventFilter:
    """What becomes a `resolvers.events.Asked`."""

    types: list[domain.EventType] | None = strawberry.field(description="Only of these types.")
    device_ids: list[strawberry.ID] | None = strawberry.field(
        description="Only of these devices, at most 100."
    )
    home_id: strawberry.ID | None = strawberry.field(description="Only of this home.")

    def asked(self) -> resolve.Asked:
        """The conditions for the resolver."""
        return resolve.Asked(self.types, self.device_ids, self.home_id)


Filter: TypeAlias = Annotated[
    EventFilter | None, strawberry.argument(description="Only some of the events.")
]
Beyond: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="Only what comes after this cursor, of a page of events or of a subscription."
    ),
]
Since: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "A cursor of an event that you received: what happened since is sent first. "
            "From now on if left out."
        )
    ),
]

publish(
    Delivery,
    "What becomes of events that come faster than you read them.",
    {
        "ALL": "Each of them is sent, however late; you read on from the log where you are behind.",
        "LATEST": (
            "A DEVICE_STATUS_CHANGED that a newer one of its device has overtaken is left out; "
            "`extensions.coalesced` counts those. All other events are sent."
        ),
    },
)
How: TypeAlias = Annotated[
    Delivery | None,
    strawberry.argument(
        description="Whether you get every event, or of states only the newest of each device."
    ),
]
Interval: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "With LATEST: milliseconds, 0–3600000, from the beginning of one round of messages to "
            "that of the next. What is overtaken in between is left out."
        )
    ),
]


STATUS: Final = frozenset({domain.EventType.DEVICE_STATUS_CHANGED})


def _conditions(filter: EventFilter | None) -> resolve.Asked:
    return filter.asked() if filter else resolve.Asked()


async def list_events(
    info: Info,
    after: Beyond = strawberry.UNSET,
    first: First = strawberry.UNSET,
    filter: Filter = strawberry.UNSET,
) -> resolve.LogPage:
    """The log, page by page."""
    conditions = _conditions(given(filter))
    return await resolve.listed(info.context, conditions, given(first), given(after))


async def watch_events(
    info: Info,
    filter: Filter = strawberry.UNSET,
    after: Since = strawberry.UNSET,
    delivery: How = Delivery.ALL,
    min_interval_ms: Interval = 0,
) -> AsyncIterator[Seen]:
    """Events as they happen."""
    conditions = _conditions(given(filter))
    manner = resolve.manner(given(delivery), given(min_interval_ms))
    return await resolve.watch(info.context, conditions, given(after), manner)


async def watch_status(
    info: Info,
    device_ids: Annotated[
        list[strawberry.ID] | None,
        strawberry.argument(description="Only of these devices, at most 100."),
    ] = strawberry.UNSET,
    home_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only of this home.")
    ] = strawberry.UNSET,
    after: Since = strawberry.UNSET,
    delivery: How = Delivery.ALL,
    min_interval_ms: Interval = 0,
) -> AsyncIterator[Seen]:
    """Reports of other values, as they come."""
    conditions = resolve.Asked(STATUS, given(device_ids), given(home_id))
    manner = resolve.manner(given(delivery), given(min_interval_ms))
    return await resolve.watch(info.context, conditions, given(after), manner)
