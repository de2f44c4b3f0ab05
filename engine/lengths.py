"""How many items a list of one operation holds at most, for given variables."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from graphql import FieldNode, GraphQLField, get_nullable_type, is_list_type

from engine.errors import Rejected
from engine.given import MOST, Values, Variable, Variables, default
from engine.sizes import ListSize, path

_Step: TypeAlias = tuple[str, int | None]
"""The name of an input field, and the number where it is left out."""


class Slice(NamedTuple):
    """A number that a slicing argument gives, or what is at the end of its path."""

    read: Callable[[object], int | None]
    most: int
    fixed: int | None
    """The number where there is no variable, or it is not sent."""

    variable: str | None = None
    steps: tuple[_Step, ...] = ()
    """From the variable's value to the number."""

    given: bool = True
    """Whether the document gives it, rather than the schema's default."""

    @property
    def is_open(self) -> bool:
        """Whether nothing gives a number, whatever the variables."""
        return self.variable is None and self.fixed is None

    def number(self, variables: Variables) -> int | None:
        """Give the number; None where null is given, or nothing."""
        number = self.fixed
        if self.variable is not None and self.variable in variables:
            value = variables[self.variable]
            number = _below(value, self.steps, self.read) if self.steps else self.read(value)
        return number if number is None or number < self.most else self.most


class Length(NamedTuple):
    """The length of a list: the largest number given, else `otherwise`; `times` that."""

    slices: tuple[Slice, ...] = ()
    otherwise: int = 0
    times: int = 1

    @property
    def constant(self) -> int | None:
        """The length, if it is the same for all variables."""
        varies = any(each.variable is not None for each in self.slices)
        return None if varies else self.of({})

    def of(self, variables: Variables) -> int:
        """Count for these variables."""
        most = -1
        for each in self.slices:
            number = each.number(variables)
            if number is not None and number > most:
                most = number
        return self.times * (self.otherwise if most < 0 else most)


class Slicer:
    """Reads slicing arguments of one operation; numbers over `most` count as that many."""

    def __init__(self, values: Values, most: int) -> None:
        self._values = values
        self._most = most

    def length(
        self, node: FieldNode, field: GraphQLField, size: ListSize, coordinate: str
    ) -> Length:
        """Say how long the list is that this node selects, or that is below it.

        Where nothing says so, since null is given in place of a number, it may be any page.

        Raises:
            Rejected: GRAPHQL_VALIDATION_FAILED, exactly one argument has to say so.
        """
        slices = tuple(self._slice(node, field, each) for each in size.slicing)
        given = [each for each in slices if each.given]
        if size.require_one and (len(given) > 1 or all(each.is_open for each in slices)) and slices:
            named = " and ".join(f"'{each}'" for each in size.slicing)
            raise Rejected.at(
                "GRAPHQL_VALIDATION_FAILED",
                f"{coordinate} needs exactly one of {named}, to say how long its list is:"
                f" it has {len(given)} of them.",
                node,
            )
        return Length(slices, self._most if size.assumed is None else size.assumed)

    def _slice(self, node: FieldNode, field: GraphQLField, slicing: str) -> Slice:
        names, places = slicing.split("."), path(field, slicing) or []
        is_list = is_list_type(get_nullable_type(places[-1].type))
        read, most = (_length, MOST) if is_list else (_integer, self._most)
        steps: tuple[_Step, ...] = ()
        for name, place in reversed(list(zip(names, places, strict=True))):
            steps = ((name, _below(default(place), steps, read)), *steps)
        value: Any = {
            each.name.value: self._values.read(each.value) for each in node.arguments or ()
        }
        for depth, (name, otherwise) in enumerate(steps, 1):
            if isinstance(value, dict) and name not in value:
                return Slice(read, most, otherwise, given=False)
            value = value[name] if isinstance(value, dict) else None
            if isinstance(value, Variable):
                below = steps[depth:]
                unsent = _below(value.default, below, read) if value.defaults else otherwise
                return Slice(read, most, unsent, value.name, below)
        number = read(value)
        return Slice(read, most, number, given=number is not None)


def _below(value: Any, steps: Iterable[_Step], read: Callable[[object], int | None]) -> int | None:
    for name, otherwise in steps:
        if not isinstance(value, dict):
            return None
        if name not in value:
            return otherwise
        value = value[name]
    return read(value)


def _integer(value: object) -> int | None:
    """Read a number as the type Int does (spec 3.5.1); less than nothing holds nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(0, value), MOST)


def _length(value: object) -> int | None:
    """Read the length of a list; one thing is a list of one (spec 3.11)."""
    if value is None:
        return None
    return len(value) if isinstance(value, list | tuple) else 1
