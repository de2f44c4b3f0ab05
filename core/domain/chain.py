"""The chain of seals over audit rows: pure functions, by which anybody can check what is stored.

Each row has a commitment, SHA-256 over a random salt and the row's content. A seal hashes the seal
before it and the places, ids and commitments of its rows. Whoever changes, removes, inserts or
reorders a sealed row has to change every later seal too, which shows against any hash that was
noted elsewhere. To erase a row is to delete its content and its salt: the commitment stays, says
nothing any more, and the chain still holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from core.domain.audit import Kind

GENESIS: Final = "0" * 64
"""What the first seal hashes in place of a seal before it."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored: `place` is None until it is sealed, `content` once it is erased."""

    id: str
    place: int | None
    commitment: str
    content: Mapping[str, Any] | None
    salt: str | None


@dataclass(frozen=True, slots=True)
class Seal:
    """One link: it seals the rows after the last place of the seal before, up to `last`."""

    number: int
    last: int
    at: datetime
    hash: str


class Broken(Exception):
    """The chain does not hold; the sentence says where first, what was expected and what is."""


def commitment(content: Mapping[str, Any], salt: str) -> str:
    """SHA-256 over the salt and the content (`Entry.content`) as canonical JSON (RFC 8785)."""
    return sha256(salt.encode() + _canonical(content)).hexdigest()


def sealed(before: str, number: int, at: datetime, rows: Iterable[Row]) -> str:
    """The hash of a seal after the one with the hash `before`, over these rows in this order."""
    members = [[row.place, row.id, row.commitment] for row in rows]
    content = {"before": before, "number": number, "at": at.isoformat(), "rows": members}
    return sha256(_canonical(content)).hexdigest()


def _canonical(content: Mapping[str, Any]) -> bytes:
    """Texts are ASCII and numbers whole here, so that sorted keys are all that RFC 8785 adds."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


@dataclass(slots=True)
class Walk:
    """A walk along the chain from its start, seal by seal."""

    number: int = 0
    last: int = 0
    hash: str = GENESIS
    rows: int = 0
    erased: int = 0
    recorded: int = 0
    anchors: Mapping[int, str] = field(default_factory=dict)
    """Hashes by number that were noted elsewhere and must be met."""

    def take(self, seal: Seal, rows: Sequence[Row]) -> None:
        """Go on with the next seal and the rows that are stored with its places, in their order.

        Raises:
            Broken: it does not follow, or a row is not what was sealed.
        """
        if seal.number != self.number + 1:
            raise Broken(f"Seal {self.number + 1} was expected, and there is {seal.number}.")
        self._line_up(seal, rows)
        for row in rows:
            self.look(row)
        expected = sealed(self.hash, seal.number, seal.at, rows)
        if seal.hash != expected:
            raise Broken(
                f"Seal {seal.number} (places {self.last + 1} to {seal.last}) must have the hash"
                f" {expected} by its rows and the seal before, and it has {seal.hash}."
            )
        noted = self.anchors.get(seal.number, expected)
        if noted != expected:
            raise Broken(f"Seal {seal.number} had the hash {noted}, and now it has {expected}.")
        self.number, self.last, self.hash = seal.number, seal.last, seal.hash

    def look(self, row: Row) -> None:
        """Look whether a row is what its commitment says, sealed or not, and count it.

        Raises:
            Broken: it is not.
        """
        where = f"Row {row.id}" if row.place is None else f"The row at place {row.place} ({row.id})"
        self.rows += 1
        if row.content is None and row.salt is None:
            self.erased += 1
            return
        if row.content is None or row.salt is None:
            raise Broken(f"{where} must have both its content and its salt, or neither.")
        expected = commitment(row.content, row.salt)
        if row.commitment != expected:
            raise Broken(
                f"{where} must have the commitment {expected} by its content, and it has"
                f" {row.commitment}."
            )
        if row.content["kind"] == Kind.AUDIT_ERASE:
            self.recorded += json.loads(row.content["detail"])["rows"]

    def end(self, head: int) -> None:
        """Close the walk, after every row: `head` is the last place that was given.

        Raises:
            Broken: something is missing at the end, or was erased by nobody.
        """
        if head != self.last:
            raise Broken(f"Places up to {head} were sealed, and the seals end at {self.last}.")
        missing = [number for number in self.anchors if number > self.number]
        if missing:
            raise Broken(f"Seal {min(missing)} was there, and the seals end at {self.number}.")
        if self.erased != self.recorded:
            raise Broken(
                f"{self.erased} rows have no content, and records say that {self.recorded} were"
                " erased."
            )

    def _line_up(self, seal: Seal, rows: Sequence[Row]) -> None:
        places = range(self.last + 1, seal.last + 1)
        for row, place in zip(rows, places, strict=False):
            if row.place != place:
                raise Broken(f"A row with place {place} was expected, and there is {row.place}.")
        if len(rows) != len(places):
            raise Broken(
                f"Seal {seal.number} has places {self.last + 1} to {seal.last}, and {len(rows)}"
                " rows are stored with them."
            )
