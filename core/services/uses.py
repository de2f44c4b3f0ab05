"""Uses: when each grant was last read with and what was last done with it, noted as it happens.

What a process notes waits a few seconds in its memory and is written together, so it costs a
request next to nothing and the database little. It is no part of what is decided: a process that
is killed takes the last seconds with it.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from itertools import chain, islice
from typing import Final

from core import observe
from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.domain.uses import NEVER, Deed, Use
from core.store.uses import UseRows

log = observe.logger(__name__)

BEAT_SECONDS: Final = 3.0
BATCH: Final = 200
"""Rows of one transaction: on SQLite all others wait for it."""
BATCHES: Final = 10
"""Transactions of one beat; what is left has its turn at the next."""


class Uses:
    """Owns what waits to be written in this process; `run` is its one task.

    It holds a line for each grant that was used since it was last written, so never more than
    there are grants, all of which `core.snapshots.access.Access` holds as well.
    """

    def __init__(self, rows: UseRows, clock: Clock) -> None:
        """Write these rows."""
        self._rows = rows
        self._clock = clock
        self._reads: dict[str, float] = {}
        self._deeds: dict[str, Deed] = {}
        self._writing: Mapping[str, Use] = {}
        self._down = False
        self.looked = _stamp(self._reads, clock.monotonic)
        """Note that something is read now with the grant of this id."""

    @property
    def waiting(self) -> int:
        """How many grants were used since that was last written."""
        return len(self._reads.keys() | self._deeds.keys())

    def did(self, grant_id: str, deed: Deed) -> None:
        """Note a command that was given with this grant."""
        known = self._deeds.get(grant_id)
        if known is None or known.at <= deed.at:
            self._deeds[grant_id] = deed

    async def of(self, grant_ids: Collection[str]) -> Mapping[str, Use]:
        """How each of these grants was last used, as far as it is written or happened here.

        Raises:
            Unavailable: the database does not answer.
        """
        if not grant_ids:
            return {}
        # Before the rows: what is being written now may be neither there nor here after them.
        here = {one: self._writing.get(one, NEVER).merged(self._now(one)) for one in grant_ids}
        written = await self._rows.of(here)
        return {one: use.merged(written.get(one, NEVER)) for one, use in here.items()}

    async def run(self) -> None:
        """Write, for ever."""
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            try:
                for _ in range(BATCHES):
                    await self._write()
                self._down = False
            except Unavailable:
                if not self._down:
                    log.warning("uses_wait", waiting=self.waiting)
                self._down = True

    async def close(self) -> None:
        """Write all that waits; what cannot be written any more is forgotten."""
        try:
            while self.waiting:
                await self._write()
        except Unavailable:
            log.warning("uses_unwritten", count=self.waiting)

    async def _write(self) -> None:
        """Write those that wait longest."""
        ids = set(islice(chain(self._deeds, self._reads), BATCH))
        if not ids:
            return
        self._writing = {one: self._now(one) for one in ids}
        reads = {one: self._reads.pop(one) for one in ids if one in self._reads}
        deeds = {one: self._deeds.pop(one) for one in ids if one in self._deeds}
        try:
            await self._rows.put(self._writing)
        except BaseException:
            for one, at in reads.items():
                self._reads.setdefault(one, at)
            for one, deed in deeds.items():
                self._deeds.setdefault(one, deed)
            raise
        finally:
            self._writing = {}

    def _now(self, grant_id: str) -> Use:
        """What this process knows beyond what it has written."""
        read, did = self._reads.get(grant_id), self._deeds.get(grant_id)
        if read is None:
            return Use(None, did)
        ago = timedelta(seconds=self._clock.monotonic() - read)
        return Use(self._clock.now() - ago, did)


def _stamp(reads: dict[str, float], monotonic: Callable[[], float]) -> Callable[[str], None]:
    """What notes a read: on the way of every answer, so it does one thing."""

    def looked(grant_id: str) -> None:
        reads[grant_id] = monotonic()

    return looked
