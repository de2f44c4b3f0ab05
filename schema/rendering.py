"""Rendering: an event as a subscription shows it, as bytes, once for all who want it alike.

What a document shows of an event depends on the event and the rendering key, and on no viewer
(`schema.UNCARRIED` sees to that), so whoever comes second is given the first one's bytes.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

import orjson

from core.domain.seen import Seen
from engine import Rendering, RenderingKey, Result
from schema.packing import packed

OVERHEAD: Final = 500
"""Bytes that an entry takes besides what it shows."""

_Key: TypeAlias = tuple[str, RenderingKey]


class Renderer:
    """The events that were shown last, as they were shown; the oldest go first."""

    def __init__(self, most_bytes: int) -> None:
        """Keep about so many bytes; nothing, where that is 0."""
        self.shown: dict[str, int] = {"rendered": 0, "shared": 0}
        self._free = most_bytes
        self._most = most_bytes
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._common: WeakValueDictionary[RenderingKey, Rendering] = WeakValueDictionary()

    def common(self, rendering: Rendering) -> Rendering:
        """One that shows events as this does: the first that is still used.

        Thousands of subscribers then share one, which takes no memory for each and is at hand.
        """
        return self._common.setdefault(rendering.key, rendering)

    def render(
        self, rendering: Rendering, seen: Seen, context: Callable[[Seen], object]
    ) -> bytes | Result:
        """The data that shows an event, as JSON; the whole result, where that has errors.

        What has errors is not shared: each of them has the trace of who asked.

        Raises:
            TypeError: something on the way has to be waited for, though an event carries all that
                its document can ask for.
        """
        key = (seen.event.id, rendering.key)
        kept = self._kept.get(key)
        if kept is not None:
            self.shown["shared"] += 1
            return kept
        self.shown["rendered"] += 1
        result = rendering.answer(seen, context(seen))
        if not isinstance(result, Result):
            sentence = f"A field of {rendering.key} waits, which no field of an event may."
            raise TypeError(sentence)
        return result if result.errors else self._keep(key, orjson.dumps(result.data))

    def _keep(self, key: _Key, data: bytes) -> bytes:
        if len(data) + OVERHEAD <= self._most:
            self._kept[key] = data = packed(data)
            self._free -= len(data) + OVERHEAD
            while self._free < 0:
                _, gone = self._kept.popitem(last=False)
                self._free += len(gone) + OVERHEAD
        return data
