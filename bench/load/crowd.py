"""A crowd: audiences of subscribers, each of whom must get its audience's events, all, in order.

A unit of work is a burst: so many events are asked for at once, for one audience after the other,
and it is done when the last subscriber has the last of them. Every message is checked, cheaply: see
`bench.load.audience`.
"""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bench.load.audience import Audience, Judge, Member
from bench.load.http import HOST
from bench.load.plan import Plan
from bench.load.sockets import Cut
from bench.load.wrong import Wrong

AT_ONCE: Final = 50
PROBES: Final = 3
PROBE_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
QUIET_SECONDS: Final = 0.3
"""How long nothing must happen before counting begins."""


@dataclass(frozen=True, slots=True)
class Seats:
    """An audience to be: so many who subscribe alike."""

    count: int
    token: str
    variables: Mapping[str, Any]


class Crowd:
    """The audiences, and the line on which events are asked for."""

    def __init__(self, changes: str, burst: int, judge: Judge) -> None:
        """`changes` is the path of the server's socket: each byte on it asks for an event.

        Events go to one audience after the other, beginning with the first.
        """
        self._path = changes
        self._burst = burst
        self._judge = judge
        self._writer: asyncio.StreamWriter | None = None
        self._audiences: list[Audience] = []
        self._asked = 0
        self._left: dict[int, int] = {}
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._error: Exception | None = None

    async def enter(self, port: int, document: str, audiences: Sequence[Seats]) -> None:
        """Connect and subscribe all.

        Raises:
            Cut: the server refused a subscriber.
        """
        _, self._writer = await asyncio.open_unix_connection(self._path)
        waiting: list[tuple[Member, Seats]] = []
        for number, seats in enumerate(audiences):
            audience = Audience(self._judge, partial(self._all_have, number), self._failed)
            self._audiences.append(audience)
            for _ in range(seats.count):
                waiting.append((audience.seat(f"subscriber-{len(waiting):05}"), seats))
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            await asyncio.gather(*(_enter(*one, port, document) for one in some))

    async def begin(self) -> None:
        """Begin to count once an event, alone, is the newest that everybody has.

        Until then some may not be subscribed yet, and miss what others get.

        Raises:
            Cut: the server ended a subscription.
            Wrong: nothing arrived, or not what was asked for.
        """
        for _ in range(PROBES):
            before = [audience.newest() for audience in self._audiences]
            self._ask(len(self._audiences))
            if await self._reached(before):
                for audience in self._audiences:
                    audience.begin()
                gc.collect()
                gc.freeze()  # thousands of sockets, which nobody need look at again
                return
        missing = sum(audience.newest() is None for audience in self._audiences)
        sentence = f"Of {len(self._audiences)} audiences {missing} did not get one event together."
        raise Wrong(sentence)

    async def one(self, worker: int) -> bool:
        """Ask for a burst, and wait until everybody has it."""
        del worker
        if self._error is not None:
            raise self._error
        number, self._asked = self._asked, self._asked + 1
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._left[number], self._waiting[number] = self._burst, done
        self._ask(self._burst)
        return await done

    def close(self) -> None:
        """Hang up on both sides."""
        for audience in self._audiences:
            for member in audience.members:
                member.close()
        if self._writer is not None:
            self._writer.close()

    async def _reached(self, before: Sequence[str | None]) -> bool:
        for _ in range(int(PROBE_SECONDS / LOOK_SECONDS)):
            await asyncio.sleep(LOOK_SECONDS)
            if self._error is not None:
                raise self._error
            if self._have_news(before):
                await asyncio.sleep(QUIET_SECONDS)
                return self._have_news(before)
        return False

    def _have_news(self, before: Sequence[str | None]) -> bool:
        pairs = zip(self._audiences, before, strict=True)
        return all(audience.newest() not in {None, old} for audience, old in pairs)

    def _ask(self, count: int) -> None:
        assert self._writer is not None
        self._writer.write(b"\n" * count)

    def _all_have(self, audience: int, number: int) -> None:
        """All of an audience have its event of this number."""
        burst = (number * len(self._audiences) + audience) // self._burst
        if burst not in self._left:
            self._failed(Wrong(f"Audience {audience} got an event that nobody asked for."))
            return
        self._left[burst] -= 1
        if not self._left[burst]:
            del self._left[burst]
            self._waiting.pop(burst).set_result(True)

    def _failed(self, error: Cut | Wrong) -> None:
        self._error = self._error or error
        for done in self._waiting.values():
            if not done.done():
                done.set_exception(error)


async def _enter(member: Member, seats: Seats, port: int, document: str) -> None:
    await asyncio.get_running_loop().create_connection(lambda: member, HOST, port)
    await member.subscribe(port, seats.token, document, dict(seats.variables))


def crowd_of(plan: Plan) -> tuple[Crowd, list[Seats]]:
    """What a plan says of a crowd: who is asked, and who comes."""
    more = plan.more
    crowd = Crowd(more["changes"], more["burst"], Judge(more["cursor"], more["own_id"]))
    homes = more.get("homes", [{"home": plan.variables.get("home"), "token": plan.token}])
    seats = [Seats(more["sockets"], one["token"], {"home": one["home"]}) for one in homes]
    return crowd, seats
