"""How long lists are, read from `@listSize` in the published SDL.

The directive has the meaning of the GraphQL Cost Directives specification (IBM), section 8, with
two readings of ours. As IBM's own gateway has it, a slicing argument may be a path into an input
object (`filter.max`). And it may be a list instead of a number (`ids`): then its length counts.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
)

from engine.directives import Stated, read
from engine.given import default

DIRECTIVE: Final = "listSize"

_LOCATIONS: Final = (DirectiveLocation.FIELD_DEFINITION,)


class ListSize(NamedTuple):
    """What one field says of its list, or of the lists below it; the specification's names."""

    assumed: int | None = None
    slicing: tuple[str, ...] = ()
    sized: tuple[str, ...] = ()
    """Fields of what it returns, which hold the list; none where it is the list itself."""

    require_one: bool = True


class Sizes:
    """What `@listSize` says, by coordinate of fields: `Query.devices`."""

    def __init__(self, stated: Mapping[str, ListSize], schema: GraphQLSchema) -> None:
        """Take sizes for a schema.

        Raises:
            ValueError: one names what the schema does not have, or what is no list, or leaves
                open which size is meant (spec 9.2).
        """
        self._stated = stated
        for coordinate, size in stated.items():
            for fault in _faults(schema, coordinate, size):
                raise ValueError(f"@{DIRECTIVE} on {coordinate} {fault}")

    @classmethod
    def from_sdl(cls, sdl: str, schema: GraphQLSchema) -> "Sizes":
        """Read the directives.

        Raises:
            ValueError: an argument of one is not of its type; or as for the constructor.
        """
        stated = read(sdl, DIRECTIVE, _LOCATIONS)
        return cls({each.coordinate: _size(each) for each in stated}, schema)

    def of_field(self, owner: GraphQLObjectType, name: str) -> ListSize | None:
        """Give what is said of a field, by its type or by an interface that has it too."""
        for each in (owner, *owner.interfaces):
            if size := self._stated.get(f"{each.name}.{name}"):
                return size
        return None


def lists(kind: GraphQLOutputType) -> int:
    """Count how many lists are inside each other in a type."""
    nullable = get_nullable_type(kind)
    return 1 + lists(nullable.of_type) if is_list_type(nullable) else 0


def path(field: GraphQLField, slicing: str) -> list[GraphQLArgument | GraphQLInputField] | None:
    """Follow a slicing argument from the argument into its input objects; None where it ends."""
    first, *others = slicing.split(".")
    found: list[Any] = [field.args.get(first)]
    for name in others:
        inner = get_nullable_type(found[-1].type) if found[-1] else None
        found.append(inner.fields.get(name) if is_input_object_type(inner) else None)
    return None if None in found else found


def _size(stated: Stated) -> ListSize:
    given = dict(stated.arguments)
    assumed = given.pop("assumedSize", None)
    slicing, sized = given.pop("slicingArguments", None), given.pop("sizedFields", None)
    require_one = given.pop("requireOneSlicingArgument", True)
    for fault in (
        assumed.__class__ not in {int, type(None)} and "`assumedSize`, a number",
        not _is_names(slicing) and "`slicingArguments`, a list of names of arguments",
        not _is_names(sized) and "`sizedFields`, a list of names of fields",
        require_one.__class__ not in {bool, type(None)}
        and "`requireOneSlicingArgument`, a Boolean",
        given and "no other arguments than those of the specification",
    ):
        if fault:
            raise ValueError(f"@{DIRECTIVE} on {stated.coordinate} takes {fault}.")
    return ListSize(assumed, tuple(slicing or ()), tuple(sized or ()), require_one is not False)


def _is_a(kind: type, value: object) -> bool:
    return value is None or value.__class__ is kind


def _is_names(value: object) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )


def _faults(schema: GraphQLSchema, coordinate: str, size: ListSize) -> Iterator[str]:
    owner, _, name = coordinate.partition(".")
    field = getattr(schema.get_type(owner), "fields", {}).get(name)
    if field is None:
        yield "is of a field unknown to the schema."
        return
    if not size.sized and not lists(field.type):
        yield "is of a field that is no list: name the lists below it in `sizedFields`."
    yield from _faults_of_sized(field, size)
    yield from _faults_of_slicing(field, size)
    if size.assumed is not None and size.assumed < 0:
        yield "has an `assumedSize` below 0."
    if size.assumed is None and not size.slicing:
        yield "says no size: give it `assumedSize` or `slicingArguments`."


def _faults_of_sized(field: GraphQLField, size: ListSize) -> Iterator[str]:
    returned = get_named_type(field.type)
    for name in size.sized:
        below = getattr(returned, "fields", {}).get(name)
        if below is None:
            yield f"sizes {returned.name}.{name}, unknown to the schema."
        elif not lists(below.type):
            yield f"sizes {returned.name}.{name}, which is no list."


def _faults_of_slicing(field: GraphQLField, size: ListSize) -> Iterator[str]:
    for name in size.slicing:
        steps = path(field, name)
        if steps is None:
            yield f"is sliced by `{name}`, which its arguments do not have."
            continue
        last = get_nullable_type(steps[-1].type)
        if not is_list_type(last) and get_named_type(last).name != "Int":
            yield f"is sliced by `{name}`, which is neither an Int nor a list."
        if size.assumed is not None and any(default(each) is not None for each in steps):
            yield f"has an `assumedSize`, though `{name}` has a default: leave one of them out."
    if size.assumed is not None and size.slicing and size.require_one:
        yield "has an `assumedSize` that nothing can need: set `requireOneSlicingArgument: false`."
