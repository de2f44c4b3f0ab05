"""What a valid operation selects: its fields with their types, fragments expanded and merged.

A `Group` is one key of the response with every field of the document that answers it, as in the
spec's CollectFields (6.3.2), but for all possible types at once and whatever `@skip` and
`@include` say: a group is what the answer may hold. On what that depends, each field says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
)

from engine.conditions import ALWAYS, Condition, narrowed
from engine.errors import Rejected


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """One field as the document selects it, once for each way through its fragments."""

    node: FieldNode
    field: GraphQLField
    parent: GraphQLCompositeType
    """The type that the document names: of the field above or of the fragment."""

    possible: frozenset[GraphQLObjectType]
    """The types of object that can answer here: those that every fragment around it lets through;
    empty where none can."""

    when: Condition
    """What `@skip` and `@include` say from the root down to here."""


def is_introspection(selected: Selected) -> bool:
    """Whether a field is one of GraphQL's own: `__schema`, `__type`, `__typename`."""
    return selected.node.name.value.startswith("__")


def family(named: GraphQLNamedType) -> list[GraphQLNamedType]:
    """Give a type and the interfaces that it implements."""
    if is_object_type(named) or is_interface_type(named):
        return [named, *named.interfaces]
    return [named]


def owners(
    parent: GraphQLNamedType, possible: Iterable[GraphQLObjectType]
) -> list[GraphQLNamedType]:
    """Give every type whose field may be meant where `parent` is named and `possible` answer."""
    named = [parent, *sorted(possible, key=lambda each: each.name)]
    return list(dict.fromkeys(each for one in named for each in family(one)))


class Group:
    """One key of the response: the fields that answer it, and the groups below."""

    def __init__(self, path: str, selected: Sequence[Selected], expander: "Expander") -> None:
        self.path = path
        """The response keys from the root, joined by dots; list indices have no part in it."""

        self.selected = selected
        """At least one."""

        self._expander = expander

    @cached_property
    def children(self) -> tuple["Group", ...]:
        """The groups below; none for a leaf."""
        return self.below(self.selected)

    def below(self, selected: Sequence[Selected]) -> tuple["Group", ...]:
        """Give the groups below if only these of its fields were selected."""
        return self._expander.below(self.path, selected)

    def walk(self) -> Iterator["Group"]:
        """Yield this group and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Expander:
    """Expands the operations of one document.

    Args:
        schema: what the document was validated against, all rules but that of overlapping fields.
        fragments: the document's, by name; none spreads itself.
        budget: how many fields to expand at most before refusing the document. Plain expansion
            needs as many as the document was measured to have; `merging` may need more.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        budget: int,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._budget = budget
        self._possible: dict[str, frozenset[GraphQLObjectType]] = {}

    def groups(self, operation: OperationDefinitionNode) -> tuple[Group, ...]:
        """Expand an operation from its root type."""
        root = self._schema.get_root_type(operation.operation)
        if root is None:  # validated: KnownOperationTypesRule
            raise AssertionError(operation.operation)
        return self._grouped("", [(operation.selection_set, root, self._objects(root), ALWAYS)])

    def below(self, path: str, selected: Iterable[Selected]) -> tuple[Group, ...]:
        """Expand and merge what is selected below these fields of one group."""
        scopes = []
        for each in selected:
            named = get_named_type(each.field.type)
            if each.node.selection_set and is_composite_type(named):
                below = (each.node.selection_set, named, self._objects(named), each.when)
                scopes.append(below)
        return self._grouped(f"{path}.", scopes) if scopes else ()

    def _grouped(self, prefix: str, scopes: "Iterable[_Scope]") -> tuple[Group, ...]:
        found: dict[str, list[Selected]] = {}
        for scope in scopes:
            for selected in self._collect(*scope):
                self._spend(selected)
                node = selected.node
                key = (node.alias or node.name).value
                found.setdefault(key, []).append(selected)
        return tuple(Group(prefix + key, fields, self) for key, fields in found.items())

    def _collect(
        self,
        selections: SelectionSetNode,
        parent: GraphQLCompositeType,
        possible: frozenset[GraphQLObjectType],
        when: Condition,
    ) -> Iterator[Selected]:
        for node in selections.selections:
            here = narrowed(when, node.directives)
            if isinstance(node, FieldNode):
                field = self._schema.get_field(parent, node.name.value)
                if field is not None:
                    yield Selected(node, field, parent, possible, here)
                continue
            fragment = self._fragment(node)
            condition = fragment.type_condition
            named = self._schema.get_type(condition.name.value) if condition else parent
            if is_composite_type(named):
                narrower = possible & self._objects(named)
                yield from self._collect(fragment.selection_set, named, narrower, here)

    def _fragment(self, node: SelectionNode) -> FragmentDefinitionNode | InlineFragmentNode:
        if isinstance(node, FragmentSpreadNode):
            return self._fragments[node.name.value]
        if isinstance(node, InlineFragmentNode):
            return node
        raise AssertionError(node)  # the grammar has no other selection

    def _objects(self, named: GraphQLCompositeType) -> frozenset[GraphQLObjectType]:
        known = self._possible.get(named.name)
        if known is None:
            if is_abstract_type(named):
                known = frozenset(self._schema.get_possible_types(named))
            else:
                known = frozenset([named] if is_object_type(named) else [])
            self._possible[named.name] = known
        return known

    def _spend(self, selected: Selected) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise Rejected.at(
                "DOCUMENT_TOO_COMPLEX",
                "The document answers the same names by too many fields of different types:"
                " give them different aliases, or select fewer of them in one place.",
                selected.node,
            )


_Scope = tuple[SelectionSetNode, GraphQLCompositeType, frozenset[GraphQLObjectType], Condition]
