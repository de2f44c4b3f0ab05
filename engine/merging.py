"""Field selection merging (spec 5.3.2): fields that answer one key must answer it alike.

graphql-core's rule compares every pair of fields and prints their arguments for each: a document
within all limits can take it seconds. Here fields are compared to the first of their kind, which
is the same, since being alike is transitive. Pairs whose parents are two different object types
may differ in name and arguments; only where such types share a key does the work exceed the size
of the document, and there the expander's budget bounds it.
"""

from collections.abc import Iterable, Sequence

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLOutputType,
    GraphQLWrappingType,
    is_leaf_type,
    is_object_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

from engine.errors import Rejected
from engine.selections import Group, Selected


def check_merging(groups: Iterable[Group]) -> None:
    """Refuse an operation with fields that conflict.

    Raises:
        Rejected: GRAPHQL_VALIDATION_FAILED with the first conflict, DOCUMENT_TOO_COMPLEX where
            it cannot be decided within the budget.
    """
    groups = tuple(groups)
    for group in groups:
        for each in group.walk():
            _same_shape(each)
    _mergeable(groups)


def _same_shape(group: Group) -> None:
    """SameResponseShape: whatever the parents, the key has one shape of value."""
    first = group.selected[0]
    for other in group.selected[1:]:
        if not _alike(first.field.type, other.field.type):
            types = f"they return conflicting types '{first.field.type}' and '{other.field.type}'"
            raise _conflict(group, types, first, other)


def _alike(one: GraphQLOutputType, other: GraphQLOutputType) -> bool:
    if isinstance(one, GraphQLWrappingType) and isinstance(other, GraphQLWrappingType):
        return type(one) is type(other) and _alike(one.of_type, other.of_type)
    if isinstance(one, GraphQLWrappingType) or isinstance(other, GraphQLWrappingType):
        return False
    return one is other if is_leaf_type(one) or is_leaf_type(other) else True


def _mergeable(groups: Iterable[Group]) -> None:
    """FieldsInSetCanMerge, for every set of fields that can answer one object."""
    for group in groups:
        parts = _parts(group.selected)
        for part in parts:
            _same_field(group, part)
            _mergeable(group.children if len(parts) == 1 else group.below(part))


def _parts(selected: Sequence[Selected]) -> list[Sequence[Selected]]:
    """Split fields by the object types of their parents; a field of an interface is in each."""
    types = dict.fromkeys(each.parent for each in selected if is_object_type(each.parent))
    if len(types) < 2:  # noqa: PLR2004  two that differ
        return [selected]
    return [
        [each for each in selected if each.parent is type_ or not is_object_type(each.parent)]
        for type_ in types
    ]


def _same_field(group: Group, selected: Sequence[Selected]) -> None:
    first, *others = selected
    arguments = _arguments(first.node) if others else ()
    for other in others:
        one, two = first.node.name.value, other.node.name.value
        if one != two:
            raise _conflict(group, f"'{one}' and '{two}' are different fields", first, other)
        if _arguments(other.node) != arguments:
            raise _conflict(group, "they have differing arguments", first, other)


def _arguments(node: FieldNode) -> Sequence[tuple[str, str]]:
    """Give the arguments in a form that is equal exactly where they are."""
    return sorted(
        (argument.name.value, print_ast(sort_value_node(argument.value)))
        for argument in node.arguments or ()
    )


def _conflict(group: Group, reason: str, one: Selected, two: Selected) -> Rejected:
    message = (
        f"Fields '{group.path}' conflict because {reason}."
        " Use different aliases on the fields to fetch both if this was intentional."
    )
    error = GraphQLError(message, [one.node, two.node])
    return Rejected.of("GRAPHQL_VALIDATION_FAILED", [error])
