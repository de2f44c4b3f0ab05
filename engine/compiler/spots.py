"""Spots: the places of an answer, known before it runs.

A spot is a field of one object type at one place of the operation, or the items of a list. At run
time only the indices of the lists around it are new: they are passed down as `at`, a tuple that
holds the tuple of the list around and an index. Paths are made of both only when they are needed.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, is_non_null_type
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

At: TypeAlias = tuple[Any, ...]
"""The indices of the lists around a spot: `()` outside of all, else `(at of the list, index)`."""

Complete: TypeAlias = Callable[[Any, Any, At, Any], Any]
"""Completes a value (spec 6.4.3): value, run, at, info. Raises what the spot is to handle."""

OUTSIDE: Final[At] = ()


class Fetch(NamedTuple):
    """How a field's value is got from its object; exactly one of the three, else the default."""

    attribute: str | None = None
    """It is this attribute, read as it is."""

    resolve: Callable[..., Any] | None = None
    """A resolver gives it."""

    informed: bool = True
    """Whether the resolver looks at the `info` that it takes."""

    light: bool = False
    """Whether the run, which has a context too, is enough of an `info` for it."""

    convert: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Makes of coerced arguments what the resolver takes."""

    constant: Mapping[str, Any] | None = None
    """The resolver's arguments, where they are the same in every run."""

    alone: bool = False
    """Whether the resolver takes the object and nothing else."""


class Spot:
    """A place of the answer. Two spots are never equal."""

    __slots__ = (
        "above",
        "complete",
        "details",
        "fetch",
        "field",
        "informed",
        "is_item",
        "key",
        "nodes",
        "non_null",
        "parent",
        "plain",
        "type",
    )

    def __init__(
        self,
        above: "Spot | None",
        key: str,
        parent: GraphQLObjectType,
        field: GraphQLField,
        details: list[FieldDetails],
        fetch: Fetch,
    ) -> None:
        """A field of `parent`; `above` is where that object is, None for the root."""
        self.above = above
        self.key = key
        self.parent = parent
        self.field = field
        self.details = details
        self.fetch = fetch
        self.nodes: list[FieldNode] = [each.node for each in details]
        self.type: GraphQLOutputType = field.type
        self.non_null = is_non_null_type(field.type)
        self.is_item = False
        self.informed = False
        """Whether completing it needs the field's `info`."""
        self.complete: Complete
        self.plain: Complete
        """Completes what is of a plain class: neither nothing, nor an error, nor awaited."""

    def item(self, type_: GraphQLOutputType) -> "Spot":
        """The spot of the items of the list that is here."""
        spot = Spot(self, self.key, self.parent, self.field, self.details, Fetch())
        spot.type = type_
        spot.non_null = is_non_null_type(type_)
        spot.is_item = True
        return spot

    def path(self, at: At) -> Path:
        """The path of a value here."""
        if self.is_item and self.above is not None:
            return Path(self.above.path(at[0]), at[1], None)
        return Path(self.above.path(at) if self.above else None, self.key, self.parent.name)

    def field_path(self, at: At) -> Path:
        """The path of the field, whatever lists of its own are around."""
        path = self.path(at)
        while isinstance(path.key, int) and path.prev is not None:
            path = path.prev
        return path

    @property
    def default(self) -> bool:
        """Whether graphql-core's default resolver fetches it: what can be called is called."""
        return not self.is_item and self.fetch.attribute is None and self.fetch.resolve is None
