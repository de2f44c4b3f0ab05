"""The real clock and the real source of identifiers."""

import asyncio
import time
from datetime import UTC, datetime

from core.domain.chance import Chance

_RANDOM = Chance(10)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    # As it is: it is asked before each message.
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Sleep in the running loop."""
        await asyncio.sleep(seconds)


class Uuid7:
    """UUIDv7 identifiers (RFC 9562 §5.7): sorted by time, 74 random bits."""

    def new(self, kind: str) -> str:
        """`kind`, an underscore and 32 hexadecimal digits."""
        milliseconds = time.time_ns() // 1_000_000
        random = int.from_bytes(_RANDOM.piece()) >> 6
        value = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76
        value |= (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1
        return f"{kind}_{value:032x}"
