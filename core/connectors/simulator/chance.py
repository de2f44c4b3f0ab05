"""Chance: numbered draws from a key, so that each device has a source of its own for 8 bytes.

SplitMix64 (Steele, Lea, Flood, 2014): the n-th draw is a mix of the key and n. Whoever has the same
key draws the same numbers, whatever anybody else draws.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Self, TypeVar

T = TypeVar("T")

GAMMA: Final = 0x9E3779B97F4A7C15
MASK: Final = (1 << 64) - 1
FRACTION: Final = 2.0**-53


class Chance:
    """A source of chance; nothing here is secret."""

    __slots__ = ("_at",)

    def __init__(self, key: int) -> None:
        self._at = key & MASK

    @classmethod
    def of(cls, *parts: object) -> Self:
        """The source that these parts name: a seed, a home, an address, a date."""
        text = "\n".join(map(str, parts)).encode()
        return cls(int.from_bytes(blake2b(text, digest_size=8).digest(), "big"))

    def random(self) -> float:
        """From 0 to below 1."""
        self._at = mixed = self._at + GAMMA & MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
        return ((mixed ^ mixed >> 31) >> 11) * FRACTION

    def uniform(self, least: float, most: float) -> float:
        """Any number between the two."""
        return least + (most - least) * self.random()

    def happens(self, share: float) -> bool:
        """True in so large a share of all draws."""
        return self.random() < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[int(self.random() * len(choices))]
