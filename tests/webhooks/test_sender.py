"""The sender: what goes out, what comes back as a value, and how connections are used."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, strategies as st

from core.domain.addresses import LOOPBACK
from core.domain.answers import RESPONSE_KEPT, explained
from core.domain.errors import Unavailable
from tests.webhooks.receivers import HEADERS, OK, Names, answering, receiver, request, sending
from webhooks.replies import Reply, readable
from webhooks.sender import AGENT


async def test_a_request_goes_out_as_it_is() -> None:
    """The URL as it was written, our headers, the body; the answer comes back as a value."""
    body = '{"type":"a.b","data":"ü"}'.encode()
    async with answering(OK) as there, sending() as sender:
        answer = await sender.post(f"{there.url}/%7e?sig=a%2Fb%20c&x=~", HEADERS, body)
        assert answer == Reply(200, answer.seconds, "ok")
        assert answer.taken
        assert 0 < answer.seconds < 5
        head, _, got = there.got[0].partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        assert line == "POST /hooks/%7e?sig=a%2Fb%20c&x=~ HTTP/1.1"
        assert got == body
        assert {name.lower(): value for name, _, value in (h.partition(": ") for h in headers)} == {
            "host": f"127.0.0.1:{there.port}",
            "user-agent": AGENT,
            "accept": "*/*",
            "accept-encoding": "identity",
            "webhook-id": "msg_1",
            "content-type": "application/json",
            "content-length": str(len(body)),
        }
        assert AGENT.startswith("Latchkey-Webhooks/0.")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (b"201 Created", None),
        (b"204 No Content", None),
        (b"301 Moved", explained(301)),
        (b"307 There", explained(307)),
        (b"304 Same", explained(304)),
        (b"410 Gone", explained(410)),
        (b"500 Oops", explained(500)),
        (b"799 What", explained(799)),
    ],
)
async def test_a_status_is_told_in_words(status: bytes, error: str | None) -> None:
    """Only 2xx takes a message; a redirect is not followed, a cookie not kept."""
    async with answering() as other:
        extra = f"Location: {other.url}\r\nSet-Cookie: a=b\r\nRetry-After: 7\r\n".encode()
        said = b"HTTP/1.1 " + status + b"\r\n" + extra + b"Content-Length: 0\r\n\r\n"
        async with answering(said) as there, sending() as sender:
            for _ in range(2):
                answer = await sender.post(there.url, HEADERS, b"{}")
                assert (answer.status, answer.error) == (int(status[:3]), error)
                assert (answer.taken, answer.retry_after) == (error is None, 7.0)
            assert other.got == []
            assert len(there.got) == 2
            assert b"ookie" not in there.got[1]


async def test_connections_are_used_again_and_missed_by_nobody() -> None:
    """One connection serves requests in a row. One that the server has closed costs no failure."""

    async def once_and_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.got.append(await request(reader))
        writer.write(OK)
        there.got.append(await request(reader))  # and closes without an answer

    async with receiver(once_and_gone) as there, sending() as sender:
        for _ in range(4):
            assert (await sender.post(there.url, HEADERS, b"{}")).status == 200
        assert there.connections == 4  # each was asked once more, in vain, before the next was made
        assert len(there.got) == 7
    async with answering(OK) as there, sending() as sender:
        for _ in range(4):
            assert (await sender.post(there.url, HEADERS, b"{}")).status == 200
        assert there.connections == 1
        assert sender.connections == 1


async def test_what_was_sent_in_vain_has_failed_if_it_may_not_go_again() -> None:
    """It may have been read, so it is an attempt; what was never sent is none."""

    async def once_and_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        there.got.append(await request(reader))

    async def never() -> bool:
        return False

    async with receiver(once_and_gone) as there, sending() as sender:
        assert await sender.send(there.url, HEADERS, b"{}", never) is None
        assert (await sender.post(there.url, HEADERS, b"{}")).status == 200
        reply = await sender.send(there.url, HEADERS, b"{}", never)
        assert reply is not None
        assert reply.status is None
        assert "closed the connection" in (reply.error or "")
        assert len(there.got) == 1


async def test_a_body_is_read_to_a_bound() -> None:
    """Its start is kept. A connection is used again once its body is read, where that is short."""
    whole, more = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + "ü".encode() * (size // 2)
        for size in (60_000, 90_000)
    )
    async with answering(whole, whole, more, OK) as there, sending() as sender:
        for connections in (1, 1, 1, 2):
            answer = await sender.post(there.url, HEADERS, b"{}")
            assert answer.start in {"ok", "ü" * RESPONSE_KEPT}
            assert there.connections == connections


async def test_a_slow_host_holds_up_no_other() -> None:
    """It has so many places of its own; who waits for one of them takes no place from others."""
    full, released = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            there.got.append(await request(reader))
            if len(there.got) == 2:
                full.set()
            await released.wait()
            writer.write(OK)
            await writer.drain()

    async with (
        receiver(slow) as there,
        answering(OK) as other,
        sending(each=2, most=3, seconds=5) as sender,
    ):
        waiting = [asyncio.create_task(sender.post(there.url, HEADERS, b"{}")) for _ in range(6)]
        await full.wait()
        for _ in range(20):
            assert (await sender.post(other.url, HEADERS, b"{}")).status == 200
        assert (len(there.got), there.connections, other.connections) == (2, 2, 1)
        assert not any(task.done() for task in waiting)
        waiting.pop().cancel()
        released.set()
        assert [(await task).error for task in waiting] == [None] * 5
        assert there.connections <= 3


async def test_waiting_for_a_place_is_not_the_receivers_time() -> None:
    """Who comes second has all of its seconds, and each that hangs gives its place back."""

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with receiver(hang) as there, sending(each=1, seconds=0.2) as sender:
        answers = await asyncio.gather(*(sender.post(there.url, HEADERS, b"") for _ in range(3)))
        assert {answer.error for answer in answers} == {"The receiver did not answer within 0.2 s."}
        assert all(0.15 < answer.seconds < 2 for answer in answers)
        assert there.connections == 3


async def test_connections_are_kept_for_later_up_to_a_bound() -> None:
    """More open connections than requests may be under way are closed rather than kept."""
    async with (
        answering(OK) as one,
        answering(OK) as two,
        answering(OK) as three,
        sending(most=2) as sender,
    ):
        for there in (one, two, three):
            assert (await sender.post(there.url, HEADERS, b"{}")).status == 200
        await asyncio.sleep(0.01)
        assert sender.connections == 2


async def test_names_are_looked_at_each_time() -> None:
    """A name that leads inside, or inside as well, or later, is refused when it is dialled."""
    names = Names(
        inside=["10.0.0.1"],
        both=["127.0.0.1", "169.254.169.254"],
        mapped=["::ffff:127.0.0.1"],
        nat=["64:ff9b::7f00:1"],
        here=["127.0.0.1"],
        several=["::1", "127.0.0.2", "127.0.0.1"],
        none=[],
        public=["8.8.8.8"],
    )
    async with answering(OK) as there, sending(resolver=names, seconds=2) as sender:
        for name, error in {
            "inside": "The address 10.0.0.1 is inside a private network.",
            "both": "The address 169.254.169.254 is inside the metadata service of a cloud.",
            "mapped": "The address ::ffff:7f00:1 is inside a network for IPv4-mapped addresses.",
            "nat": "The address 64:ff9b::7f00:1 is inside a network of NAT64.",
            "none": "The name none.test does not resolve to an address.",
            "nobody": "The name nobody.test does not resolve to an address.",
            "public": "The address 8.8.8.8 is in no network that the operator allows.",
        }.items():
            answer = await sender.post(f"http://{name}.test:{there.port}/", HEADERS, b"{}")
            assert (answer.status, answer.error) == (None, error)
        asked = names.asked
        for _ in range(3):
            url = f"http://here.test:{there.port}/"
            assert (await sender.post(url, HEADERS, b"{}")).status == 200
        assert names.asked == asked + 1
        assert there.connections == 1
        url = f"http://several.test:{there.port}/"
        assert (await sender.post(url, HEADERS, b"{}")).status == 200
    async with answering(OK) as there, sending("", resolver=names) as sender:
        answer = await sender.post("https://here.test/", HEADERS, b"{}")
        assert answer.error == "The address 127.0.0.1 is inside the loopback network."


async def test_who_cannot_be_reached_is_told_apart() -> None:
    """Nothing listens, nothing is answered by a firewall or a name server: each has its words."""
    names = Names(here=["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with (
            socket.create_connection(("127.0.0.1", port)),
            socket.socket() as free,
        ):
            free.bind(("127.0.0.1", 0))
            async with answering(OK) as good, sending(resolver=names, seconds=0.3) as sender:
                late = [
                    sender.post(f"http://127.0.0.1:{port}/", HEADERS, b"{}"),
                    sender.post(f"http://silence.test:{port}/", HEADERS, b"{}"),
                ]
                waiting = asyncio.gather(*late)
                await asyncio.sleep(0.01)
                url = f"http://here.test:{good.port}/"
                assert (await sender.post(url, HEADERS, b"{}")).status == 200
                assert not waiting.done()
                assert [answer.error for answer in await waiting] == [
                    "No connection to 127.0.0.1 could be made within 0.3 s.",
                    "No connection to silence.test could be made within 0.3 s.",
                ]
                url = f"http://127.0.0.1:{free.getsockname()[1]}/"
                answer = await sender.post(url, HEADERS, b"{}")
                assert answer.error == (
                    "The receiver refused the connection: nothing listens there."
                )


async def test_the_real_resolver_is_guarded_too() -> None:
    """`localhost` and addresses of this machine are dialled where they are allowed, only there."""
    async with answering(OK) as there, sending("127.0.0.0/8,::1/128") as sender:
        url = f"http://localhost:{there.port}/"
        assert (await sender.post(url, HEADERS, b"{}")).status == 200
        answer = await sender.post("https://no-such-name.invalid/", HEADERS, b"{}")
        assert answer.error == "The name no-such-name.invalid does not resolve to an address."
    async with answering(OK) as there, sending("10.99.0.0/16") as sender:
        for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1"):  # noqa: S104 - none of them is listened on
            answer = await sender.post(f"http://{host}:{there.port}/", HEADERS, b"{}")
            assert answer.status is None
            assert not answer.taken
        assert there.connections == 0


async def test_the_socket_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nobody looked at before, as in a cache gone bad, is refused at the dial."""
    names = Names(here=["127.0.0.1"])
    monkeypatch.setattr("webhooks.connections.Checked", lambda inner, _: inner)
    async with answering(OK) as there, sending("10.99.0.0/16", resolver=names) as sender:
        answer = await sender.post(f"http://here.test:{there.port}/", HEADERS, b"{}")
        assert answer.error == "The address 127.0.0.1 is inside the loopback network."
        assert there.connections == 0


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has no say."""
    async with answering(OK) as proxy, answering(OK) as there, sending() as sender:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await sender.post(there.url, HEADERS, b"{}")).status == 200
        assert proxy.connections == 0


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open nothing while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_what_is_wrong_here_is_not_the_receivers_fault() -> None:
    """Where this machine cannot make connections, there is no answer to count against anybody."""
    async with answering(OK) as there, sending() as sender:
        with (
            no_more_files(),
            pytest.raises(Unavailable, match="No connection can be made from here: Too many open"),
        ):
            await sender.post(there.url, HEADERS, b"{}")
        assert (await sender.post(there.url, HEADERS, b"{}")).status == 200


@given(st.binary(max_size=5_000))
def test_a_body_is_text_that_can_be_kept(body: bytes) -> None:
    """Whatever it is, it is text without NUL, of a bounded length, that UTF-8 can have."""
    text = readable(body, None)
    assert len(text) <= RESPONSE_KEPT
    assert "\0" not in text
    text.encode()


def test_loopback_is_what_the_demo_opens() -> None:
    """The networks of this machine, by their one name."""
    assert LOOPBACK == "127.0.0.0/8,::1/128"
