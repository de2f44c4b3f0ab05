"""Cursors: sealed places of a viewer's homes, and sealed keys of ordered lists.

A cursor opens only for the grant and the kind of list that it was made for.
"""

import struct
from collections.abc import Callable, Mapping
from functools import partial

import orjson

from core.domain.errors import Invalid
from core.tokens.seal import Sealer

MOST_HOMES = 32
_PLACE = struct.Struct(">16sQ")
_HOME = "home_"


class Cursors:
    """Makes and reads the cursors that partners hold."""

    def __init__(self, sealer: Sealer) -> None:
        """Seal with this sealer."""
        self._sealer = sealer

    def places(self, grant_id: str, places: Mapping[str, int]) -> str:
        """A cursor that holds a place per home, for at most 32 homes."""
        return self.of_grant(grant_id)(places)

    def of_grant(self, grant_id: str) -> Callable[[Mapping[str, int]], str]:
        """`places` of one grant: what many events are given their cursors by."""
        return partial(_places, self._sealer.sealing(f"places:{grant_id}"))

    def open_places(self, grant_id: str, cursor: str, field: str = "after") -> dict[str, int]:
        """The places of a cursor; `field` is where it came in.

        Raises:
            Invalid: it was not made here, or for somebody else, or for another list.
        """
        packed = self._sealer.open(f"places:{grant_id}", cursor)
        if packed is None:
            sentence = (
                f"{field} is not a cursor of your event log: give an extensions.cursor, a pageInfo "
                "cursor or an edge's cursor of events that you received with this grant."
            )
            raise Invalid(sentence, field)
        return {_HOME + home.hex(): place for home, place in _PLACE.iter_unpack(packed)}

    def key(self, grant_id: str, order: str, key: tuple[str | int, ...]) -> str:
        """A cursor that holds where a row stands in an ordered list."""
        return self._sealer.seal(f"key:{order}:{grant_id}", orjson.dumps(key))

    def open_key(self, grant_id: str, order: str, cursor: str, field: str) -> tuple[str | int, ...]:
        """The key of a cursor of this ordered list; `field` is the argument that it came in.

        Raises:
            Invalid: it was not made here, or for somebody else, or for another list or order.
        """
        content = self._sealer.open(f"key:{order}:{grant_id}", cursor)
        if content is None:
            sentence = (
                f"{field} is not a cursor of this list: give a cursor of its edges or pageInfo, "
                "received with this grant, in the same order."
            )
            raise Invalid(sentence, field)
        return tuple(orjson.loads(content))


def _places(seal: Callable[[bytes], str], places: Mapping[str, int]) -> str:
    pack, prefix = _PLACE.pack, len(_HOME)
    packed = [pack(bytes.fromhex(home_id[prefix:]), place) for home_id, place in places.items()]
    return seal(b"".join(packed))
