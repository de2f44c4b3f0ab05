"""The contract: the published graph, its types, scopes and descriptions.

`build` makes it once; `sdl` is what `schema.graphql` holds. The engine enforces the scopes that
the SDL states, and refuses in subscriptions what `UNCARRIED` names.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from core.domain.events import Event
from core.domain.seen import Seen
from engine import Documents, Engine, Limits
from schema.events import TYPES
from schema.mutations import Mutation
from schema.roots import Query, Subscription
from schema.scalars import SCALARS

__all__ = ["UNCARRIED", "build", "press", "sdl"]

UNCARRIED: Final[Mapping[str, str]] = {
    "Home.rooms": "an event carries its own room alone; query `home` for its rooms.",
    "Home.devices": "an event carries its own device alone; query `home` for its devices.",
    "Room.devices": "an event carries its own device alone; query `node` for the room's devices.",
    "Command.issuedBy": "an event is the same for everybody; query `command` for who gave it.",
}
"""What no event carries, by coordinate, and what to do instead."""


@cache
def build() -> strawberry.Schema:
    """The graph."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=TYPES,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    watched = schema._schema.subscription_type  # noqa: SLF001 - Strawberry's way to graphql-core's
    for field in watched.fields.values() if watched else ():
        field.resolve = _event  # Strawberry's own shows what was yielded
    return schema


def press(limits: Limits, engine: Engine = "compiled") -> Documents:
    """The documents of the graph, under these limits."""
    graph = build()._schema  # noqa: SLF001 - Strawberry offers no public way to graphql-core's schema
    return Documents(graph, sdl(), limits, uncarried=UNCARRIED, engine=engine)


@cache
def sdl() -> str:
    """The graph in the schema definition language, as `schema.graphql` holds it."""
    return build().as_str() + "\n"


def _event(seen: Seen, info: object, **arguments: Any) -> Event:
    del info, arguments
    return seen.event
