"""Shards: homes in a fixed number of parts, each run by one process at a time.

A lease says who runs a shard. Its token grows with every new owner, so that whoever was owner once
and does not know better yet is told apart, by the store and by gateways in front of devices.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zlib import crc32

from core.domain.errors import Unavailable

SHARDS: Final = 64
"""Into so many the homes are divided, for good: rows hold the number."""


class Fence(NamedTuple):
    """A shard, and the token of the lease under which something is done in it."""

    shard: int
    token: int


class Fenced(Unavailable):
    """The lease under which something was to be done has moved on to another process."""

    def __init__(self) -> None:
        super().__init__("Another process runs these devices now.")


class Lost(Fenced):
    """A lease that was ours when we began is not any more."""


def fences(fence: Fence | None) -> frozenset[Fence]:
    """The one that is given, if one is."""
    return frozenset() if fence is None else frozenset({fence})


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs a shard: the life of a process, or nobody; and the token that they were given."""

    shard: int
    owner: str | None
    token: int


def shard_of(home_id: str) -> int:
    """The shard of a home: the same for ever, in every process."""
    return crc32(home_id.encode()) % SHARDS


def fair(lives: Collection[str], me: str) -> int:
    """How many shards are mine, if all who live share them; the oldest have one more."""
    each, more = divmod(SHARDS, len(lives))
    return each + (sorted(lives).index(me) < more)


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody has to do to get to their fair share."""

    take: Sequence[int] = ()
    give: Sequence[int] = ()

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.take or self.give)


def move(leases: Iterable[Lease], lives: Collection[str], me: str) -> Move:
    """Take of what nobody who lives has, or give up what is too much.

    Those who take begin at different shards, so that they seldom want the same.
    """
    leases = list(leases)
    mine = [one.shard for one in leases if one.owner == me]
    share = fair(lives, me)
    if len(mine) > share:
        return Move(give=mine[share:])
    free = [one.shard for one in leases if one.owner not in lives]
    start = SHARDS * sorted(lives).index(me) // len(lives)
    free.sort(key=lambda shard: (shard - start) % SHARDS)
    return Move(take=free[: share - len(mine)])
