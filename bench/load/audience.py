"""An audience: subscribers who must get the same events in the same order, each exactly once.

The first message of an event is read and judged in full. Of every other, the same bytes are
expected from its payload to the end of its data, and where they differ, the same JSON.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from bench.load.sockets import Cut, Line
from bench.load.wrong import Wrong

PAYLOAD: Final = b'"payload"'
EXTENSIONS: Final = b'"extensions"'


@dataclass(frozen=True, slots=True)
class Judge:
    """What a message has to have besides its data: a cursor, and its own operation's id."""

    cursor: bool = True
    own_id: bool = True

    def check(self, payload: dict[str, Any], raw: bytes, key: str) -> None:
        """Look at one message in full.

        Raises:
            Wrong: it is not what was asked for.
        """
        event = payload["data"]["deviceStatusChanged"]
        good = event["changed"] == ["on"] and isinstance(event["state"]["on"], bool)
        if self.cursor:
            good = good and "cursor" in payload["extensions"]
        if self.own_id:
            good = good and key.encode() in raw
        if not good:
            sentence = f"{key} got {raw.decode()}."
            raise Wrong(sentence)


@dataclass(slots=True)
class Known:
    """An event that somebody has: what the others must get, and how many have not."""

    begin: int
    part: bytes
    data: Any
    left: int


@dataclass(slots=True, eq=False)
class Audience:
    """Its members, and the events that not all of them have yet, by number."""

    judge: Judge
    on_all: Callable[[int], None]
    """Told the number of an event that everybody has now."""
    on_wrong: Callable[[Cut | Wrong], None]
    members: list["Member"] = field(default_factory=list)
    known: dict[int, Known] = field(default_factory=dict)
    counting: bool = False
    _sequences: dict[str, int] = field(default_factory=dict)

    def seat(self, key: str) -> "Member":
        """One more member, who is to connect and subscribe."""
        member = Member(key, self)
        self.members.append(member)
        return member

    def newest(self) -> str | None:
        """The event that is the newest of every member; None where they differ, or have none."""
        found = {member.latest for member in self.members}
        return found.pop() if len(found) == 1 else None

    def begin(self) -> None:
        """Count from now on."""
        self.counting = True

    def first(self, number: int, member: "Member", raw: bytes, payload: dict[str, Any]) -> Known:
        """Learn of an event by its first message.

        Raises:
            Wrong: it is not what was asked for, or not the next of its device.
        """
        self.judge.check(payload, raw, member.key)
        event = payload["data"]["deviceStatusChanged"]
        device, sequence = event["device"]["id"], event["sequence"]
        if self._sequences.get(device, sequence - 1) != sequence - 1:
            sentence = f"{member.key} got {sequence} of {device} after {self._sequences[device]}."
            raise Wrong(sentence)
        self._sequences[device] = sequence
        begin = raw.index(PAYLOAD)
        ends = (raw.find(EXTENSIONS, begin), raw.find(member.key.encode(), begin), len(raw))
        part = raw[begin : min(end for end in ends if end > 0)]
        known = self.known[number] = Known(begin, part, payload["data"], len(self.members))
        return known


class Member(Line):
    """One subscriber."""

    def __init__(self, key: str, audience: Audience) -> None:
        """Not connected yet."""
        super().__init__(key)
        self.latest: str | None = None
        self._audience = audience
        self._known = audience.known
        self._count = 0
        self._opening = b""

    def _read(self, raw: bytes) -> None:
        known = self._known.get(self._count)
        if (
            known is None
            or not raw.startswith(known.part, known.begin)
            or not raw.startswith(self._opening)
        ):
            known = self._look(raw, known)
            if known is None:
                return
        self._count += 1
        known.left -= 1
        if not known.left:
            del self._known[self._count - 1]
            self._audience.on_all(self._count - 1)

    def _look(self, raw: bytes, known: Known | None) -> Known | None:
        """Read a message in full; None where it does not count."""
        if (payload := self._payload(raw)) is None:
            return None
        try:
            if not self._audience.counting:
                self._audience.judge.check(payload, raw, self.key)
                self.latest = payload["data"]["deviceStatusChanged"]["id"]
                self._opening = raw[: raw.index(PAYLOAD)]
                return None
            if known is None:
                return self._audience.first(self._count, self, raw, payload)
        except Wrong as wrong:
            self._audience.on_wrong(wrong)
            return None
        if payload["data"] != known.data or not raw.startswith(self._opening):
            sentence = f"{self.key} got {raw.decode()}, and another got {known.data}."
            self._audience.on_wrong(Wrong(sentence))
            return None
        return known

    def _cut(self, cut: Cut) -> None:
        self._audience.on_wrong(cut)
