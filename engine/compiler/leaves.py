"""Leaves: scalars and enums (spec 6.4.3, CompleteValue, and the result coercion of 3.5 and 3.9).

Values of exactly the class that a built-in scalar is for are the answer as they are. Everything
else goes to the type's own function, as graphql-core would, so that errors are its errors.
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple

from graphql import (
    Executor,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
)
from graphql.pyutils import Undefined
from graphql.type import scalars

from engine.compiler.spots import At, Complete

BOUNDS: Final[Mapping[str, float]] = {
    "least": scalars.GRAPHQL_MIN_INT,
    "most": scalars.GRAPHQL_MAX_INT,
    "endless": inf,
}
"""The numbers that the tests of `_OURS` name."""

WRITTEN: Final = frozenset({str, int, float, bool, list, dict})
"""Classes of what scalars write that need no second look."""

_KEPT: Final = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Classes of which each value is its own answer."""

_OURS: Final = {
    GraphQLString: ("{0}.__class__ is str", scalars.serialize_string),
    GraphQLID: ("{0}.__class__ is str", scalars.serialize_id),
    GraphQLBoolean: ("{0}.__class__ is bool", scalars.serialize_boolean),
    GraphQLInt: ("{0}.__class__ is int and least <= {0} <= most", scalars.serialize_int),
    GraphQLFloat: ("{0}.__class__ is float and -endless < {0} < endless", scalars.serialize_float),
}


class Leaf(NamedTuple):
    """How the values of a leaf type are recognised; where none of these holds, by `write`."""

    test: str | None
    """A Python expression of ours for the value `{0}`: it is its own answer."""

    kept: type | None
    """Whatever is of exactly this class is its own answer."""

    names: Mapping[int, str] | None
    """An enum's names by the identity of its values; `held` keeps them alive."""

    held: tuple[Any, ...]
    write: Any
    """The type's own function."""

    completers: tuple[Complete, Complete]
    """What completes a value of a plain class, and what completes any."""


def leaf(kind: GraphQLLeafType, anything: Callable[[Complete], Complete]) -> Leaf:
    """Say how the values of a type are recognised; `anything` widens what completes plain ones."""
    write = kind.coerce_output_value
    plain = partial(_complete, kind)
    both = plain, anything(plain)
    if isinstance(kind, GraphQLEnumType):
        held = tuple(_members(kind))
        names = {id(value): name for value, name in held}
        return Leaf(None, None, names, held, write, both)
    for ours, (test, function) in _OURS.items():
        if kind.name == ours.name and write is function:
            return Leaf(test, _KEPT.get(ours), None, (), write, both)
    return Leaf(None, None, None, (), write, both)


def _members(kind: GraphQLEnumType) -> list[tuple[Any, str]]:
    """Give the values that an enum writes, with what it makes of them.

    Strawberry's enums write members of a Python enum, whose values graphql-core holds.
    """
    values = [each.value for each in kind.values.values()]
    found = []
    for value in [*getattr(kind, "wrapped_cls", ()), *values]:
        if callable(value) or isinstance(value, Exception) or value is None or value is Undefined:
            continue
        try:
            name = kind.coerce_output_value(value)
        except Exception:  # noqa: BLE001, S112 - it will be refused again, in its place
            continue
        if name.__class__ is str:
            found.append((value, name))
    return found


def _complete(kind: GraphQLLeafType, value: Any, run: object, at: At, info: object) -> Any:
    """Complete a leaf's value: `complete_leaf_value`."""
    del run, at, info
    return Executor.complete_leaf_value(kind, value)
