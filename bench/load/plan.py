"""What a load is told to do."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

WARM_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """One load. `work` is a name of `bench.load.works`; times in seconds.

    `workers` keep so many units of work under way at once; `pid` is the server's, whose CPU is
    counted. What only one kind of work reads is in `more`. At `pace` "both", a round as fast as it
    goes is followed by one at half its rate; a "series" is one round of one after the other.
    """

    work: str
    port: int
    token: str
    document: str
    workers: int
    seconds: float
    pid: int
    variables: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    pace: Literal["both", "series"] = "both"

    @property
    def half_seconds(self) -> float:
        """How long the round at half the rate takes."""
        return self.seconds * 2 / 3

    @property
    def total(self) -> float:
        """How long it takes in all."""
        return WARM_SECONDS + self.seconds + self.half_seconds

    def text(self) -> bytes:
        """This plan as JSON."""
        return orjson.dumps(asdict(self))

    @staticmethod
    def read(text: bytes) -> "Plan":
        """A plan from its JSON."""
        return Plan(**orjson.loads(text))
