"""Rendering: an event as a subscription shows it, as bytes, once for all who want it alike.

What a document shows of an event depends on the event and the rendering key, and on no viewer
(`schema.UNCARRIED` sees to that), so whoever comes second is given the first one's bytes.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias

import orjson

from core.domain.ports import Seen
from engine import Rendering, RenderingKey, Result

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

    def render(self, rendering: Rendering, seen: Seen, context: Callable[[Seen], object]) -> Result:
        """Show an event. The data of the result is JSON already, which orjson takes as it is.

        What has errors is not shared: each of them has the trace of who asked.

        Raises:
            TypeError: something on the way has to be waited for, though an event carries all that
                its document can ask for.
        """
        key = (seen.event.id, rendering.key)
        kept = self._kept.get(key)
        if kept is not None:
            self.shown["shared"] += 1
            return Result(orjson.Fragment(kept))
        self.shown["rendered"] += 1
        result = rendering.answer(seen, context(seen))
        if not isinstance(result, Result):
            sentence = f"A field of {rendering.key} waits, which no field of an event may."
            raise TypeError(sentence)
        return self._keep(key, result)

    def _keep(self, key: _Key, result: Result) -> Result:
        if result.errors:
            return result
        data = orjson.dumps(result.data)
        if len(data) + OVERHEAD <= self._most and key not in self._kept:
            self._kept[key] = data
            self._free -= len(data) + OVERHEAD
            while self._free < 0:
                _, gone = self._kept.popitem(last=False)
                self._free += len(gone) + OVERHEAD
        return Result(orjson.Fragment(data), extensions=result.extensions)
