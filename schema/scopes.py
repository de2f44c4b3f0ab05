"""Scopes: what a token must open, said on types and fields, and enforced from the SDL alone."""

from collections.abc import Collection
from typing import Final, NewType

import strawberry
from strawberry.schema_directive import Location
from strawberry.types import get_object_definition

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


def opens(published: type, scopes: Collection[Scope]) -> bool:
    """Whether these scopes open a type, by the directives that the SDL prints for it."""
    held = {scope.value for scope in scopes}
    definition = get_object_definition(published, strict=True)
    return all(
        any(held.issuperset(every) for every in directive.scopes)
        for directive in definition.directives or ()
        if isinstance(directive, RequiresScopes)
    )
