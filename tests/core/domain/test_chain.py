"""The chain: whatever is done to rows or seals is found, and erasing is not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from core.domain.audit import OPERATOR, Kind, Outcome, entry
from core.domain.chain import GENESIS, Broken, Row, Seal, Walk, commitment, sealed
from tests.fakes import START


@dataclass(frozen=True)
class Stored:
    """A chain as it would be stored: seals, and the rows of each."""

    links: tuple[tuple[Seal, tuple[Row, ...]], ...]

    @property
    def rows(self) -> list[Row]:
        """Every row in its order."""
        return [row for _, rows in self.links for row in rows]

    def with_rows(self, rows: Sequence[Row]) -> "Stored":
        """The same seals, over rows that were given to them by their places."""
        last, links = 0, []
        for seal, _ in self.links:
            links.append((seal, tuple(r for r in rows if last < (r.place or 0) <= seal.last)))
            last = seal.last
        return Stored(tuple(links))


def row(place: int, kind: Kind = Kind.SIGN_IN, **detail: Any) -> Row:
    """A row with some content."""
    told = entry(f"audit_{place}", START, kind, Outcome.ALLOWED, OPERATOR, None, detail)
    salt = f"{place:064x}"
    return Row(told.id, place, commitment(told.content, salt), told.content, salt)


def erased(one: Row) -> Row:
    """The row, emptied."""
    return replace(one, content=None, salt=None)


def chain(sizes: Sequence[int], *last: Row) -> Stored:
    """A chain of seals over so many rows each, the last of which may be given."""
    before, place, links = GENESIS, 0, []
    for number, size in enumerate(sizes, start=1):
        rows = [row(place + index + 1) for index in range(size)]
        place += size
        if number == len(sizes):
            rows += last
            place += len(last)
        seal = Seal(number, place, START, sealed(before, number, START, rows))
        links.append((seal, tuple(rows)))
        before = seal.hash
    return Stored(tuple(links))


def walk(stored: Stored, head: int | None = None, **anchors: str) -> Walk:
    """A walk along all of it."""
    taken = Walk(anchors={int(number[1:]): noted for number, noted in anchors.items()})
    for seal, rows in stored.links:
        taken.take(seal, rows)
    taken.end(len(stored.rows) if head is None else head)
    return taken


chains = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(chain)


@given(chains)
def test_what_nobody_touched_holds(stored: Stored) -> None:
    """And every row of it was looked at."""
    taken = walk(stored)
    assert (taken.rows, taken.number) == (len(stored.rows), len(stored.links))


@given(chains, st.data())
def test_any_change_of_a_row_is_found(stored: Stored, data: st.DataObject) -> None:
    """Whichever part of whichever row."""
    rows = stored.rows
    index = data.draw(st.integers(0, len(rows) - 1))
    one = rows[index]
    field = data.draw(st.sampled_from(["row", "commitment", "salt", *(one.content or {})]))
    changes = {
        "commitment": replace(one, commitment="changed"),
        "salt": replace(one, salt="changed"),
        "row": replace(one, id="changed"),
    }
    content = {**(one.content or {}), field: "changed"}
    rows[index] = changes.get(field) or replace(one, content=content)
    with pytest.raises(Broken, match=r"must have|was expected"):
        walk(stored.with_rows(rows))


@given(chains, st.data())
def test_any_removal_of_a_row_is_found(stored: Stored, data: st.DataObject) -> None:
    """Whether the others keep their places or close ranks."""
    rows, head = stored.rows, len(stored.rows)
    del rows[data.draw(st.integers(0, head - 1))]
    if data.draw(st.booleans()):
        rows = [replace(one, place=place) for place, one in enumerate(rows, start=1)]
    with pytest.raises(Broken):
        walk(stored.with_rows(rows), head)


@given(chains, st.data())
def test_any_insertion_of_a_row_is_found(stored: Stored, data: st.DataObject) -> None:
    """A row whose own commitment is right, too, wherever it is put."""
    rows = stored.rows
    rows.insert(data.draw(st.integers(0, len(rows))), row(99))
    placed = [replace(one, place=place) for place, one in enumerate(rows, start=1)]
    changed = stored.with_rows(placed)
    with pytest.raises(Broken):
        walk(changed, len(rows))


@given(chains, st.data())
def test_any_reordering_of_rows_is_found(stored: Stored, data: st.DataObject) -> None:
    """Rows that swap places."""
    rows = data.draw(st.permutations(stored.rows))
    assume(rows != stored.rows)
    with pytest.raises(Broken):
        walk(stored.with_rows([replace(one, place=n) for n, one in enumerate(rows, start=1)]))


@given(chains, st.data())
def test_any_change_of_a_seal_is_found(stored: Stored, data: st.DataObject) -> None:
    """Its hash, number, time or extent; and one that is missing."""
    index = data.draw(st.integers(0, len(stored.links) - 1))
    seal, rows = stored.links[index]
    changes: list[dict[str, Any]] = [{"hash": "x"}, {"number": 77}, {"last": seal.last + 1}]
    change = data.draw(st.sampled_from([*changes, {"at": START.replace(year=2027)}, {}]))
    links = list(stored.links)
    links[index : index + 1] = [(replace(seal, **change), rows)] if change else []
    with pytest.raises(Broken):
        walk(Stored(tuple(links)), len(stored.rows))


def test_the_first_broken_place_is_named() -> None:
    """With what was expected there."""
    stored = chain([2, 2])
    rows = stored.rows
    rows[2] = replace(rows[2], content={**(rows[2].content or {}), "outcome": "refused"})
    with pytest.raises(Broken, match=r"^The row at place 3 \(audit_3\) must have the commitment"):
        walk(stored.with_rows(rows))


def test_a_new_chain_is_told_by_an_anchor() -> None:
    """Who rewrites all of it still cannot meet a hash that was noted elsewhere."""
    old, new = chain([2, 1]), chain([3])
    assert walk(old, s1=old.links[0][0].hash).number == 2
    with pytest.raises(Broken, match="Seal 1 had the hash"):
        walk(new, s1=old.links[0][0].hash)
    with pytest.raises(Broken, match="Seal 2 was there, and the seals end at 1"):
        walk(new, s2=old.links[1][0].hash)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
def test_erasing_keeps_it_valid(sizes: list[int], data: st.DataObject) -> None:
    """Any rows may be emptied, as long as a record says how many."""
    count = sum(sizes)
    gone = data.draw(st.sets(st.integers(1, count)))
    record = row(count + 1, Kind.AUDIT_ERASE, rows=len(gone))
    stored = chain(sizes, record)
    left = stored.with_rows([erased(r) if r.place in gone else r for r in stored.rows])
    assert walk(left).erased == len(gone)


def test_a_row_that_was_emptied_by_hand_is_found() -> None:
    """So is one whose content alone, or salt alone, is gone."""
    stored = chain([2])
    first, second = stored.rows
    with pytest.raises(Broken, match="1 rows have no content, and records say that 0 were erased"):
        walk(stored.with_rows([erased(first), second]))
    with pytest.raises(Broken, match="both its content and its salt, or neither"):
        walk(stored.with_rows([replace(first, salt=None), second]))
