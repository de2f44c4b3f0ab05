"""Scopes: what a token must open, said on types and fields, and enforced from the SDL alone."""

from typing import Final, NewType

import strawberry
from strawberry.schema_directive import Location

from core.domain.grants import Scope

ScopeName = NewType("ScopeName", str)
"""A scope, as the scalar that the graph publishes."""


@strawberry.schema_directive(
    name="requiresScopes",
    locations=[
        Location.FIELD_DEFINITION,
        Location.OBJECT,
        Location.INTERFACE,
        Location.ENUM,
        Location.SCALAR,
    ],
    description=(
        "What an access token must open: all scopes of one of the inner lists. It is checked for "
        "the whole document before any of it runs."
    ),
)
class RequiresScopes:
    """`@requiresScopes`, with Apollo's meaning: the outer list is OR, the inner AND."""

    scopes: list[list[ScopeName]]


def _requires(*either: Scope) -> RequiresScopes:
    return RequiresScopes(scopes=[[ScopeName(scope.value)] for scope in either])


READ: Final = _requires(Scope.DEVICES_READ)
CONTROL: Final = _requires(Scope.DEVICES_CONTROL)
COMMANDS: Final = _requires(Scope.DEVICES_READ, Scope.DEVICES_CONTROL)
EVENTS: Final = _requires(Scope.EVENTS_SUBSCRIBE)
SANDBOX: Final = _requires(Scope.SANDBOX_CONTROL)
HOOKS: Final = _requires(Scope.WEBHOOKS_MANAGE)
