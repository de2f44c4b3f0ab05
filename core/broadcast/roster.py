"""The roster: which channels a server is to carry, and which it was asked to; it dials nothing.

Channels come and go while questions about them are under way, and the server forgets everything
when the connection breaks. What was asked last is noted when it is asked and not when it is
answered, so whatever changes meanwhile is a difference that the next look finds.
"""

from collections import Counter, deque
from typing import NamedTuple


class Ask(NamedTuple):
    """A question to the server: carry this channel, or carry it no more."""

    on: bool
    channel: str


class Roster:
    """What is wanted of one server, and how far it knows. It answers in the order of asking."""

    def __init__(self) -> None:
        """Nothing is wanted yet."""
        self.wanted: set[str] = set()
        self._asked_on: set[str] = set()
        self._changed: dict[str, None] = {}
        self._unanswered: deque[Ask] = deque()
        self._open: Counter[str] = Counter()

    def want(self, channel: str) -> None:
        """This channel is to be carried; again, where the server had refused it."""
        self.wanted.add(channel)
        self._changed[channel] = None

    def unwant(self, channel: str) -> None:
        """This channel is not needed any more."""
        self.wanted.discard(channel)
        self._changed[channel] = None

    def due(self, most: int) -> list[Ask]:
        """What to ask now, so many questions at most; counts as asked from here on."""
        asks: list[Ask] = []
        while self._changed and len(asks) < most:
            channel, _ = self._changed.popitem()
            on = channel in self.wanted
            if on == (channel in self._asked_on):
                continue
            (self._asked_on.add if on else self._asked_on.discard)(channel)
            asks.append(Ask(on, channel))
        self._unanswered.extend(asks)
        self._open.update(ask.channel for ask in asks)
        return asks

    @property
    def settled(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._changed

    def hears(self, channel: str) -> bool:
        """Whether the server carries this channel, and nothing under way will change that."""
        return channel in self._asked_on and not self._open[channel]

    def answered(self, ask: Ask) -> bool:
        """The server did what it was asked; whether it was the question that is next in turn."""
        if not self._unanswered or self._unanswered[0] != ask:
            return False
        self._close()
        return True

    def refused(self) -> str | None:
        """The server will not do what is next in turn (None where nothing was asked).

        Its channel is not asked for again before it is wanted again.
        """
        if not self._unanswered:
            return None
        ask = self._close()
        if ask.on and not self._open[ask.channel]:
            self._asked_on.discard(ask.channel)
        return ask.channel

    def dropped(self, channel: str) -> None:
        """The server carries this channel no more, though nobody asked it to stop."""
        self._asked_on.discard(channel)

    def hung_up(self) -> None:
        """The connection is gone: the next one knows nothing, and has to be asked everything."""
        self._asked_on.clear()
        self._unanswered.clear()
        self._open.clear()
        self._changed = dict.fromkeys(self.wanted)

    def _close(self) -> Ask:
        ask = self._unanswered.popleft()
        self._open[ask.channel] -= 1
        if not self._open[ask.channel]:
            del self._open[ask.channel]
        return ask
