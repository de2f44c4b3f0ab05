"""What each part of a schema weighs, read from `@cost` in the published SDL.

The directive has the meaning of the GraphQL Cost Directives specification (IBM), section 7: where
there is none, objects, fields that answer objects, and arguments and input fields that take input
objects weigh 1; whatever is of a scalar or enum weighs 0.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_input_object_type,
    is_interface_type,
)

from engine.directives import Stated, read
from engine.given import Variable, Variables

DIRECTIVE: Final = "cost"

_LOCATIONS: Final = (
    DirectiveLocation.ARGUMENT_DEFINITION,
    DirectiveLocation.ENUM,
    DirectiveLocation.FIELD_DEFINITION,
    DirectiveLocation.INPUT_FIELD_DEFINITION,
    DirectiveLocation.OBJECT,
    DirectiveLocation.SCALAR,
)
_NUMBER: Final = re.compile(r"-?\d{1,9}(\.\d{1,9})?([eE][+-]?0?\d)?", re.ASCII)
_COORDINATE: Final = re.compile(r"(@?)(\w+)(?:\.(\w+))?(?:\((\w+):\))?", re.ASCII)


class Weights:
    """What `@cost` says, by schema coordinate: `Device`, `Query.device`, `Query.device(id:)`."""

    def __init__(self, stated: Mapping[str, float], schema: GraphQLSchema) -> None:
        """Take weights for a schema.

        Raises:
            ValueError: a coordinate is unknown, or is a field of an interface (spec 9.1.1).
        """
        for coordinate in stated:
            _check(schema, coordinate)
        self._stated = stated
        self._schema = schema
        self._inputs: dict[str, list[tuple[str, float, GraphQLInputType]]] = {}

    @classmethod
    def from_sdl(cls, sdl: str, schema: GraphQLSchema) -> "Weights":
        """Read the directives.

        Raises:
            ValueError: a weight is no number; or as for the constructor.
        """
        stated = read(sdl, DIRECTIVE, _LOCATIONS)
        return cls({each.coordinate: _weight(each) for each in stated}, schema)

    def of_type(self, named: GraphQLNamedType) -> float:
        """Weigh a type that answers. Less than nothing is nothing."""
        return max(0, self._stated.get(named.name, int(is_composite_type(named))))

    def of_field(self, owner: GraphQLObjectType, name: str) -> float:
        """Weigh a field of an object, without its arguments; it may be less than nothing."""
        returned = get_named_type(owner.fields[name].type)
        return self._stated.get(f"{owner.name}.{name}", int(is_composite_type(returned)))

    def of_argument(self, coordinate: str, of: GraphQLArgument, value: object) -> "Argument":
        """Weigh an argument of a field or directive, with the value that is given for it."""
        return Argument(self, self._of_input(coordinate, of), of.type, value)

    def fields(self, kind: GraphQLInputType) -> list[tuple[str, float, GraphQLInputType]]:
        """Give the fields in a type of input that can weigh anything: name, weight and type."""
        named = get_named_type(kind)
        if (known := self._inputs.get(named.name)) is None:
            inner = named.fields.items() if is_input_object_type(named) else ()
            every = (
                (name, self._of_input(f"{named.name}.{name}", field), field.type)
                for name, field in inner
            )
            known = [each for each in every if each[1] or _is_composite(each[2])]
            self._inputs[named.name] = known
        return known

    def _of_input(self, coordinate: str, of: GraphQLArgument | GraphQLInputField) -> float:
        return self._stated.get(coordinate, int(_is_composite(of.type)))


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """An argument as it is given, with its own weight."""

    weights: Weights
    weight: float
    kind: GraphQLInputType
    value: object

    @property
    def varies(self) -> bool:
        """Whether its cost depends on variables."""
        if not self.weight and not _is_composite(self.kind):
            return False
        return any(value.__class__ is Variable for value in self._values())

    def cost(self, variables: Variables) -> float:
        """Add the weights of the argument and of the input fields in it, as often as they appear.

        Null weighs nothing.
        """
        total: float = 0
        waiting: list[tuple[float, GraphQLInputType, Any]] = [(self.weight, self.kind, self.value)]
        while waiting:  # variables may nest deeper than Python calls may
            weight, kind, value = waiting.pop()
            if value.__class__ is Variable:
                value = value.of(variables)
            if value is None:
                continue
            total += weight
            if not (fields := self.weights.fields(kind)):
                continue
            if isinstance(value, list):
                waiting.extend([(0, kind, each) for each in value])
            elif isinstance(value, dict):
                waiting.extend([(w, k, value[name]) for name, w, k in fields if name in value])
        return total

    def _values(self) -> Iterator[object]:
        waiting = [self.value]
        while waiting:
            value = waiting.pop()
            yield value
            if isinstance(value, list | dict):
                waiting.extend(value if isinstance(value, list) else value.values())


def _is_composite(kind: GraphQLInputType) -> bool:
    return is_input_object_type(get_named_type(kind))


def _weight(stated: Stated) -> float:
    weight = stated.arguments.get("weight")
    if not isinstance(weight, str) or not _NUMBER.fullmatch(weight) or len(stated.arguments) > 1:
        raise ValueError(
            f'@{DIRECTIVE} on {stated.coordinate} needs `weight`, a number as a string: "2.5".'
        )
    number = float(weight)
    return int(number) if number.is_integer() else number


def _check(schema: GraphQLSchema, coordinate: str) -> None:
    match = _COORDINATE.fullmatch(coordinate)
    found = _found(schema, *match.groups()) if match else None
    if found is None:
        raise ValueError(f"The SDL has @{DIRECTIVE} on {coordinate}, unknown to the schema.")
    name = coordinate.partition("(")[0].partition(".")[0]
    if is_interface_type(schema.get_type(name)):
        raise ValueError(
            f"@{DIRECTIVE} cannot stand on {coordinate}, of an interface: put it on the field of"
            " each type that implements it."
        )


def _found(
    schema: GraphQLSchema, sign: str, name: str, field: str | None, argument: str | None
) -> object:
    found: Any = schema.get_directive(name) if sign else schema.get_type(name)
    if field and found is not None:
        found = getattr(found, "fields", {}).get(field)
    if argument and found is not None:
        found = getattr(found, "args", {}).get(argument)
    return found
