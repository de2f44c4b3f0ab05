"""Hostile receivers: each costs its own message, bounded time and bounded memory, and no more."""

import asyncio
import gzip
import resource
import socket
import struct
import tracemalloc
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from core.domain.answers import RESPONSE_KEPT, explained
from tests.webhooks.receivers import HEADERS, OK, answering, receiver, request, sending

BODY = b'{"type":"a.b"}'
SECONDS = 2.0
"""More than a busy machine sleeps through: who answers is never late."""
LATE = f"The receiver did not answer within {SECONDS:g} s."
UNREADABLE = "The answer is not HTTP that can be read."
CLOSED = "The receiver closed the connection without an answer."
RESET = "The receiver reset the connection."
BOUND = 3_000_000
"""Bytes of Python objects that one receiver may have us hold."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _for_ever(writer: asyncio.StreamWriter, part: bytes, pause: float = 0) -> None:
    while True:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    await reader.read()


async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take nothing, say nothing."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
    await asyncio.sleep(60)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte of the head now and then."""
    await request(reader)
    await _for_ever(writer, b"H", 0.05)


async def drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A good head that never ends."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await _for_ever(writer, b"x", 0.05)


async def gone(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Close without a word."""
    await request(reader)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection once the request is read."""
    await request(reader)
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close amid the head."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()
    writer.close()


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak another protocol."""
    await request(reader)
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 10)
    await writer.drain()
    await reader.read()


async def endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One header without an end."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await _for_ever(writer, b"x" * 65_536)


async def endless_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers without an end."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await _for_ever(writer, b"X-Many: y\r\n" * 5_000)


async def endless_interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announce the answer for ever."""
    await request(reader)
    await _for_ever(writer, b"HTTP/1.1 102 Processing\r\n\r\n" * 2_000)


async def endless_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Empty lines before the answer, which parsers pass over."""
    await request(reader)
    await _for_ever(writer, b"\r\n" * 30_000)


async def two_lengths(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A head that contradicts itself."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
    await writer.drain()
    await reader.read()


FAILING: dict[Talk, set[str]] = {
    hang: {LATE},
    deaf: {LATE},
    drip: {LATE, UNREADABLE},
    drip_head: {LATE},
    gone: {CLOSED},
    reset: {RESET},
    half: {CLOSED},
    nonsense: {UNREADABLE},
    endless_line: {UNREADABLE},
    endless_lines: {UNREADABLE},
    endless_interim: {UNREADABLE},
    endless_nothing: {UNREADABLE},
    two_lengths: {UNREADABLE},
}


@pytest.mark.parametrize(
    ("talk", "errors"), FAILING.items(), ids=lambda it: getattr(it, "__name__", "")
)
async def test_who_gives_no_answer(talk: Talk, errors: set[str]) -> None:
    """The message is not taken, in words that say why, in time; a good host goes on meanwhile."""
    body = BODY if talk is not deaf else b"x" * 1_000_000
    async with receiver(talk) as there, answering(OK) as good, sending(seconds=SECONDS) as sender:
        bad = asyncio.create_task(sender.post(there.url, HEADERS, body))
        for _ in range(5):
            assert (await sender.post(good.url, HEADERS, BODY)).status == 200
        answer = await bad
        assert answer.status is None
        assert answer.error in errors
        assert answer.seconds < SECONDS + 2
        assert (await sender.post(good.url, HEADERS, BODY)).status == 200
        assert (there.connections, good.connections) == (1, 1)


def _head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"", b""))


async def gigabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body of a gigabyte."""
    await request(reader)
    writer.write(_head(b"Content-Length: 1000000000"))
    await _for_ever(writer, b"a" * 65_536)


async def unending(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body until the connection ends, which it does not."""
    await request(reader)
    writer.write(_head(b"Connection: close"))
    await _for_ever(writer, b"a" * 65_536)


async def crumbs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gigabyte in chunks of one byte."""
    await request(reader)
    writer.write(_head(b"Transfer-Encoding: chunked"))
    await _for_ever(writer, b"1\r\na\r\n" * 10_000)


async def extensions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A chunk whose size never ends."""
    await request(reader)
    writer.write(_head(b"Transfer-Encoding: chunked") + b"1\r\na\r\n1;")
    await _for_ever(writer, b"x" * 65_536)


async def trailers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Trailers without an end."""
    await request(reader)
    writer.write(_head(b"Transfer-Encoding: chunked") + b"1\r\na\r\n")
    await asyncio.sleep(0.05)  # what cannot be read together with a head takes the head with it
    writer.write(b"0\r\n")
    await _for_ever(writer, b"X-Trailer: y\r\n" * 5_000)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that comes by the byte."""
    await request(reader)
    writer.write(_head(b"Content-Length: 1000"))
    await _for_ever(writer, b"a", 0.05)


async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that is no chunk."""
    await request(reader)
    writer.write(_head(b"Transfer-Encoding: chunked") + b"1\r\na\r\n")
    await asyncio.sleep(0.05)
    writer.write(b"zz\r\n")
    await writer.drain()
    await reader.read()


async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers to requests that were never made, on a connection that would be used again."""
    await request(reader)
    await _for_ever(writer, (_head(b"Content-Length: 1") + b"a") * 5_000)


@pytest.mark.parametrize(
    "talk",
    [gigabyte, unending, crumbs, extensions, trailers, dripping, broken, talkative],
    ids=lambda it: it.__name__,
)
async def test_a_status_stands_whatever_the_body_is(talk: Talk) -> None:
    """The message is taken; the body is read to a bound, its start kept, and memory stays flat."""
    async with receiver(talk) as there, answering(OK) as good, sending(seconds=SECONDS) as sender:
        await sender.post(good.url, HEADERS, BODY)
        tracemalloc.start()
        answers = await asyncio.gather(*(sender.post(there.url, HEADERS, BODY) for _ in range(4)))
        await asyncio.sleep(0.1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for answer in answers:
            assert (answer.status, answer.error) == (200, None)
            assert 1 <= len(answer.start) <= RESPONSE_KEPT
            assert set(answer.start) == {"a"}
        assert most < BOUND
        assert sender.connections == 1  # the good one's
        assert (await sender.post(good.url, HEADERS, BODY)).status == 200
        assert good.connections == 1


async def test_an_answer_before_the_question() -> None:
    """What a server says before it was asked is no answer, and is not taken for the next one."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(b"Content-Length: 1") + b"a")
        await request(reader)
        await asyncio.sleep(0.02)
        writer.write(_head(b"Content-Length: 1", status=b"500 No") + b"b")
        await reader.read()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(_head(b"Content-Length: 1", status=b"413 Long") + b"c")
        await writer.drain()
        await reader.read()

    async with sending(seconds=2) as sender:
        async with receiver(early) as there:
            answer = await sender.post(there.url, HEADERS, BODY)
            await asyncio.sleep(0.05)
            assert answer.status in {200, None}
            answer = await sender.post(there.url, HEADERS, BODY)
            assert answer.status in {200, None}
            assert there.connections == 2
        async with receiver(hasty) as there:
            answer = await sender.post(there.url, HEADERS, b"x" * 1_000_000)
            assert answer.error == explained(413)
            assert answer.start == "c"


async def test_who_talks_while_nothing_is_asked() -> None:
    """A connection that waits for its next request is cut at the first byte that comes."""
    talked = asyncio.Event()

    async def mutter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await talked.wait()
        writer.write(b"\r")
        assert await reader.read() == b""

    async with receiver(mutter) as there, sending(seconds=2) as sender:
        assert (await sender.post(there.url, HEADERS, BODY)).status == 200
        await asyncio.sleep(0.01)
        assert sender.connections == 1
        talked.set()
        await asyncio.sleep(0.05)
        assert sender.connections == 0
        assert (await sender.post(there.url, HEADERS, BODY)).status == 200


def _spoiled(random: Random) -> bytes:
    """A good answer with some of its bytes lost, doubled, moved or changed."""
    said = bytearray(random.choice(ANSWERS))
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(said))
        match random.randrange(4):
            case 0:
                del said[at : at + random.randint(1, 9)]
            case 1:
                said[at:at] = random.randbytes(random.randint(1, 9))
            case 2:
                said[at:at] = said[: random.randrange(len(said))]
            case _:
                said[at] = random.randrange(256)
        said = said or bytearray(b"\r")
    return bytes(said)


ANSWERS = (
    _head(b"Content-Length: 2", b"Retry-After: 5", b"Set-Cookie: a=b; Domain=x") + b"ok",
    _head(b"Transfer-Encoding: chunked", b"Content-Type: text/plain; charset=x", status=b"500 No")
    + b"2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n",
    _head(b"Content-Encoding: deflate", b"Connection: close") + b"ok" * 600,
    _head(status=b"100 Continue") + _head(b"Location: /x", status=b"302 Found"),
    _head(b"Connection: Upgrade", b"Upgrade: h2c", status=b"101 Switching"),
)


async def test_no_answer_is_too_odd() -> None:
    """Whatever is said, in whatever pieces, becomes a value that can be kept as text."""
    random = Random(7)

    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        said = _spoiled(random)
        cut = random.randrange(len(said) + 1)
        for part in (said[:cut], said[cut:]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(random.choice((0, 0.001)))
        writer.close()

    async with receiver(odd) as there, sending(seconds=1) as sender:
        answers = await asyncio.gather(
            *(sender.post(there.url, HEADERS, BODY) for _ in range(1_000))
        )
    for answer in answers:
        assert answer.taken is (answer.status is not None and 200 <= answer.status < 300)
        assert answer.status is not None or answer.start == ""
        answer.start.encode()
    assert len({answer.status for answer in answers}) >= 5
    assert len({answer.error for answer in answers}) >= 5


async def test_nothing_is_decompressed() -> None:
    """A bomb stays as small as it came; that it is compressed is said instead of its start."""
    bomb = gzip.compress(b"0" * 50_000_000, 9)
    said = _head(b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb)) + bomb
    async with answering(said) as there, sending() as sender:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(5):
            answer = await sender.post(there.url, HEADERS, BODY)
            assert (answer.status, answer.error) == (200, None)
            assert answer.start == "(compressed as gzip, which was not asked for)"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


async def test_a_status_of_another_protocol() -> None:
    """A switch of protocols was not asked for: it is no success, and its connection is cut."""
    said = _head(b"Connection: Upgrade", b"Upgrade: websocket", status=b"101 Switching Protocols")
    async with answering(said + b"frames") as there, sending(seconds=SECONDS) as sender:
        answer = await sender.post(there.url, HEADERS, BODY)
        assert answer.error == explained(101)
        await asyncio.sleep(0.01)
        assert sender.connections == 0


async def test_who_is_cancelled_leaves_nothing() -> None:
    """A request that is given up closes its connection and gives its place back."""
    async with receiver(hang) as there, sending(each=1, seconds=5) as sender:
        for expected in (1, 2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await sender.post(there.url, HEADERS, BODY)
            await asyncio.sleep(0)
            assert (there.connections, sender.connections) == (expected, 0)
