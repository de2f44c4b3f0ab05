"""The audit: security decisions noted down, sealed into a chain, checked, and erased by person.

What is decided in a transaction is noted in that transaction (`core.store.ledger.Ledger.note`) and
cannot be lost. Everything else comes here, waits a quarter of a second at most while the database
answers, and is written together. While it does not, as many wait as there is room for; what finds
no room goes to the program's log instead, and a row says how many those were.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Unpack

from core import observe
from core.domain.audit import (
    ANONYMOUS,
    OPERATOR,
    SYSTEM,
    Actor,
    Detail,
    Entry,
    Kind,
    Outcome,
    Sought,
    entry,
)
from core.domain.chain import Broken, Row, Walk
from core.domain.errors import Invalid, Unavailable
from core.domain.ports import Clock, Ids
from core.domain.sources import address
from core.services.tallies import Tallies
from core.store.audit import BATCH, AuditRows, AuditView

log = observe.logger(__name__)

ROOM: Final = 10_000
BEAT_SECONDS: Final = 0.25
SEAL_SECONDS: Final = 2.0
SEALS: Final = 20
"""How many seals are put on in one go; then what has come meanwhile is written."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the whole chain found; `broken` says where it does not hold, and why."""

    rows: int
    waiting: int
    erased: int
    seal: int
    hash: str
    broken: str | None = None


class Audit:
    """Owns what waits to be written in this process; `run` is its one task."""

    def __init__(self, rows: AuditRows, clock: Clock, ids: Ids) -> None:
        """Write these rows."""
        self._rows = rows
        self._clock = clock
        self._ids = ids
        self._queue: deque[Entry] = deque()
        self._writing = asyncio.Lock()
        self._tallies = Tallies(clock, ids)
        self._unreported = 0
        self._sealed_at = clock.monotonic()
        self._down = False
        self.written = 0
        """Rows that were written."""
        self.lost = 0
        """Decisions that found no room and went to the log alone."""

    @property
    def waiting(self) -> int:
        """How many rows wait to be written."""
        return len(self._queue)

    def note(
        self,
        kind: Kind,
        outcome: Outcome,
        *,
        actor: Actor,
        source: str | None = None,
        **detail: Unpack[Detail],
    ) -> None:
        """Keep a decision (`core.domain.ports.Notes`)."""
        if actor == ANONYMOUS:
            reason = detail.get("reason")
            self._tallies.add(kind, outcome, reason if isinstance(reason, str) else None, source)
            return
        new, now, where = self._ids.new("audit"), self._clock.now(), address(source)
        self._put(entry(new, now, kind, outcome, actor, where, detail))

    async def run(self) -> None:
        """Write and seal, for ever."""
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            try:
                await self._beat()
            except Unavailable:
                if not self._down:
                    log.warning("audit_waits", waiting=self.waiting)
                self._down = True

    async def close(self) -> None:
        """Write and seal what there is; what cannot be written any more goes to the log."""
        self._gather(all_of_them=True)
        try:
            await self._write()
            await self._seal()
        except Unavailable:
            for one in self._queue:
                self._lose(one)
            self._queue.clear()

    async def verify(self, anchors: Mapping[int, str] | None = None) -> Verdict:
        """Walk along the whole chain. `anchors` are hashes by seal that were noted elsewhere.

        Raises:
            Unavailable: the database does not answer.
        """
        walk, waiting, broken = Walk(anchors=anchors or {}), 0, None
        async with self._rows.view() as view:
            try:
                await _walk_seals(view, walk)
                waiting = await _walk_waiting(view, walk)
                walk.end(await view.head())
            except Broken as error:
                broken = str(error)
        return Verdict(walk.rows, waiting, walk.erased, walk.number, walk.hash, broken)

    async def erase(self, user_id: str, actor: Actor = OPERATOR) -> int:
        """Delete what the audit says of a person; how many rows. The chain still holds.

        What happens with this person afterwards is noted again, so disable the user first.

        Raises:
            Invalid: this is no user's id.
            Unavailable: the database does not answer.
        """
        if not user_id.startswith("user_"):
            sentence = f"{user_id!r} is no id of a user; those begin with user_."
            raise Invalid(sentence)
        await self._write()
        new, now = self._ids.new("audit"), self._clock.now()
        record = entry(new, now, Kind.AUDIT_ERASE, Outcome.ALLOWED, actor, None, {})
        return await self._rows.erase(user_id, record)

    async def listed(self, sought: Sought, limit: int) -> list[Row]:
        """So many rows, the newest first, without those that were erased."""
        found: list[Row] = []
        while len(found) < limit:
            before, most = found[-1].id if found else None, min(BATCH, limit - len(found))
            page = await self._rows.listed(sought, before, most)
            found += page
            if len(page) < most:
                break
        return found

    async def _beat(self) -> None:
        self._gather()
        await self._write()
        if self._clock.monotonic() - self._sealed_at >= SEAL_SECONDS:
            await self._seal()
            self._sealed_at = self._clock.monotonic()
        self._down = False

    async def _seal(self) -> None:
        for _ in range(SEALS):
            if (seal := await self._rows.seal(self._clock.now())) is None:
                break
            # Where logs are kept elsewhere, these are the anchors of `audit verify`.
            log.info("audit_sealed", seal=seal.number, last=seal.last, hash=seal.hash)

    def _gather(self, *, all_of_them: bool = False) -> None:
        for one in self._tallies.take(all_of_them=all_of_them):
            self._put(one)
        if self._unreported and len(self._queue) < ROOM:
            count, self._unreported = self._unreported, 0
            new, now = self._ids.new("audit"), self._clock.now()
            told: dict[str, Any] = {"count": count}
            self._put(entry(new, now, Kind.AUDIT_LOSE, Outcome.ALLOWED, SYSTEM, None, told))

    def _put(self, one: Entry) -> None:
        if withheld := one.withheld:
            log.error("audit_withheld", kind=one.kind, keys=withheld)
        if len(self._queue) < ROOM:
            self._queue.append(one)
        else:
            self._lose(one)

    def _lose(self, one: Entry) -> None:
        self.lost += 1
        self._unreported += 1
        log.error("audit_unwritten", **one.content)

    async def _write(self) -> None:
        async with self._writing:  # the beat, an erasure and the end may come together
            while self._queue:
                batch = [self._queue[index] for index in range(min(BATCH, len(self._queue)))]
                await self._rows.put(batch)
                for _ in batch:
                    self._queue.popleft()
                self.written += len(batch)


async def _walk_seals(view: AuditView, walk: Walk) -> None:
    while found := await view.seals(walk.number):
        for seal in found:
            walk.take(seal, await view.rows(walk.last, seal.last))
    if strays := await view.strays(walk.last):
        raise Broken(f"{strays} rows have places beyond the last seal's, {walk.last}.")


async def _walk_waiting(view: AuditView, walk: Walk) -> int:
    count, after = 0, ""
    while found := await view.waiting(after):
        for row in found:
            walk.look(row)
        count, after = count + len(found), found[-1].id
    return count
