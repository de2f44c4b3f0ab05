"""Reading `@requiresScopes` out of an SDL text, strictly: what is misplaced is not passed over."""

from collections.abc import Iterable, Iterator
from typing import Final

from graphql import (
    DirectiveNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    EnumValueNode,
    FieldDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListValueNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    StringValueNode,
    ValueNode,
    parse,
)

DIRECTIVE: Final = "requiresScopes"
"""`directive @requiresScopes(scopes: [[Scope!]!]!)`, as Apollo Federation has it."""


def read(sdl: str) -> Iterator[tuple[str, list[frozenset[str]]]]:
    """Yield every coordinate that has the directive, with its sets of scopes.

    Raises:
        ValueError: one is not a list of lists with a scope in each, or stands where it must not.
    """
    for coordinate, directive in _directives(sdl):
        yield coordinate, _scopes(coordinate, directive)


_Fielded = (
    ObjectTypeDefinitionNode
    | ObjectTypeExtensionNode
    | InterfaceTypeDefinitionNode
    | InterfaceTypeExtensionNode
)
_Guarded = (
    _Fielded
    | EnumTypeDefinitionNode
    | EnumTypeExtensionNode
    | ScalarTypeDefinitionNode
    | ScalarTypeExtensionNode
)


def _directives(sdl: str) -> Iterator[tuple[str, DirectiveNode]]:
    for node in parse(sdl, no_location=True).definitions:
        directives = getattr(node, "directives", None) or ()
        for directive in _ours(directives):
            if not isinstance(node, _Guarded):
                raise ValueError(f"@{DIRECTIVE} cannot stand on a {node.kind}.")  # noqa: TRY004
            yield node.name.value, directive
        if isinstance(node, _Fielded):
            for field in node.fields or ():
                yield from _on_field(node.name.value, field)


def _on_field(type_name: str, field: FieldDefinitionNode) -> Iterator[tuple[str, DirectiveNode]]:
    coordinate = f"{type_name}.{field.name.value}"
    for directive in _ours(field.directives or ()):
        yield coordinate, directive
    for argument in field.arguments or ():
        if any(_ours(argument.directives or ())):
            raise ValueError(f"@{DIRECTIVE} cannot stand on an argument of {coordinate}.")


def _ours(directives: Iterable[DirectiveNode]) -> Iterator[DirectiveNode]:
    return (directive for directive in directives if directive.name.value == DIRECTIVE)


def _scopes(coordinate: str, directive: DirectiveNode) -> list[frozenset[str]]:
    arguments = {argument.name.value: argument.value for argument in directive.arguments or ()}
    outer = _items(arguments.get("scopes"))
    stated = [frozenset(_scope(scope) for scope in _items(inner)) for inner in outer]
    if not stated or not all(stated):
        raise ValueError(
            f"@{DIRECTIVE} on {coordinate} needs `scopes`, a list of lists with a scope in each."
        )
    return stated


def _items(node: ValueNode | None) -> Iterable[ValueNode]:
    return node.values if isinstance(node, ListValueNode) else ()


def _scope(node: ValueNode) -> str:
    if isinstance(node, StringValueNode | EnumValueNode):
        return node.value
    raise ValueError(f"A scope in @{DIRECTIVE} is a string, not a {node.kind}.")
