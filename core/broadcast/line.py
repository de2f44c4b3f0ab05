"""The line to one Redis or Valkey server: a connection that hears and one that says.

It works on redis-py's connections and not on its `PubSub`, which answers a lost connection with
retries of its own, and gives no sign when a server has stopped to answer. Nobody who joins, leaves
or publishes ever waits for a server that is not there. After a connection was lost nothing is
replayed, and nothing has to be: every feed looks at the database twice a second.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from redis.asyncio import Connection
from redis.exceptions import ClusterDownError, MovedError, ResponseError, TryAgainError

from core import observe
from core.broadcast import redial
from core.broadcast.newest import Newest
from core.broadcast.roster import Ask, Roster
from core.broadcast.tally import Tally

log = observe.logger(__name__)

JOIN_SECONDS = 0.1
"""How long a join may wait for a server that is there; longer would cost more than a lost hint."""
BATCH = 500
TURN = 50
"""Messages that are heard before everybody else has a turn."""
MOST_WAITING = 10_000
"""Channels whose hints wait for a server; about 2 MB."""
MISPLACED = (MovedError, ClusterDownError, TryAgainError)


class Verbs(NamedTuple):
    """What a server calls the three things that are asked of it."""

    subscribe: str
    unsubscribe: str
    publish: str


PLAIN = Verbs("SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH")
SHARDED = Verbs("SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH")


class Line:
    """One server's share of the broadcast. `run` keeps the connections."""

    def __init__(
        self,
        server: str,
        dial: Callable[[], Connection],
        verbs: Verbs,
        heard: Newest,
        tally: Tally,
        trouble: Callable[[], None] = lambda: None,
    ) -> None:
        """`server` names it in the log; `trouble` is called where a channel may have moved."""
        self._server, self._dial, self._verbs = server, dial, verbs
        self._heard, self._tally, self._trouble = heard, tally, trouble
        self._roster = Roster()
        self._changed = asyncio.Event()
        self._joining: dict[str, asyncio.Event] = {}
        self._outbox = Newest(MOST_WAITING)
        self.open = self._was_open = False

    def want(self, channel: str) -> None:
        """Hear this channel as soon as the server is there."""
        self._roster.want(channel)
        self._changed.set()

    def unwant(self, channel: str) -> None:
        """Stop hearing this channel."""
        self._roster.unwant(channel)
        self._changed.set()

    async def heard(self, channel: str) -> None:
        """Return once a wanted channel is heard; at once, or soon, where the server is not there.

        The channel is wanted all the same, and asked for with the next connection.
        """
        if not self.open or self._roster.hears(channel):
            return
        joining = self._joining.setdefault(channel, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(JOIN_SECONDS):
                await joining.wait()

    def publish(self, channel: str, message: str) -> None:
        """Say something as soon as the server is there."""
        self._tally.lost += self._outbox.put(channel, message)

    def unsaid(self) -> dict[str, str]:
        """Take back what could not be said."""
        return self._outbox.take(len(self._outbox))

    async def run(self) -> None:
        """Talk with the server, for ever."""
        await redial.redial(self._talk, self._server)

    async def _talk(self) -> None:
        ear, mouth = self._dial(), self._dial()
        try:
            async with asyncio.timeout(redial.DIAL_SECONDS):
                await ear.connect()  # type: ignore[no-untyped-call]
                await mouth.connect()  # type: ignore[no-untyped-call]
                await _see_that_it_leads(mouth)
            self._opened()
            async with asyncio.TaskGroup() as group:
                for work in (self._hear(ear), self._ask(ear), self._say(mouth)):
                    group.create_task(work)
        finally:
            self._closed()
            await ear.disconnect(nowait=True)
            await mouth.disconnect(nowait=True)

    def _opened(self) -> None:
        self.open = True
        self._tally.open += 1
        if self._was_open:
            self._tally.reconnects += 1
            log.info("broadcast_back", server=self._server)
        self._was_open = True

    def _closed(self) -> None:
        self._roster.hung_up()
        self._let_in(*self._joining)
        if self.open:
            self.open = False
            self._tally.open -= 1
        self._trouble()

    def _let_in(self, *channels: str) -> None:
        for channel in channels:
            if joining := self._joining.pop(channel, None):
                joining.set()

    async def _ask(self, ear: Connection) -> None:
        """Tell the server what is wanted, whenever that changes, and see that it is still there."""
        while True:
            self._changed.clear()
            asks = self._roster.due(BATCH)
            await _send(ear, [self._question(ask) for ask in asks] or [("PING",)])
            if self._roster.settled:
                with suppress(TimeoutError):
                    async with asyncio.timeout(redial.PING_SECONDS):
                        await self._changed.wait()

    def _question(self, ask: Ask) -> tuple[str, str]:
        # One channel each: on a cluster, those of one question would have to share a slot.
        return (self._verbs.subscribe if ask.on else self._verbs.unsubscribe, ask.channel)

    async def _hear(self, ear: Connection) -> None:
        for count in itertools.count():
            if count % TURN == 0:
                await asyncio.sleep(0)  # what has come in already is read without waiting
            async with asyncio.timeout(redial.SILENT_SECONDS):
                try:
                    said = await ear.read_response(timeout=math.inf)
                except MISPLACED:
                    self._misplaced(self._roster.refused())
                    continue
            if isinstance(said, list):  # but for these it says PONG
                self._take_in(*(_text(part) for part in said[:3]))

    def _take_in(self, kind: str, channel: str = "", what: str = "") -> None:
        kind = kind.removeprefix("s") if self._verbs is SHARDED else kind
        if kind == "message" and channel in self._roster.wanted:
            self._heard.put(channel, what)
        elif kind in {"subscribe", "unsubscribe"}:
            if self._roster.answered(Ask(kind == "subscribe", channel)):
                if self._roster.hears(channel) or channel not in self._roster.wanted:
                    self._let_in(channel)
            elif kind == "unsubscribe":  # a shard that has moved away drops its readers
                self._misplaced(channel)

    def _misplaced(self, channel: str | None) -> None:
        if channel is not None:
            self._roster.dropped(channel)
            self._let_in(channel)
        self._trouble()

    async def _say(self, mouth: Connection) -> None:
        """Say what waits: all of it in one round trip, while the next gathers."""
        looked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(redial.PING_SECONDS):
                    await self._outbox.some()
            batch = self._outbox.take(BATCH)
            try:
                async with asyncio.timeout(redial.SILENT_SECONDS):
                    if batch:
                        await self._publish(mouth, batch)
                    if time.monotonic() - looked >= redial.PING_SECONDS:
                        await _see_that_it_leads(mouth)
                        looked = time.monotonic()
            except BaseException:
                self._tally.lost += self._outbox.put_back(batch)
                raise

    async def _publish(self, mouth: Connection, batch: dict[str, str]) -> None:
        await _send(mouth, [(self._verbs.publish, *pair) for pair in batch.items()])
        refusal: ResponseError | None = None
        for channel in tuple(batch):
            try:
                await mouth.read_response(timeout=math.inf)
                self._tally.published += 1
            except ResponseError as error:
                self._tally.lost += 1
                refusal = error
            del batch[channel]  # said, or never to be said; the rest is put back
        if isinstance(refusal, MISPLACED):
            self._trouble()
        elif refusal is not None:
            log.warning("hints_refused", server=self._server, problem=str(refusal))


async def _see_that_it_leads(mouth: Connection) -> None:
    """A server that has become a replica hands on nothing that is said to it.

    Raises:
        Lost: it is one now; whoever has taken over is found by dialling again.
    """
    await _send(mouth, [("ROLE",)])
    try:
        role = await mouth.read_response(timeout=math.inf)
    except ResponseError:  # it does not tell us
        return
    if isinstance(role, list) and _text(role[0]) in {"slave", "replica"}:
        sentence = "The server is a replica."
        raise redial.Lost(sentence)


async def _send(connection: Connection, commands: Sequence[tuple[str, ...]]) -> None:
    packed = connection.pack_commands(commands)
    async with asyncio.timeout(redial.SILENT_SECONDS):
        await connection.send_packed_command(packed, check_health=False)


def _text(part: Any) -> str:
    """Whatever a server or a stranger says, as text."""
    return part.decode(errors="replace") if isinstance(part, bytes) else str(part)
