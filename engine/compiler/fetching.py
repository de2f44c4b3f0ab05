"""Fetching: how the value of a field is got from its object (spec 6.4.2).

A field of a Strawberry type without a resolver is an attribute, read as one. A resolver that
does not look at its `info` is not given one: making it costs more than most resolvers do.
"""

import dis
from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import CO_VARARGS
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    default_field_resolver,
)
from graphql.execution.values import VariableValues, get_argument_values

from engine.compiler import strawberries
from engine.compiler.running import lasting
from engine.compiler.spots import Fetch

_PEEPING: Final = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack"}
)
"""What a function could see its own parameters by, besides their names."""


def fetch(field: GraphQLField, node: FieldNode) -> Fetch:
    """Say how a field is fetched where this node selects it."""
    resolve = field.resolve
    if resolve is None or resolve is default_field_resolver:
        return Fetch()
    if attribute := strawberries.attribute(resolve):
        return Fetch(attribute=attribute)
    resolve = strawberries.function(resolve) or resolve
    return Fetch(None, resolve, reads(resolve, 1), _constant(field, node))


def reads(function: Callable[..., Any], position: int) -> bool:
    """Whether a function may look at the argument at this position."""
    if isinstance(function, MethodType):
        return reads(function.__func__, position + 1)
    return not isinstance(function, FunctionType) or _reads(function.__code__, position)


@lru_cache(1_000)
def _reads(code: CodeType, position: int) -> bool:
    if position >= code.co_argcount or code.co_flags & CO_VARARGS:
        return True
    name = code.co_varnames[position]
    if name in code.co_cellvars or not _PEEPING.isdisjoint(code.co_names):
        return True
    for step in dis.get_instructions(code):
        named = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        if step.opname.startswith("LOAD_FAST") and name in named:
            return True
    return False


def _constant(field: GraphQLField, node: FieldNode) -> Mapping[str, Any] | None:
    """Coerce arguments that hold no variable; None where each call has to do it."""
    if not field.args:
        return {}
    if any(variables_of(argument.value) for argument in node.arguments or ()):
        return None
    try:
        values = get_argument_values(field, node, VariableValues({}, {}))
    except GraphQLError:  # it will be raised again, in its place
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
