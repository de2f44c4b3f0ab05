"""Where an SDL text has a directive, by schema coordinate, and what its arguments say."""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from graphql import (
    DirectiveDefinitionNode,
    DirectiveLocation,
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListValueNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
    parse,
)
from graphql.utilities import value_from_ast_untyped

_LOCATIONS: Final[dict[type[Node], DirectiveLocation]] = {
    SchemaDefinitionNode: DirectiveLocation.SCHEMA,
    SchemaExtensionNode: DirectiveLocation.SCHEMA,
    ScalarTypeDefinitionNode: DirectiveLocation.SCALAR,
    ScalarTypeExtensionNode: DirectiveLocation.SCALAR,
    ObjectTypeDefinitionNode: DirectiveLocation.OBJECT,
    ObjectTypeExtensionNode: DirectiveLocation.OBJECT,
    InterfaceTypeDefinitionNode: DirectiveLocation.INTERFACE,
    InterfaceTypeExtensionNode: DirectiveLocation.INTERFACE,
    UnionTypeDefinitionNode: DirectiveLocation.UNION,
    UnionTypeExtensionNode: DirectiveLocation.UNION,
    EnumTypeDefinitionNode: DirectiveLocation.ENUM,
    EnumTypeExtensionNode: DirectiveLocation.ENUM,
    InputObjectTypeDefinitionNode: DirectiveLocation.INPUT_OBJECT,
    InputObjectTypeExtensionNode: DirectiveLocation.INPUT_OBJECT,
}


class Stated(NamedTuple):
    """One use of a directive."""

    coordinate: str
    """`Device`, `Device.name`, `Query.device(id:)`, `@approx(tolerance:)`."""

    arguments: dict[str, Any]
    """As plain values: an enum value is a string, like a string."""


def read(sdl: str, name: str, locations: Collection[DirectiveLocation]) -> Iterator[Stated]:
    """Yield every use of a directive in an SDL text, strictly: nothing is passed over.

    Raises:
        ValueError: one stands elsewhere than at these locations, or twice at one place.
    """
    seen = set()
    for coordinate, location, node in _places(sdl):
        for directive in node.directives or ():
            if directive.name.value != name:
                continue
            if location not in locations:
                raise ValueError(f"@{name} cannot stand on {coordinate}, {_called(location)}.")
            if coordinate in seen:
                raise ValueError(f"{coordinate} has @{name} twice: one of them would be lost.")
            seen.add(coordinate)
            yield Stated(coordinate, _arguments(directive))


def _called(location: DirectiveLocation) -> str:
    words = location.value.lower().replace("_definition", "").replace("_", " ")
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


_Place = tuple[str, DirectiveLocation, Any]


def _places(sdl: str) -> Iterator[_Place]:
    for node in _parsed(sdl).definitions:
        if isinstance(node, DirectiveDefinitionNode):
            yield from _arguments_of(f"@{node.name.value}", node)
        elif (location := _LOCATIONS.get(type(node))) is not None:
            named = getattr(node, "name", None)
            name = named.value if named else "schema"
            yield name, location, node
            yield from _members(name, node)


@lru_cache(maxsize=1)  # one text is read for one directive after the other
def _parsed(sdl: str) -> DocumentNode:
    return parse(sdl, no_location=True)


def _members(name: str, node: Any) -> Iterator[_Place]:
    for field in getattr(node, "fields", None) or ():
        coordinate = f"{name}.{field.name.value}"
        if isinstance(field, FieldDefinitionNode):
            yield coordinate, DirectiveLocation.FIELD_DEFINITION, field
            yield from _arguments_of(coordinate, field)
        else:
            yield coordinate, DirectiveLocation.INPUT_FIELD_DEFINITION, field
    for value in getattr(node, "values", None) or ():
        yield f"{name}.{value.name.value}", DirectiveLocation.ENUM_VALUE, value


def _arguments_of(owner: str, node: Any) -> Iterator[_Place]:
    for argument in node.arguments or ():
        coordinate = f"{owner}({argument.name.value}:)"
        yield coordinate, DirectiveLocation.ARGUMENT_DEFINITION, argument


def _arguments(directive: DirectiveNode) -> dict[str, Any]:
    return {each.name.value: _plain(each.value) for each in directive.arguments or ()}


def _plain(node: Any) -> Any:
    if isinstance(node, ListValueNode):
        return [_plain(each) for each in node.values]
    return value_from_ast_untyped(node)
