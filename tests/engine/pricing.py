"""The static analysis of the cost specification, done as it is written: for one set of variables.

It reads the directives from the nodes of a built schema, substitutes the variables, and expands
everything for every type of object, so it is slow and shares no line with the engine.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_object_type,
    parse,
)
from graphql.utilities import value_from_ast_untyped

ASSUMED = 10
PAGE = 100


class Whole(NamedTuple):
    """Type cost and field cost."""

    types: float = 0
    fields: float = 0


def _directive(of: Any, name: str) -> dict[str, Any] | None:
    for directive in (of.ast_node.directives or ()) if of.ast_node else ():
        if directive.name.value == name:
            return {
                each.name.value: value_from_ast_untyped(each.value) for each in directive.arguments
            }
    return None


def _weight(of: Any, otherwise: float) -> float:
    stated = _directive(of, "cost")
    return float(stated["weight"]) if stated else otherwise


class Naive:
    """Prices one operation with its variables."""

    def __init__(self, sdl: str, text: str, variables: dict[str, Any]) -> None:
        """For the only operation of a text."""
        self.schema: GraphQLSchema = build_schema(sdl)
        ast = parse(text)
        [self.operation] = [
            each for each in ast.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self.fragments = {
            each.name.value: each
            for each in ast.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self.variables = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in self.operation.variable_definitions or ()
            if each.default_value
        } | variables

    def cost(self) -> Whole:
        """Price it."""
        root = self.schema.get_root_type(self.operation.operation)
        assert root
        whole = self.selection(root, [self.operation.selection_set], {})
        return Whole(whole.types + max(0, _weight(root, 1)), whole.fields)

    def value(self, node: Any) -> Any:
        """A literal with its variables substituted; what is not given is left out."""
        kind = node.kind
        if kind == "variable":
            return self.variables.get(node.name.value)
        if kind == "list_value":
            return [self.value(each) for each in node.values]
        if kind == "object_value":
            return {each.name.value: self.value(each.value) for each in node.fields}
        return value_from_ast_untyped(node)

    def included(self, node: Any) -> bool:
        """What `@skip` and `@include` say."""
        for directive in node.directives or ():
            if directive.name.value in {"skip", "include"}:
                value = self.value(directive.arguments[0].value)
                if value is (directive.name.value == "skip"):
                    return False
        return True

    def collect(self, owner: GraphQLObjectType, sets: list[Any]) -> Iterator[FieldNode]:
        """CollectFields, not yet grouped."""
        for each in (each for one in sets for each in one.selections if self.included(each)):
            if isinstance(each, FieldNode):
                yield each
                continue
            spread = isinstance(each, FragmentSpreadNode)
            fragment = self.fragments[each.name.value] if spread else each
            condition = fragment.type_condition
            named: Any = self.schema.get_type(condition.name.value) if condition else owner
            if named is owner or owner in self.possible(named):
                yield from self.collect(owner, [fragment.selection_set])

    def possible(self, named: Any) -> list[Any]:
        """The types of object that a type can be."""
        return list(self.schema.get_possible_types(named)) if is_abstract_type(named) else [named]

    def selection(self, owner: GraphQLObjectType, sets: list[Any], sized: dict[str, int]) -> Whole:
        """Price what is selected of one object."""
        groups: dict[str, list[FieldNode]] = {}
        for node in self.collect(owner, sets):
            groups.setdefault((node.alias or node.name).value, []).append(node)
        costs = [self.field(owner, nodes, sized) for nodes in groups.values()]
        return Whole(sum(each.types for each in costs), sum(each.fields for each in costs))

    def field(
        self, owner: GraphQLObjectType, nodes: list[FieldNode], sized: dict[str, int]
    ) -> Whole:
        """Price one field of one object."""
        name = nodes[0].name.value
        if name.startswith("__"):
            return Whole()
        field = owner.fields[name]
        named = get_named_type(field.type)
        given = {
            each.name.value: self.value(each.value)
            for each in nodes[0].arguments or ()
            if getattr(each.value, "name", each.name).value in self.variables
            or each.value.kind != "variable"
        }
        own = _weight(field, float(is_composite_type(named)))
        own += sum(self.input(field.args[key], value) for key, value in given.items())
        size, below = self.sizes(field, given)
        length = _lists(field.type, sized.get(name, size))
        options = [self.item(each, nodes, below) for each in self.possible(named)]
        return Whole(
            length * max(each.types for each in options),
            max(0, own) + length * max(each.fields for each in options),
        )

    def item(self, named: Any, nodes: list[FieldNode], below: dict[str, int]) -> Whole:
        """Price one object or leaf."""
        if not is_object_type(named):
            return Whole(max(0, _weight(named, 0)))
        inner = self.selection(named, [node.selection_set for node in nodes], below)
        return Whole(inner.types + max(0, _weight(named, 1)), inner.fields)

    def input(self, of: Any, value: Any) -> float:
        """Price an argument or an input field."""
        if value is None:
            return 0
        named = get_named_type(of.type)
        return _weight(of, float(is_input_object_type(named))) + self.within(named, value)

    def within(self, named: Any, value: Any) -> float:
        """Price the input fields in a value."""
        if isinstance(value, list):
            return sum(self.within(named, each) for each in value)
        if not is_input_object_type(named) or not isinstance(value, dict):
            return 0
        return sum(
            self.input(named.fields[key], each)
            for key, each in value.items()
            if key in named.fields
        )

    def sizes(self, field: Any, given: dict[str, Any]) -> tuple[int, dict[str, int]]:
        """How long the list is, and the lists below it."""
        stated = _directive(field, "listSize")
        if stated is None:
            return ASSUMED, {}
        numbers = []
        for name in stated.get("slicingArguments", ()):
            default = field.args[name].default
            value = given.get(name) if name in given or not default else self.value(default.literal)
            if value is not None and is_list_type(get_nullable_type(field.args[name].type)):
                numbers.append(len(value) if isinstance(value, list) else 1)
            elif type(value) is int:
                numbers.append(min(PAGE, max(0, value)))
        length = max(numbers) if numbers else stated.get("assumedSize", PAGE)
        sized = stated.get("sizedFields")
        return (ASSUMED, dict.fromkeys(sized, length)) if sized else (length, {})


def _lists(kind: Any, size: int) -> int:
    deep = str(kind).count("[")
    return size * ASSUMED ** (deep - 1) if deep else 1
