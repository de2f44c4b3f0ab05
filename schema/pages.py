"""Pages: Relay's connections, and the four arguments that choose a page."""

from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from resolvers.paging import Window, window
from schema.costs import COUNTING
from schema.scopes import READ

T = TypeVar("T")
V = TypeVar("V")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="How many to give from the start, or after `after`: 1–100; 20 if left out."
    ),
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Only what comes after this cursor of the same list."),
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="How many to give from the end, or before `before`: 1–100. Not with `first`."
    ),
]
Before: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Only what comes before this cursor of the same list."),
]


def given(value: V | None) -> V | None:
    """The value of an argument; what was left out is None, like an explicit null."""
    return None if value is strawberry.UNSET else value


def asked(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """The page that the arguments of a connection ask for.

    Raises:
        Invalid: they contradict each other, or a number is out of range.
    """
    return window(given(first), given(after), given(last), given(before))


@strawberry.type(description="Where a page is in its list.")
class PageInfo:
    """`resolvers.paging.Page` as Relay's PageInfo."""

    has_next_page: bool = strawberry.field(
        description="Whether the list goes on after this page.",
    )
    has_previous_page: bool = strawberry.field(
        description="Whether the list has something before this page.",
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first entry, for `before`; null where the page is empty.",
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor to go on with, for `after`; null where there is none.",
    )


@strawberry.type(description="One entry of a page.", directives=[READ])
class Edge(Generic[T]):
    """`resolvers.paging.Edge`."""

    cursor: str = strawberry.field(
        description="Where the entry stands in its list: opaque, for `after` and `before`.",
    )
    node: T = strawberry.field(description="The entry itself.")


@strawberry.type(description="A page of a list.", directives=[READ])
class Connection(Generic[T]):
    """`resolvers.paging.Page`."""

    edges: list[Edge[T]] = strawberry.field(description="The entries with their cursors.")
    nodes: list[T] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where the page is in the list.")
    total_count: int = strawberry.field(
        directives=[COUNTING],
        description="How many entries the whole list has; counted only when selected.",
    )
