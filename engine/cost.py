"""What an operation costs at most, known before it runs: the static analysis of the specification.

The GraphQL Cost Directives specification (IBM), section 5.1.1, in one walk over what an operation
selects. Where objects of several types can answer, each is counted for itself, with the fields
that it would answer, and the largest number is taken. Introspection costs nothing.

The same walk counts the objects in lists. The lists of one page (`sizedFields`) are one list.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from graphql import (
    DirectiveNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_object_type,
)

from engine.given import Values, Variables
from engine.lengths import Length, Slicer
from engine.limits import Limits
from engine.selections import Group, Selected, is_introspection
from engine.sizes import Sizes, lists
from engine.sums import Sum, Ways, largest, own, plus, times, when
from engine.weights import Argument, Weights

_OBJECT: Final = Sum((1, 0, 0))


class Cost(NamedTuple):
    """What an operation costs at most; whole numbers where the weights are."""

    type_cost: float
    """The weights of all objects and leaves of the answer (spec 5.3.2.1)."""

    field_cost: float
    """The weights of all fields that run, with their arguments (spec 5.3.2.2)."""


class Price(NamedTuple):
    """What is known of an operation's cost without its variables."""

    whole: Sum
    roots: tuple[tuple[FieldNode, Sum], ...]
    """The same for each root field."""

    def dearest(self, which: int, variables: Variables) -> tuple[FieldNode, float]:
        """Give the root field that has most of one number of a `Total`, and how much."""
        parts = ((node, each.at(variables)[which]) for node, each in self.roots)
        return max(parts, key=lambda part: part[1])


class _Page(NamedTuple):
    """What a field says of lists below it: which fields are that list, and how long it is."""

    fields: tuple[str, ...] = ()
    length: Length = Length()


class Pricer:
    """Prices the operations of a schema; `limits` say what is assumed of lists."""

    def __init__(
        self, schema: GraphQLSchema, weights: Weights, sizes: Sizes, limits: Limits
    ) -> None:
        self.schema = schema
        self.weights = weights
        self.sizes = sizes
        self.limits = limits

    def price(self, operation: OperationDefinitionNode, groups: Iterable[Group]) -> Price:
        """Price an operation, which selects these groups.

        Raises:
            Rejected: GRAPHQL_VALIDATION_FAILED, a list has to be sliced by exactly one argument
                and is not (spec 8.4); DOCUMENT_TOO_COMPLEX, too many types can answer it in too
                many ways.
        """
        root = self.schema.get_root_type(operation.operation)
        if root is None:  # validated: KnownOperationTypesRule
            raise AssertionError(operation.operation)
        walk = _Walk(self, Values(operation.variable_definitions or ()))
        roots = [(group.selected[0].node, walk.group(group, root, _Page())) for group in groups]
        itself = Sum((0, self.weights.of_type(root), 0))
        return Price(plus([itself, *(each for _, each in roots)]), tuple(roots))


class _Walk:
    """The walk over one operation."""

    def __init__(self, pricer: Pricer, values: Values) -> None:
        self._pricer = pricer
        self._values = values
        self._slicer = Slicer(values, pricer.limits.most_page)
        self._known: dict[object, Sum] = {}
        self._given: dict[tuple[str, str], Argument] = {}

    def group(self, group: Group, owner: GraphQLObjectType, page: _Page) -> Sum:
        """Price one key of the response, of an object of this type that `page` speaks of."""
        selected = tuple(
            each for each in group.selected if owner in each.possible and each.when is not None
        )
        if not selected or is_introspection(selected[0]):
            return Sum()
        name = selected[0].node.name.value
        field, size = owner.fields[name], self._pricer.sizes.of_field(owner, name)
        length = Length(otherwise=self._pricer.limits.assumed_list)
        below, ways = _Page(), self._ways(selected)
        if size is not None:
            said = self._slicer.length(selected[0].node, field, size, f"{owner.name}.{name}")
            below, length = (_Page(size.sized, said), length) if size.sized else (below, said)
        each = self._each(group, selected, get_named_type(field.type), below)
        if below.fields:
            each = plus([each, when(ways, times(below.length, _OBJECT))])
        if lists(field.type):
            known = name in page.fields
            each = self._list(each, ways, field, page.length if known else length, known=known)
        return plus([when(ways, self._own(selected, owner, name)), each])

    def _list(
        self, each: Sum, ways: Ways, field: GraphQLField, length: Length, *, known: bool
    ) -> Sum:
        """Price a list; the objects of one that is `known` were counted with its page."""
        inner = self._pricer.limits.assumed_list ** (lists(field.type) - 1)
        whole = length._replace(times=inner)
        is_new = not known and is_composite_type(get_named_type(field.type))
        objects = when(ways, times(whole, _OBJECT)) if is_new else Sum()
        return plus([times(whole, each), objects])

    def _each(
        self, group: Group, selected: Sequence[Selected], named: GraphQLNamedType, page: _Page
    ) -> Sum:
        """Price one object or leaf, with what is selected of it."""
        key = (named.name, selected, page)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._any(group, selected, named, page)
        return known

    def _any(
        self, group: Group, selected: Sequence[Selected], named: GraphQLNamedType, page: _Page
    ) -> Sum:
        ways = self._ways(selected)
        if not is_composite_type(named):
            return when(ways, Sum((0, self._pricer.weights.of_type(named), 0)))
        whole = len(selected) == len(group.selected)
        children = group.children if whole else group.below(selected)
        options = []
        for owner in self._possible(named):
            itself = when(ways, Sum((0, self._pricer.weights.of_type(owner), 0)))
            options.append(plus([itself, *(self.group(each, owner, page) for each in children)]))
        return largest(options)

    def _possible(self, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if is_abstract_type(named):
            return self._pricer.schema.get_possible_types(named)
        return [named] if is_object_type(named) else []

    def _own(self, selected: Sequence[Selected], owner: GraphQLObjectType, name: str) -> Sum:
        """Price a field itself. Of several nodes that select it, the dearest counts."""
        field, coordinate = owner.fields[name], f"{owner.name}.{name}"
        weight = self._pricer.weights.of_field(owner, name)
        nodes = {id(each.node): each.node for each in selected}  # a node's hash is as deep as it is
        return largest([
            own(weight, [
                *self._arguments(node, coordinate, field.args),
                *(each for directive in node.directives or () for each in self._of(directive)),
            ])
            for node in nodes.values()
        ])  # fmt: skip

    def _of(self, directive: DirectiveNode) -> Iterator[Argument]:
        name = directive.name.value
        if (known := self._pricer.schema.get_directive(name)) is not None:
            yield from self._arguments(directive, f"@{name}", known.args)

    def _arguments(
        self,
        node: FieldNode | DirectiveNode,
        coordinate: str,
        known: Mapping[str, GraphQLArgument],
    ) -> Iterator[Argument]:
        for argument in node.arguments or ():
            name, value = argument.name.value, self._values.read(argument.value)
            key = (f"{coordinate}({name}:)", repr(value))
            if key not in self._given:
                self._given[key] = self._pricer.weights.of_argument(key[0], known[name], value)
            yield self._given[key]

    def _ways(self, selected: Iterable[Selected]) -> Ways:
        """Say when any of these is selected."""
        found = {
            tuple((self._values.variable(name), wanted) for name, wanted in sorted(each.when))
            for each in selected
            if each.when is not None
        }
        return tuple(found)
