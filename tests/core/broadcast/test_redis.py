"""The broadcast on a real Valkey server, which is restarted, cut off, paused and lied to."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from bench.valkey import Valkey, valkey as running
from core.broadcast import Hints, line, open_broadcast
from core.domain.errors import Invalid
from tests.core.broadcast.listening import (
    PROMPT,
    heard,
    joined,
    nothing,
    process,
    reached,
    until,
)
from tests.core.broadcast.tls import certificate, encrypted

ALLOWED = ("+ping", "+role", "+subscribe", "+unsubscribe", "+publish")
"""All that a user of the server needs."""

pytestmark = pytest.mark.usefixtures("quick")


async def test_fifty_who_join_at_once_all_hear(valkey: Valkey) -> None:
    """On one channel and each on another; who has joined hears what is said from then on."""
    async with process(valkey.url) as here, process(valkey.url) as there:
        inboxes = await asyncio.gather(*(joined(there, "all", f"one{n}") for n in range(50)))
        await here.publish("all", "7")
        assert [await heard(inbox) for inbox in inboxes] == [("all", "7")] * 50
        for number in range(50):
            await here.publish(f"one{number}", "8")
        assert [await heard(one) for one in inboxes] == [(f"one{n}", "8") for n in range(50)]


async def test_many_hints_go_out_in_few_round_trips(valkey: Valkey) -> None:
    """Thousands of channels are joined and told at once, and nothing is lost on a whole line."""
    names = [f"latchkey:home_{number}" for number in range(3_000)]
    async with process(valkey.url) as here, process(valkey.url) as there:
        inbox = await joined(there, *names)
        await until(lambda: len(valkey.ask("PUBSUB", "CHANNELS")) == len(names))
        before = _reads(valkey)
        for name in names:
            await here.publish(name, "1")
        found = {await heard(inbox) for _ in names}
        assert found == {(name, "1") for name in names}
        assert _reads(valkey) - before < 100
        await until(lambda: here.tally.published == 3_000)
        assert (here.tally.lost, there.tally.heard) == (0, 3_000)


def _reads(valkey: Valkey) -> int:
    reads: int = valkey.ask("INFO", "stats")["total_reads_processed"]
    return reads


async def test_who_leaves_is_told_no_more(valkey: Valkey) -> None:
    """The server is told when the last one leaves, and carries nothing then."""
    async with process(valkey.url) as here, process(valkey.url) as there:
        first, second = await joined(there, "a", "b"), await joined(there, "a")
        await first.leave("a")
        await here.publish("a", "1")
        assert await heard(second) == ("a", "1")
        await second.leave("a")
        await until(lambda: valkey.ask("PUBSUB", "CHANNELS") == [b"b"])
        await here.publish("a", "2")
        await nothing(first, "a")


def _kill_readers(valkey: Valkey) -> None:
    valkey.ask("CLIENT", "KILL", "TYPE", "pubsub")


def _kill_everybody(valkey: Valkey) -> None:
    valkey.ask("CLIENT", "KILL", "TYPE", "normal")


def _pause(valkey: Valkey) -> None:
    valkey.pause()
    time.sleep(0.8)  # the loop is held up as well, as on a machine that sleeps
    valkey.resume()


@pytest.mark.parametrize("ruin", [Valkey.restart, _kill_readers, _kill_everybody, _pause])
async def test_it_hears_again_after(valkey: Valkey, ruin: Callable[[Valkey], None]) -> None:
    """Whatever happens to the server or to the connections, old channels and new ones work."""
    async with process(valkey.url) as here, process(valkey.url) as there:
        inbox = await joined(there, "left", "kept")
        for number in range(2):
            ruin(valkey)
            await inbox.leave("left")
            await inbox.join(f"new{number}")
            await reached(here, inbox, "kept", f"new{number}")
            await reached(there, inbox, "kept")
            await here.publish("left", "1")
            await nothing(inbox, "left")


async def test_what_a_paused_server_keeps_waiting(valkey: Valkey) -> None:
    """Nobody: joining, leaving and publishing return, and it is given up for a new connection."""
    async with process(valkey.url) as here:
        inbox = await joined(here, "a", "b")
        valkey.pause()
        began = time.monotonic()
        await asyncio.gather(inbox.leave("a"), *(inbox.join(f"c{n}") for n in range(50)))
        for number in range(1_000):
            await here.publish("b", str(number))
        assert time.monotonic() - began < PROMPT
        await until(lambda: not here.tally.connected)
        valkey.resume()
        await until(lambda: here.tally.connected)
        assert here.tally.reconnects == 1
        await reached(here, inbox, "b", *(f"c{n}" for n in range(50)))


async def test_a_server_that_is_not_there_at_the_start(valkey: Valkey) -> None:
    """The process starts, joins and says; what has waited is said once the server is there."""
    valkey.kill()
    async with process(valkey.url, there=False) as here:
        began = time.monotonic()
        inbox = await joined(here, *(f"c{n}" for n in range(100)))
        for number in range(100):
            await here.publish(f"c{number}", "0")
            await here.publish(f"c{number}", str(number))
        assert time.monotonic() - began < PROMPT
        assert not here.tally.connected
        valkey.start()
        found = {await heard(inbox) for _ in range(100)}
        assert found == {(f"c{n}", str(n)) for n in range(100)}
        await until(lambda: here.tally.published == 100)
        assert here.tally.lost == 0


async def test_nothing_grows_while_it_is_down(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hints of a channel that wait are one; of too many channels the oldest is given up."""
    monkeypatch.setattr(line, "MOST_WAITING", 100)
    valkey.kill()
    async with process(valkey.url, there=False) as here:
        inbox = await joined(here, "c0", "c999")
        for number in range(1_000):
            await here.publish(f"c{number}", "1")
            await here.publish("c999", str(number))
        assert here.tally.lost >= 900
        valkey.start()
        assert await heard(inbox) == ("c999", "999")
        await nothing(inbox, "c0")
        await until(lambda: here.tally.published == 100)


