"""Pages of a list in memory, against what Relay says of them."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as some

from core.domain.errors import Invalid
from resolvers.answers import settled
from resolvers.paging import Listing, Page, Part, Window, paged, window

NAMES = some.lists(some.text("abc", max_size=2), max_size=12)
Place = tuple[str, str]
SIZES = some.integers(1, 6)


def listing(names: Sequence[str]) -> Listing[Place]:
    """A list of keys, with cursors that anybody can read."""
    keys = sorted((name, str(at)) for at, name in enumerate(names))

    async def read(part: Part) -> list[Place]:
        found = [
            key
            for key in keys
            if (part.after is None or key > part.after)
            and (part.before is None or key < part.before)
        ]
        return found[-part.limit :] if part.from_end else found[: part.limit]

    async def count() -> int:
        return len(keys)

    def opened(cursor: str, field: str) -> Place:
        assert field in {"after", "before"}
        name, _, at = cursor.partition("|")
        return name, at

    return Listing(read, count, lambda key: key, lambda key: "|".join(map(str, key)), opened)


async def walked(names: Sequence[str], size: int, *, back: bool) -> list[list[Place]]:
    """Every page of the list, from its first or from its last."""
    pages, cursor, more = [], None, True
    while more:
        here = Window(size, before=cursor, from_end=True) if back else Window(size, after=cursor)
        page = await settled(paged(listing(names), here))
        pages.append(list(page.nodes))
        cursor = page.start_cursor if back else page.end_cursor
        more = await settled(page.has_previous_page if back else page.has_next_page)
    return pages


@given(NAMES, SIZES, some.booleans())
async def test_walking_shows_everything_once(names: list[str], size: int, back: bool) -> None:  # noqa: FBT001
    """Forward and back, the pages put together are the list; only the last may be short."""
    pages = await walked(names, size, back=back)
    assert all(len(page) == size for page in pages[:-1])
    whole = [key for page in (pages[::-1] if back else pages) for key in page]
    assert whole == await settled(listing(names).read(Part(100)))


@given(NAMES, SIZES, some.booleans(), some.integers(0, 12), some.integers(0, 12))
async def test_more_is_known_on_both_sides(
    names: list[str],
    size: int,
    back: bool,  # noqa: FBT001
    low: int,
    high: int,
) -> None:
    """Whatever the bounds, a page knows whether the list has items before and after it."""
    everything = await settled(listing(names).read(Part(100)))
    after = everything[low] if low < len(everything) else None
    before = everything[high] if high < len(everything) else None
    here = Window(size, after and "|".join(after), before and "|".join(before), from_end=back)
    page = await settled(paged(listing(names), here))
    inside = [
        key
        for key in everything
        if (after is None or key > after) and (before is None or key < before)
    ]
    shown = inside[-size:] if back else inside[:size]
    assert list(page.nodes) == shown
    if shown:
        assert await settled(page.has_previous_page) == (everything[0] < shown[0])
        assert await settled(page.has_next_page) == (everything[-1] > shown[-1])
    else:
        assert await settled(page.has_previous_page) == (after is not None)
        assert await settled(page.has_next_page) == (before is not None)


async def test_a_page_seals_only_what_is_asked_for() -> None:
    """A cursor costs encryption, so a page without edges makes none."""
    sealed: list[int] = []

    def seal(at: int) -> str:
        sealed.append(at)
        return f"cursor {at}"

    page = Page(nodes="abc", seal=seal, less=False, more=False)
    assert list(page.nodes) == ["a", "b", "c"]
    assert sealed == []
    assert [edge.node for edge in page.edges] == ["a", "b", "c"]
    assert sealed == []
    assert page.edges[1].cursor == "cursor 1"
    assert sealed == [1]


async def test_an_empty_page_has_no_cursors() -> None:
    """There is nowhere to go from nothing."""
    page = await settled(paged(listing([]), Window()))
    assert (page.start_cursor, page.end_cursor, await settled(page.total_count)) == (None, None, 0)


def test_a_list_that_is_not_counted_says_so() -> None:
    """A count that nobody provides is a bug, not a number."""
    with pytest.raises(LookupError):
        _ = Page(nodes="", seal=str, less=False, more=False).total_count


def test_what_is_left_out_has_a_usual_value() -> None:
    """Without arguments: the first twenty."""
    assert window() == Window(20)
    assert window(after="x") == Window(20, after="x")
    assert window(last=3, before="x") == Window(3, before="x", from_end=True)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (100_000, None, "first is 100000; it must be between 1 and 100."),
        (0, None, "first is 0; it must be between 1 and 100."),
        (None, -1, "last is -1; it must be between 1 and 100."),
        (1, 1, "first and last exclude each other: give first to go forward, last to go back."),
    ],
)
def test_a_page_that_cannot_be(first: int | None, last: int | None, words: str) -> None:
    """The sentence says what was wrong and what would be right."""
    with pytest.raises(Invalid) as refused:
        window(first=first, last=last)
    assert str(refused.value) == words
    assert refused.value.field in {"first", "last"}
