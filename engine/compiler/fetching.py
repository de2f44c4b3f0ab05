"""Fetching: how the value of a field is got from its object (spec 6.4.2).

A field of a Strawberry type without a resolver is an attribute, read as one. A resolver that
does not look at its `info` is not given one: making it costs more than most resolvers do.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    default_field_resolver,
)
from graphql.execution.values import VariableValues, get_argument_values

from engine.compiler import strawberries
from engine.compiler.peeping import reads
from engine.compiler.running import lasting
from engine.compiler.spots import Fetch


def fetch(field: GraphQLField, node: FieldNode) -> Fetch:
    """Say how a field is fetched where this node selects it."""
    resolve = field.resolve
    if resolve is None or resolve is default_field_resolver:
        return Fetch()
    if attribute := strawberries.attribute(resolve):
        return Fetch(attribute=attribute)
    called = strawberries.function(resolve)
    if called is None:
        return Fetch(None, resolve, reads(resolve, 1), constant=_constant(field, node, None))
    function, light, convert, alone = called
    informed = not light and not alone and reads(function, 1)
    return Fetch(None, function, informed, light, convert, _constant(field, node, convert), alone)


def _constant(
    field: GraphQLField, node: FieldNode, convert: strawberries.Convert | None
) -> Mapping[str, Any] | None:
    """Coerce arguments that hold no variable; None where each call has to do it."""
    if not field.args:
        return {}
    if any(variables_of(argument.value) for argument in node.arguments or ()):
        return None
    try:
        values = get_argument_values(field, node, VariableValues({}, {}))
        if convert is not None:
            values = convert(values)
    except Exception:  # noqa: BLE001 - it will be raised again, in its place
        return None
    return values if lasting(values) else None


def variables_of(node: ValueNode) -> set[str]:
    """Give the names of the variables that a literal holds."""
    if isinstance(node, VariableNode):
        return {node.name.value}
    if isinstance(node, ListValueNode):
        return set().union(*(variables_of(each) for each in node.values))
    if isinstance(node, ObjectValueNode):
        return set().union(*(variables_of(each.value) for each in node.fields))
    return set()
