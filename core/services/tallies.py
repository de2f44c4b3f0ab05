"""Decisions on callers whom nothing proves: counted by source and minute, not kept one by one."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.domain.audit import ANONYMOUS, OTHERS, Entry, Kind, Outcome, entry
from core.domain.ports import Clock, Ids
from core.domain.sources import network

SOURCES: Final = 500
"""How many lines of a minute name their source; the rest of the minute is counted as others."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is counted together."""

    kind: Kind
    outcome: Outcome
    reason: str | None
    source: str


class Tallies:
    """The lines of the minute that runs, and of those before until they are taken."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        """Nothing counted yet."""
        self._clock = clock
        self._ids = ids
        self._minute = _minute(clock.now())
        self._lines: Counter[Line] = Counter()
        self._over: list[Entry] = []

    def add(self, kind: Kind, outcome: Outcome, reason: str | None, source: str | None) -> None:
        """Count one more."""
        self._turn()
        line = Line(kind, outcome, reason, network(source))
        if line not in self._lines and len(self._lines) >= SOURCES:
            line = Line(kind, outcome, None, OTHERS)
        self._lines[line] += 1

    def take(self, *, all_of_them: bool = False) -> list[Entry]:
        """An entry for each line of the minutes that are over, or of the one that runs as well."""
        self._turn()
        if all_of_them:
            self._end()
        over, self._over = self._over, []
        return over

    def _turn(self) -> None:
        now = _minute(self._clock.now())
        if now != self._minute:
            self._end()
            self._minute = now

    def _end(self) -> None:
        lines, self._lines = self._lines, Counter()
        for line, count in lines.items():
            detail = {"count": count, **({"reason": line.reason} if line.reason else {})}
            new = self._ids.new("audit")
            where = (line.kind, line.outcome, ANONYMOUS, line.source)
            self._over.append(entry(new, self._minute, *where, detail))


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
