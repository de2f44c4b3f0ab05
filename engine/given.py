"""Values as a document gives them, before anything is coerced; a variable stands for itself.

Null and what is not given are the same here: there is nothing to be done for either. What could
never be coerced is taken as it is, since coercion refuses it before anything runs.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from graphql import (
    ConstValueNode,
    GraphQLArgument,
    GraphQLInputField,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.utilities import value_from_ast_untyped

MOST: Final = 2**31
"""More than the type Int allows; a number beyond it is taken for it."""

Variables: TypeAlias = Mapping[str, Any]
"""As the client sent them."""


class Variable(NamedTuple):
    """A variable in a value."""

    name: str
    default: object
    """The operation's own; None where it has none, or null."""

    defaults: bool
    """Whether the operation has a default for it."""

    def of(self, variables: Variables) -> object:
        """Give its value."""
        return variables.get(self.name, self.default)


class Values:
    """Reads the literals of one operation; `definitions` are its variables."""

    def __init__(self, definitions: Iterable[VariableDefinitionNode]) -> None:
        self._defaults = {
            each.variable.name.value: self.read(each.default_value)
            for each in definitions
            if each.default_value is not None
        }

    def variable(self, name: str) -> Variable:
        """Give a variable by name."""
        return Variable(name, self._defaults.get(name), name in self._defaults)

    def read(self, node: ValueNode | None) -> object:
        """Give a literal as JSON would hold it, with a `Variable` for each of its variables."""
        if isinstance(node, VariableNode):
            return self.variable(node.name.value)
        if isinstance(node, ListValueNode):
            return [self.read(each) for each in node.values]
        if isinstance(node, ObjectValueNode):
            return {each.name.value: self.read(each.value) for each in node.fields}
        return _leaf(node)


def default(of: GraphQLArgument | GraphQLInputField) -> object:
    """Give the default that the schema has for an argument or input field, None without one."""
    if of.default is None:
        return None if of.default_value is Undefined else of.default_value
    literal: ConstValueNode | None = of.default.literal
    return of.default.value if literal is None else Values(()).read(literal)


def _leaf(node: ValueNode | None) -> object:
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < len(str(MOST)) else MOST
    return None if node is None else value_from_ast_untyped(node)
