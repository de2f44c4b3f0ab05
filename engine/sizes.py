"""How many objects the lists of an answer may hold, known before it runs.

A field with `first` or `last` holds as many as they say; the `nodes` and `edges` directly below
it are that same list. A list with an argument that is a list of ids holds as many as that. Any
other list of objects is assumed to hold `Limits.assumed_list`. Lists of scalars and enums are
values of the object that they belong to and do not count; nor does introspection, which `measure`
bounds. A page of more than `Limits.most_page` counts as that many: the resolver refuses it, and
says so more plainly than a limit on the whole answer can.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLOutputType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from engine.limits import Limits
from engine.selections import Group, Selected

_SLICING: Final = ("first", "last")
_SAME_LIST: Final = frozenset({"nodes", "edges"})
_MOST: Final = 2**31  # more than the type Int allows; validation or coercion refuses it

Variables = Mapping[str, Any]


class Given(NamedTuple):
    """A number that an argument gives; `read` makes it of a value, None of null."""

    read: Callable[[object], int | None]
    variable: str | None
    fixed: int | None
    """The number where the variable is not sent: the document's own, or the schema's default."""

    def number(self, variables: Variables) -> int | None:
        """Give the number; None where null is given, or nothing."""
        if self.variable is not None and self.variable in variables:
            return self.read(variables[self.variable])
        return self.fixed


class Count(NamedTuple):
    """How many items one field holds: the largest number given, else `otherwise`; `times` that."""

    given: tuple[Given, ...]
    otherwise: int
    times: int
    most: int

    def number(self, variables: Variables) -> int:
        """Count for these variables."""
        numbers = [given.number(variables) for given in self.given]
        known = [number for number in numbers if number is not None]
        return self.times * min(self.most, max(known) if known else self.otherwise)


@dataclass(frozen=True, slots=True)
class Items:
    """A place in the answer that holds lists, itself or below. No counts: not a list itself."""

    node: FieldNode
    counts: tuple[Count, ...]
    children: tuple["Items", ...]

    def total(self, variables: Variables) -> int:
        """Count the objects in this list and in those below it."""
        below = sum(child.total(variables) for child in self.children)
        if not self.counts:
            return below
        return max(count.number(variables) for count in self.counts) * (1 + below)


class Sizer:
    """Finds the lists of one operation; `definitions` are its variables."""

    def __init__(self, definitions: Iterable[VariableDefinitionNode], limits: Limits) -> None:
        self._defaults = {
            definition.variable.name.value: definition.default_value for definition in definitions
        }
        self._limits = limits

    def items(self, groups: Iterable[Group], *, same_list: bool = False) -> tuple[Items, ...]:
        """Find the lists among and below these groups.

        Args:
            groups: keys of one object.
            same_list: whether that object is a page, whose `nodes` and `edges` are counted.
        """
        found = (self._of(group, same_list=same_list) for group in groups)
        return tuple(items for items in found if items.counts or items.children)

    def _of(self, group: Group, *, same_list: bool) -> Items:
        first = group.selected[0].node
        if first.name.value.startswith("__"):
            return Items(first, (), ())
        counts = [self._count(each, same_list=same_list) for each in group.selected]
        sliced = any(_slicing(each) for each in group.selected)
        children = self.items(group.children, same_list=sliced)
        return Items(first, tuple(count for count in counts if count), children)

    def _count(self, selected: Selected, *, same_list: bool) -> Count | None:
        if not is_composite_type(get_named_type(selected.field.type)):
            return None
        lists, arguments = _lists(selected.field.type), selected.field.args
        assumed = self._limits.assumed_list
        if slicing := _slicing(selected):
            given = tuple(self._given(selected, name, _integer) for name in slicing)
            # A null reaches the resolver in place of the default, and it may take either page.
            defaults = [_integer(coerce_default_value(arguments[name])) or 0 for name in slicing]
            page, most = max(self._limits.page, *defaults), self._limits.most_page
            return Count(given, page, assumed ** max(0, lists - 1), most)
        if not lists or (same_list and selected.node.name.value in _SAME_LIST):
            return None
        ids = [name for name, argument in arguments.items() if _is_ids(argument)]
        given = tuple(self._given(selected, name, _length) for name in ids)
        return Count(given, assumed, assumed ** (lists - 1), _MOST)

    def _given(self, selected: Selected, name: str, read: Callable[[object], int | None]) -> Given:
        nodes = {node.name.value: node.value for node in selected.node.arguments or ()}
        node = nodes.get(name)
        variable = node.name.value if isinstance(node, VariableNode) else None
        literal = self._defaults.get(variable) if variable is not None else node
        if literal is None:
            return Given(read, variable, read(coerce_default_value(selected.field.args[name])))
        return Given(read, variable, read(_plain(literal)))


def _slicing(selected: Selected) -> list[str]:
    return [name for name in _SLICING if name in selected.field.args]


def _lists(type_: GraphQLOutputType) -> int:
    nullable = get_nullable_type(type_)
    return 1 + _lists(nullable.of_type) if is_list_type(nullable) else 0


def _is_ids(argument: GraphQLArgument) -> bool:
    is_list = is_list_type(get_nullable_type(argument.type))
    return is_list and get_named_type(argument.type).name == "ID"


def _plain(node: ValueNode) -> object:
    """Reduce a literal to what `_integer` and `_length` look at."""
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < len(str(_MOST)) else _MOST
    if isinstance(node, ListValueNode):
        return node.values
    return None if isinstance(node, NullValueNode) else node


def _integer(value: object) -> int | None:
    """Read a number as the type Int does (spec 3.5.1); less than nothing holds nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(0, value), _MOST)


def _length(value: object) -> int | None:
    """Read the length of a list; one thing is a list of one (spec 3.11)."""
    if value is None or value is Undefined:
        return None
    return len(value) if isinstance(value, Sequence) and not isinstance(value, str) else 1
