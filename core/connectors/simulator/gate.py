"""The gate before simulated devices: lets nobody through who was owner once and is not any more."""

from core.domain.ports import Declined
from core.domain.shards import shard_of


class Gate:
    """The highest token that has come for each shard. It outlives the adoption of its homes."""

    def __init__(self) -> None:
        self._highest: dict[int, int] = {}

    def check(self, home_id: str, token: int) -> None:
        """Take note of a token.

        Raises:
            Declined: a higher one has come before.
        """
        shard = shard_of(home_id)
        if token < self._highest.get(shard, token):
            sentence = "The device refused: a later owner of its home has sent to it."
            raise Declined(sentence)
        self._highest[shard] = token
