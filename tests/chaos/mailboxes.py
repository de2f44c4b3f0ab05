"""Mailboxes: what endpoints get on one port, verified, and answered as each one's luck has it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any, Final

import orjson
from standardwebhooks import Webhook

from core.signing import Secret

LATE_SECONDS: Final = 1.5
"""After which an answer comes that is too late for whoever waits for a second."""
MOST_SECONDS: Final = 0.1
"""Other answers take."""
OUTAGE_SECONDS: Final = (0.8, 2.0)


class Answer(Enum):
    """What a receiver does with a request."""

    TAKE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    FAIL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"
    REFUSE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
    LATER = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno"
    LATE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
    RESET = b""


_ODDS: Final[Mapping[Answer, float]] = {
    Answer.TAKE: 100,
    Answer.FAIL: 2,
    Answer.REFUSE: 1,
    Answer.RESET: 1,
    Answer.LATE: 0.3,
    Answer.LATER: 0.1,
}
_OUTAGES: Final = (Answer.FAIL, Answer.RESET, Answer.LATE, Answer.LATER)


@dataclass(slots=True)
class Luck:
    """How well a receiver is: it fails now and then, and for a while all the time."""

    random: Random
    every: float
    """Seconds from one outage to the next, on average."""
    well: bool = False
    _outage: Answer = Answer.FAIL
    _from: float = 0.0
    _until: float = 0.0
    _refused: set[str] = field(default_factory=set)

    def answer(self, message_id: str, now: float) -> Answer:
        """What becomes of a request; no message is refused twice: that would be for good."""
        if self.well:
            return Answer.TAKE
        while self._until <= now:
            self._plan(now)
        if self._from <= now:
            return self._outage
        (chosen,) = self.random.choices(list(_ODDS), list(_ODDS.values()))
        if chosen is Answer.REFUSE:
            if message_id in self._refused:
                return Answer.TAKE
            self._refused.add(message_id)
        return chosen

    def seconds(self, answer: Answer) -> float:
        """How long it takes: a while, so that much is in flight whenever somebody is killed."""
        return LATE_SECONDS if answer is Answer.LATE else self.random.uniform(0, MOST_SECONDS)

    def _plan(self, now: float) -> None:
        """The next outage: it comes and goes, whether anybody asks meanwhile or not."""
        self._outage = self.random.choice(_OUTAGES)
        self._from = (self._until or now) + self.random.expovariate(1 / self.every)
        self._until = self._from + self.random.uniform(*OUTAGE_SECONDS)


@dataclass(frozen=True, slots=True)
class Got:
    """One request, verified; `second` is when its attempt began, `signature` which one it was."""

    id: str
    second: int
    signature: str
    event: str
    device: str
    sequence: int
    previous: int | None
    data: int
    """A hash of it."""
    answer: Answer


@dataclass(slots=True)
class Mailbox:
    """What one endpoint got, in the order in which it came."""

    key: Secret
    luck: Luck
    got: list[Got] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Requests that are none of ours, or none that can be verified."""

    def take(self, headers: Mapping[str, str], body: bytes, now: float) -> Answer:
        """One request; what to do with it."""
        try:
            Webhook(self.key.text).verify(body, dict(headers), json_parse=False)
            answer = self.luck.answer(headers["webhook-id"], now)
            self.got.append(_read(headers, orjson.loads(body), answer))
        except Exception as error:  # noqa: BLE001 - whatever is wrong is told at the end
            self.wrong.append(f"{error!r}: {headers} {body[:200]!r}")
            return Answer.FAIL
        return answer


def _read(headers: Mapping[str, str], body: dict[str, Any], answer: Answer) -> Got:
    event = body["data"]["events"]
    if "specversion" in body:
        assert headers["content-type"] == "application/cloudevents+json"
        sequence, previous = body["sequence"], body.get("previoussequence")
    else:
        sequence, previous = body["meta"]["sequence"], body["meta"]["previousSequence"]
    return Got(
        id=headers["webhook-id"],
        second=int(headers["webhook-timestamp"]),
        signature=headers["webhook-signature"],
        event=event["id"],
        device=event["device"]["id"],
        sequence=int(sequence),
        previous=None if previous is None else int(previous),
        data=hash(orjson.dumps(body["data"])),
        answer=answer,
    )


class _Line(asyncio.Protocol):
    """One connection, on which one request comes after the other."""

    def __init__(self, mailboxes: Sequence[Mailbox]) -> None:
        self._mailboxes = mailboxes
        self._loop = asyncio.get_running_loop()
        self._bytes = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of a request, or all of it."""
        self._bytes += data
        end = self._bytes.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        first, *lines = self._bytes[: end - 4].decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        whole = end + int(headers["content-length"])
        if len(self._bytes) < whole:
            return
        body = bytes(self._bytes[end:whole])
        del self._bytes[:whole]
        mailbox = self._mailboxes[int(first.split()[1].rpartition("/")[2])]
        answer = mailbox.take(headers, body, self._loop.time())
        self._loop.call_later(mailbox.luck.seconds(answer), self._do, answer)

    def _do(self, answer: Answer) -> None:
        if answer is Answer.RESET:
            self._transport.abort()
        else:
            self._transport.write(answer.value)


@asynccontextmanager
async def served(mailboxes: Sequence[Mailbox]) -> AsyncIterator[str]:
    """Take in what comes while the block runs; the URL of the first is this with `0` behind it."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(mailboxes), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
