"""Reach: what of an operation's variables and directives takes part in its answer, and how.

It says why an operation is not compiled, which variables choose what is selected, and which
reach the selection below the root fields: those are a subscription's rendering.
"""

from collections.abc import Mapping
from typing import Final

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from engine.compiler.fetching import variables_of

_CHOOSING: Final = frozenset({"skip", "include"})
_INTROSPECTION: Final = frozenset({"__schema", "__type"})


class Reach:
    """What one operation uses, its fragments included."""

    def __init__(
        self,
        operation: OperationDefinitionNode,
        definitions: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self.unsupported: str | None = None
        """Why the operation is not compiled, in one word."""

        self._definitions = definitions
        self._flags: dict[str, None] = {}
        self._rendering: set[str] = set()
        self._seen: set[tuple[str, bool]] = set()
        self._directives(operation.directives)
        for variable in operation.variable_definitions or ():
            self._directives(variable.directives)
        self._walk(operation.selection_set, is_root=True)
        self.flags = tuple(self._flags)
        """The variables of `@skip` and `@include`."""

        self.rendering = tuple(sorted(self._rendering))
        """The variables that reach the selection below the root fields, by name. Those that only
        the arguments of root fields use choose which events are seen, not how."""

    def _walk(self, selections: SelectionSetNode, *, is_root: bool) -> None:
        for node in selections.selections:
            self._directives(node.directives)
            if isinstance(node, FieldNode):
                self._field(node, is_root=is_root)
            elif isinstance(node, InlineFragmentNode):
                self._walk(node.selection_set, is_root=is_root)
            elif isinstance(node, FragmentSpreadNode):
                self._spread(node.name.value, is_root=is_root)

    def _field(self, node: FieldNode, *, is_root: bool) -> None:
        if node.name.value in _INTROSPECTION:
            self._refuse("introspection")
        if not is_root:
            for argument in node.arguments or ():
                self._rendering |= variables_of(argument.value)
        if node.selection_set:
            self._walk(node.selection_set, is_root=False)

    def _spread(self, name: str, *, is_root: bool) -> None:
        if (name, is_root) in self._seen:
            return
        self._seen.add((name, is_root))
        definition = self._definitions[name]
        self._directives(definition.directives)
        if definition.variable_definitions:
            self._refuse("fragment-variables")
        self._walk(definition.selection_set, is_root=is_root)

    def _directives(self, directives: "tuple[DirectiveNode, ...] | None") -> None:
        for directive in directives or ():
            if directive.name.value not in _CHOOSING:
                self._refuse("directive")
            for argument in directive.arguments or ():
                self._rendering |= variables_of(argument.value)
                if isinstance(argument.value, VariableNode):
                    self._flags[argument.value.name.value] = None

    def _refuse(self, reason: str) -> None:
        self.unsupported = self.unsupported or reason