async def test_what_is_no_hint_of_ours_does_no_harm(valkey: Valkey) -> None:
    """Whoever else publishes may send any bytes, of any size, to any channel."""
    async with process(valkey.url) as here:
        inbox = await joined(here, "a", "é\n*1\r\n")
        with redis.Redis(port=valkey.port) as stranger:
            for poison in (b"\xff\xfe", b"", b"\r\n", b"$-1\r\n", b"x" * 2_000_000):
                stranger.publish("a", poison)
                assert await heard(inbox) == ("a", poison.decode(errors="replace"))
            stranger.publish(b"\xff\xff", "x")
        await reached(here, inbox, "a", "é\n*1\r\n")
        assert here.tally.reconnects == 0


async def test_a_server_that_became_a_replica_is_left(valkey: Valkey) -> None:
    """What is said to it is handed on to nobody, so whoever took over is looked for."""
    async with process(valkey.url) as here:
        inbox = await joined(here, "a")
        valkey.ask("REPLICAOF", "127.0.0.1", "1")
        await until(lambda: not here.tally.connected)
        with capture_logs() as logs:
            await until(lambda: len(logs) > 1)
        assert logs[0]["problem"] == "Lost: The server is a replica."
        valkey.ask("REPLICAOF", "NO", "ONE")
        await reached(here, inbox, "a")


async def test_who_gives_up_joining_leaves_nothing(valkey: Valkey) -> None:
    """The server is not asked for a channel whose only reader was cancelled."""
    async with process(valkey.url) as here:
        valkey.pause()
        joining = asyncio.create_task(here.inbox().join("a"))
        await asyncio.sleep(0.02)
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        valkey.resume()
        await joined(here, "b")
        await until(lambda: valkey.ask("PUBSUB", "CHANNELS") == [b"b"])


async def test_a_password_is_shown_to_the_server_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The right one connects; the log says what is wrong with another, and never what it was."""
    with running(tmp_path_factory.mktemp("valkey"), password="hunter2") as server:
        server.ask("ACL", "SETUSER", "latchkey", "on", ">hunter1", "&latchkey:*", *ALLOWED)
        for url in (server.url, server.url.replace(":hunter2", "latchkey:hunter1")):
            async with process(url) as here:
                await reached(here, await joined(here, "latchkey:a"), "latchkey:a")
        with capture_logs() as logs:
            async with process(server.url.replace("hunter2", "hunter3"), there=False) as here:
                await until(lambda: bool(logs))
        assert not here.tally.connected
        assert logs[0]["problem"].startswith("AuthenticationError: ")
        assert "hunter" not in repr(logs)


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:hunter2@h:x",
        "redis://h:99999",
        "rediss://h?ssl_hunter2=1",
        "redis+cluster://:hunter2@",
        "redis://h?socket_read_size=hunter2",
    ],
)
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    """Before anything starts, in a sentence without what may be a password."""
    with pytest.raises(Invalid, match="LATCHKEY_BROADCAST_URL must name a server") as refused:
        open_broadcast(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_broadcast_says_nothing_of_its_url() -> None:
    """However it is printed."""
    hints = open_broadcast("redis://:hunter2@h")
    backend = hints._backend  # noqa: SLF001 - what a traceback with locals may show
    assert isinstance(hints, Hints)
    assert "hunter2" not in repr(hints) + repr(backend) + repr(vars(backend))


async def test_it_speaks_tls_to_whom_it_can_trust(valkey: Valkey, tmp_path: Path) -> None:
    """`rediss://` takes a certificate that is vouched for, and no other."""
    pem = certificate(tmp_path)
    async with encrypted(valkey.port, pem) as port:
        url = f"rediss://127.0.0.1:{port}"
        async with process(f"{url}?ssl_ca_certs={pem}") as here:
            await reached(here, await joined(here, "a"), "a")
        with capture_logs() as logs:
            async with process(url, there=False) as here:
                await until(lambda: bool(logs))
                assert not here.tally.connected
        assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["problem"]
