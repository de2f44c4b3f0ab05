"""Enums of the domain, published with a description for each value."""

from enum import Enum

import strawberry
from strawberry.types.enum import has_enum_definition


def publish(
    enum: type[Enum], description: str, values: dict[str, str], name: str | None = None
) -> None:
    """Publish a domain enum, under its own name where no other is given.

    `values` describes each of its values by name.
    """
    published = strawberry.enum(enum, name=name, description=description)
    if has_enum_definition(published):
        for value in published.__strawberry_definition__.values:
            value.description = values[value.name]
