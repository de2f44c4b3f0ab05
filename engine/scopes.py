"""Which scopes an operation needs, read from `@requiresScopes` in the published SDL.

The directive has Apollo's meaning: the outer list is OR, the inner AND. Nothing is checked while
an operation runs: what it needs is known before. For each selected field these hold together:

- what the field requires, on the type that the document names, on each object type that can
  answer there, and on their interfaces;
- what the type that it returns requires;
- what the type that the document names requires (so a fragment `... on Device` needs it).

What an interface requires, its implementations require too. What an object type requires is not
needed by a field that returns only its interface: there the resolver has to answer null, and
`Requirements.opens` tells it when (handed on as `Documents.opens`, by the name of the type).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any, Final, TypeAlias

from graphql import (
    DirectiveLocation,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from engine.directives import read
from engine.selections import Group, Selected, family, is_introspection, owners

Alternatives: TypeAlias = tuple[frozenset[str], ...]
"""Sets of scopes, any one of which is enough."""

DIRECTIVE: Final = "requiresScopes"
"""`directive @requiresScopes(scopes: [[Scope!]!]!)`, as Apollo Federation has it."""

_LOCATIONS: Final = (
    DirectiveLocation.FIELD_DEFINITION,
    DirectiveLocation.OBJECT,
    DirectiveLocation.INTERFACE,
    DirectiveLocation.ENUM,
    DirectiveLocation.SCALAR,
)

OPEN: Final[Alternatives] = (frozenset(),)
"""No scope is needed."""


@dataclass(frozen=True, slots=True)
class Need:
    """The scopes that one field of an operation needs, everything considered."""

    coordinate: str
    """The field in the schema, as the document names it: `Query.devices`."""

    path: str
    """Where the operation first selects it, by the keys of the response: `devices.nodes.name`."""

    alternatives: Alternatives

    def met(self, scopes: Collection[str]) -> bool:
        """Whether these scopes are enough."""
        return opened(self.alternatives, scopes)


def opened(alternatives: Alternatives, scopes: Collection[str]) -> bool:
    """Whether these scopes hold all of some alternative."""
    held = frozenset(scopes)
    return any(alternative <= held for alternative in alternatives)


def both(one: Alternatives, other: Alternatives) -> Alternatives:
    """Require both."""
    if one == OPEN:
        return other
    return _least(left | right for left, right in product(one, other))


def _least(alternatives: Iterable[frozenset[str]]) -> Alternatives:
    """Leave out what another alternative makes needless; order what remains, simplest first."""
    sets = set(alternatives)
    least = (each for each in sets if not any(other < each for other in sets))
    return tuple(sorted(least, key=lambda scopes: (len(scopes), sorted(scopes))))


class Requirements:
    """What each type and field of a schema requires, by coordinate: `Device`, `Device.name`."""

    def __init__(self, stated: Mapping[str, Alternatives]) -> None:
        self.stated = stated
        """What the SDL says, and nothing more: no interfaces, no returned types."""

        self._types: dict[GraphQLNamedType, Alternatives] = {}

    @classmethod
    def from_sdl(cls, sdl: str) -> "Requirements":
        """Read the directives.

        Raises:
            ValueError: one is not a list of lists with at least one scope in each, is repeated,
                or stands where the directive must not.
        """
        stated = read(sdl, DIRECTIVE, _LOCATIONS)
        return cls({each.coordinate: _least(_sets(*each)) for each in stated})

    def check(self, schema: GraphQLSchema) -> None:
        """Make sure that nothing is stated of what the schema does not have.

        Raises:
            ValueError: a coordinate is unknown, so what it should guard might be open.
        """
        for coordinate in self.stated:
            if not exists(schema, coordinate):
                raise ValueError(f"The SDL requires scopes of {coordinate}, unknown to the schema.")

    def of_type(self, named: GraphQLNamedType) -> Alternatives:
        """Say what a type requires, its interfaces included."""
        known = self._types.get(named)
        if known is None:
            known = _all(self.stated.get(each.name, OPEN) for each in family(named))
            self._types[named] = known
        return known

    def of_field(
        self, parent: GraphQLNamedType, name: str, possible: Iterable[GraphQLObjectType] = ()
    ) -> Alternatives:
        """Say what selecting a field requires.

        Args:
            parent: the type that the document names.
            name: the field, or `__typename`.
            possible: the object types that can answer there, where `parent` is abstract.
        """
        requirement = self.of_type(parent)
        for owner in owners(parent, possible):
            requirement = both(requirement, self.stated.get(f"{owner.name}.{name}", OPEN))
            field = getattr(owner, "fields", {}).get(name)
            if field is not None:
                requirement = both(requirement, self.of_type(get_named_type(field.type)))
        return requirement

    def opens(self, named: GraphQLNamedType, scopes: Collection[str]) -> bool:
        """Whether an object of this type may be shown to who holds these scopes."""
        return opened(self.of_type(named), scopes)

    def needs(self, roots: Iterable[Group]) -> tuple[Need, ...]:
        """Collect what an operation needs, one need for each coordinate, in document order."""
        found: dict[str, Need] = {}
        seen = set()
        for root in roots:
            for group in root.walk():
                for each in group.selected:
                    key = (each.parent, each.node.name.value, each.possible)
                    if key not in seen and not (group is root and is_introspection(each)):
                        seen.add(key)
                        self._note(found, group.path, each)
        return tuple(found.values())

    def _note(self, found: dict[str, Need], path: str, selected: Selected) -> None:
        parent, name = selected.parent, selected.node.name.value
        alternatives = self.of_field(parent, name, selected.possible)
        coordinate = f"{parent.name}.{name}"
        if known := found.get(coordinate):
            path, alternatives = known.path, both(known.alternatives, alternatives)
        if alternatives != OPEN:
            found[coordinate] = Need(coordinate, path, alternatives)


def _sets(coordinate: str, arguments: Mapping[str, Any]) -> list[frozenset[str]]:
    """Read `scopes`: every inner list is a set of names, and none is empty."""
    outer = arguments.get("scopes")
    inner = outer if isinstance(outer, list) else []
    sets = [frozenset(map(_name, each)) if isinstance(each, list) else None for each in inner]
    if not sets or not all(sets):
        raise ValueError(
            f"@{DIRECTIVE} on {coordinate} needs `scopes`, a list of lists with a scope in each."
        )
    return [each for each in sets if each]


def _name(scope: object) -> str:
    if isinstance(scope, str):
        return scope
    raise ValueError(f"A scope in @{DIRECTIVE} is a string, not {scope!r}.")


def exists(schema: GraphQLSchema, coordinate: str) -> bool:
    """Whether a schema has this type or this field of a type."""
    name, _, field = coordinate.partition(".")
    named = schema.get_type(name)
    return named is not None and (not field or field in getattr(named, "fields", {}))


def _all(requirements: Iterable[Alternatives]) -> Alternatives:
    return reduce(both, requirements, OPEN)
