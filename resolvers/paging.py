"""Pages of ordered lists, by key and never by offset. Pure: what it reads is handed in.

The connections are Relay's (GraphQL Cursor Connections Specification), with both directions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from core.domain.errors import Invalid
from resolvers.answers import Answer, then

T = TypeVar("T")

MOST: Final = 100
USUAL: Final = 20

Key: TypeAlias = tuple[str | int, ...]
"""Where an item stands in its list: what the list is ordered by, and its id among equals.

Keys ascend as the list goes on, in the list's own order and in Python's.
"""

More: TypeAlias = bool | Callable[[], Answer[bool]]
"""Whether there is more: known, or to be asked."""


class Window(NamedTuple):
    """Which page is asked for: `size` items after or before a cursor, from the named end."""

    size: int = USUAL
    after: str | None = None
    before: str | None = None
    from_end: bool = False


class Part(NamedTuple):
    """Which part of a list to read: at most `limit` items between two keys, from the named end."""

    limit: int
    after: Key | None = None
    before: Key | None = None
    from_end: bool = False


@dataclass(slots=True)
class Listing(Generic[T]):
    """An ordered list: how to read a part of it (always in its order), count it, and place items.

    `open` turns a cursor back into a key; it also takes the argument that the cursor came in.
    """

    read: Callable[[Part], Answer[Sequence[T]]]
    count: Callable[[], Answer[int]]
    key: Callable[[T], Key]
    seal: Callable[[Key], str]
    open: Callable[[str, str], Key]


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    """One item of a page; its cursor is sealed when it is asked for."""

    node: T
    seal: Callable[[], str]

    @property
    def cursor(self) -> str:
        """Where the item stands, sealed."""
        return self.seal()


@dataclass(slots=True)
class Page(Generic[T]):
    """A page: its items, and what else can be known of the list.

    `seal` takes an item's index; `end` is where to go on, where that is not after the last item.
    """

    nodes: Sequence[T]
    seal: Callable[[int], str]
    less: More
    more: More
    count: Callable[[], Answer[int]] | None = None
    end: Callable[[], str] | None = None

    @property
    def edges(self) -> list[Edge[T]]:
        """The items with their cursors."""
        return [Edge(node, partial(self.seal, at)) for at, node in enumerate(self.nodes)]

    @property
    def page_info(self) -> "Page[T]":
        """The page, as what says where it is in the list."""
        return self

    @property
    def has_previous_page(self) -> Answer[bool]:
        """Whether the list has items before this page."""
        return self.less() if callable(self.less) else self.less

    @property
    def has_next_page(self) -> Answer[bool]:
        """Whether the list has items after this page."""
        return self.more() if callable(self.more) else self.more

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first item."""
        return self.seal(0) if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The cursor to go on after this page."""
        if self.end is not None:
            return self.end()
        return self.seal(len(self.nodes) - 1) if self.nodes else None

    @property
    def total_count(self) -> Answer[int]:
        """How many items the whole list has; counted when asked for."""
        if self.count is None:
            sentence = "this list is not counted"
            raise LookupError(sentence)
        return self.count()


def window(
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """The page that the four arguments of a connection ask for.

    Raises:
        Invalid: a number is out of range, or both directions are asked for.
    """
    if first is not None and last is not None:
        sentence = "first and last exclude each other: give first to go forward, last to go back."
        raise Invalid(sentence, "last")
    name, size = ("first", first) if last is None else ("last", last)
    return Window(sized(size, name), after, before, from_end=last is not None)


def sized(asked: int | None, name: str) -> int:
    """The size of a page.

    Raises:
        Invalid: it is out of range.
    """
    if asked is None:
        return USUAL
    if not 1 <= asked <= MOST:
        sentence = f"{name} is {asked}; it must be between 1 and {MOST}."
        raise Invalid(sentence, name)
    return asked


def paged(listing: Listing[T], window: Window) -> Answer[Page[T]]:
    """The page of a list. One item more than asked is read, to know whether there is more.

    Raises:
        Invalid: a cursor is not one of this list's.
    """
    after = None if window.after is None else listing.open(window.after, "after")
    before = None if window.before is None else listing.open(window.before, "before")
    part = Part(window.size + 1, after, before, window.from_end)
    return then(listing.read(part), partial(_page, listing, window, part))


def _page(listing: Listing[T], window: Window, part: Part, found: Sequence[T]) -> Page[T]:
    over = len(found) > window.size
    items = found[-window.size :] if window.from_end else found[: window.size]
    return Page(
        nodes=items,
        seal=lambda at: listing.seal(listing.key(items[at])),
        less=(over and window.from_end) or _beyond(listing, part.after, from_end=False),
        more=(over and not window.from_end) or _beyond(listing, part.before, from_end=True),
        count=listing.count,
    )


def _beyond(listing: Listing[T], bound: Key | None, *, from_end: bool) -> More:
    """Whether the list has items at or beyond a bound of the page, towards the named end."""
    if bound is None:
        return False
    reached = partial(_reached, listing, bound, from_end=from_end)
    return lambda: then(listing.read(Part(1, from_end=from_end)), reached)


def _reached(listing: Listing[T], bound: Key, found: Sequence[T], *, from_end: bool) -> bool:
    outermost = map(listing.key, found)
    return any(key >= bound if from_end else key <= bound for key in outermost)
