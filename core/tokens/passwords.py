"""Passwords: hashed with argon2id, in threads, a few at a time."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from core.domain.errors import Limited

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE: Final = 2
"""Each takes 64 MiB and a good part of a core for as long as it runs."""
WAITING: Final = 32
"""So many more may wait: a second or two. Who comes then is told to come again."""


class Passwords:
    """Hashes and checks, with the second recommended parameters of RFC 9106 §4."""

    def __init__(self) -> None:
        """Ready; the hash that stands for people who are not there is made at the first use."""
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._free = asyncio.Semaphore(AT_ONCE)
        self._asked = 0
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """The password's hash, in the format that names its own parameters (`$argon2id$…`).

        Raises:
            Limited: too many passwords are being hashed.
        """
        return await self._in_turn(self._hasher.hash, password)

    async def matches(self, hashed: str | None, password: str) -> bool:
        """Whether it is this password; where there is none, it takes as long to say no.

        Raises:
            Limited: as `hash` does.
        """
        if not self._nobodys:
            self._nobodys = await self.hash("the password of nobody")
        right = await self._in_turn(self._verify, hashed or self._nobodys, password)
        return right and hashed is not None

    def stale(self, hashed: str) -> bool:
        """Whether it was hashed with other parameters than are used now."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._asked >= AT_ONCE + WAITING:
            sentence = "Too many people are signing in at this moment; try again in a few seconds."
            raise Limited(sentence)
        self._asked += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._asked -= 1
