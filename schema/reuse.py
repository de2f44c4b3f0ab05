"""Reuse: an answer is given again, byte for byte, while nothing that it says can have changed.

It is found by the same document, variables and scopes, under the very grant that it was made
under (whatever happens to a grant makes another of it), while each home of that grant's view is at
the place in its log where it was. Only answers that depend on nothing else are kept, as
`Graph.answer` sees to.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from core.domain.accounts import Viewer
from core.domain.grants import Grant
from core.snapshots.homes import HomeSnapshots
from engine import Operation, said

ROOTS: Final = frozenset({"__typename", "device", "devices", "home", "homes"})
"""What speaks of nothing but homes. Whose token it is, `viewer` tells; what is past, `events`."""
OVERHEAD: Final = 1_000
SHARE_BYTES: Final = 200

Variables: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, str | None, bytes, int, frozenset[str]]


class Look(NamedTuple):
    """One operation, and the places of its viewer's homes as it begins."""

    key: Key
    grant: Grant
    moment: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer. That it holds the grant keeps any other from having the same identity."""

    grant: Grant
    moment: tuple[int, ...]
    body: bytes
    weight: int


class Reuse:
    """The answers of this process that may be given again; what was used longest ago goes first."""

    def __init__(self, homes: HomeSnapshots, most_bytes: int) -> None:
        """Keep about so many bytes; nothing, where that is 0."""
        self._homes = homes
        self._free = self._most = most_bytes
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self.reused = self.missed = 0
        """Looks so far that found an answer, and that found none."""

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def look(
        self, text: str, operation: Operation, variables: Variables, viewer: Viewer | None
    ) -> Look | None:
        """Where an answer would be; None where none can be given again."""
        if viewer is None or not self._most or operation.kind != "query":
            return None
        if not operation.asks <= ROOTS:
            return None
        moment = self._moment(viewer.grant)
        if moment is None:
            return None
        sent = said(variables)
        if sent is None:
            return None
        key = (text, operation.name, sent, id(viewer.grant), frozenset(viewer.scopes))
        return Look(key, viewer.grant, moment)

    def find(self, look: Look) -> bytes | None:
        """The answer, if it was given at these places."""
        kept = self._kept.get(look.key)
        if kept is None or kept.grant is not look.grant or kept.moment != look.moment:
            self.missed += 1
            return None
        self.reused += 1
        self._kept.move_to_end(look.key)
        return kept.body

    def keep(self, look: Look, body: bytes) -> None:
        """Keep an answer, unless a home moved on while it was made: nobody would find it again."""
        if self._moment(look.grant) != look.moment:
            return
        text, _, sent, _, _ = look.key
        weight = len(text) + len(sent) + len(body) + OVERHEAD
        weight += SHARE_BYTES * len(look.grant.shares)
        self._drop(look.key)
        if weight > self._most:
            return
        while weight > self._free:
            self._drop(next(iter(self._kept)))
        self._kept[look.key] = _Kept(look.grant, look.moment, body, weight)
        self._free -= weight

    def _moment(self, grant: Grant) -> tuple[int, ...] | None:
        """The places of the homes of a grant's view, in an order that is always the same."""
        homes = self._homes.now(grant.view.homes)
        return None if homes is None else tuple([home.place for home in homes])

    def _drop(self, key: Key) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._free += kept.weight
