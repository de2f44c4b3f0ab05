"""What the webhook benchmarks are made of: receivers that do as they say, and honest arithmetic."""

import http.client
import socket
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bench.cases.backlog import growth
from bench.cases.delay import delays
from bench.cases.posting import Got, checked, receivers
from bench.contest import Failed, Options
from bench.machine import Cores
from core.signing import Secret, Signer

OPTIONS = Options(runs=1, seconds=0.1, cores=Cores(None, None))
SECRET = Secret.make()
BODY = orjson.dumps({"data": {"events": {"id": "event_1"}}, "filled": "x" * 430})


def posted(port: int, path: str = "/0", body: bytes = BODY, times: int = 1) -> list[int]:
    """The statuses of so many requests on one connection."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    found = []
    for _ in range(times):
        line.request("POST", path, body, {"Webhook-Id": "msg_1"})
        answer = line.getresponse()
        answer.read()
        found.append(answer.status)
    line.close()
    return found


def test_a_good_receiver_tells_what_it_got() -> None:
    """How many, and the first; with the next question it begins anew."""
    with receivers(OPTIONS) as there:
        assert posted(there.ports["good"], times=3) == [200] * 3
        told, again = there.asked(), there.asked()
    assert (told.count, again.count, again.got) == (3, 0, [])
    assert [(one.path, one.body, one.event) for one in told.got] == [("/0", BODY, "event_1")]
    assert told.first == told.got[0].at


def test_a_receiver_may_keep_everything() -> None:
    """Each request with its own moment, in order."""
    with receivers(OPTIONS, keep=True) as there:
        for path in ("/0", "/1"):
            posted(there.ports["good"], path, times=2)
        got = there.asked().got
    assert [one.path for one in got] == ["/0", "/0", "/1", "/1"]
    assert sorted(one.at for one in got) == [one.at for one in got]


def test_bad_receivers_are_bad() -> None:
    """Each in its own way; the good one beside them stays good."""
    with receivers(OPTIONS, "hang", "drip", "reset", "500", "flood") as there:
        assert posted(there.ports["500"]) == [500]
        with pytest.raises(ConnectionResetError):
            posted(there.ports["reset"])
        assert _said(there.ports["hang"], 0.3) == b""
        assert len(_said(there.ports["drip"], 0.3)) == 1
        assert len(_said(there.ports["flood"], 0.3)) > 100_000
        assert posted(there.ports["good"]) == [200]


def _said(port: int, seconds: float) -> bytes:
    """What comes within a while after a request, or until it is much."""
    found = b""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        line.settimeout(seconds)
        try:
            while len(found) < 200_000 and (part := line.recv(65_536)):
                found += part
        except TimeoutError:
            pass
    return found


def got(at: float, event: str, path: str = "/0") -> Got:
    """What a receiver got of an event."""
    return Got(at, path, {}, orjson.dumps({"data": {"events": {"id": event}}}))


TOLD: list[dict[str, Any]] = [
    {"event": "a", "reported": 0.5, "committed": 1.0},
    {"event": "b", "reported": 1.5, "committed": 2.0},
]


def test_delays_are_from_commit_to_first_arrival() -> None:
    """What comes again, or was sent to others, changes nothing."""
    arrived = [got(1.25, "a"), got(2.5, "b"), got(9.0, "a"), got(1.1, "b", "/1")]
    found = delays(TOLD, arrived, ["/0"])
    assert (found.committed, found.reported) == ([0.25, 0.5], [0.75, 1.0])
    assert (found.p_ms(0.5), found.p_ms(0.99)) == (250, 500)


def test_what_did_not_come_is_no_figure() -> None:
    """A delivery that was lost would make the others look fast."""
    with pytest.raises(Failed, match="1 of 2 deliveries did not come"):
        delays(TOLD, [got(1.25, "a")], ["/0"])


def signed(body: bytes) -> Got:
    """A message as an endpoint with this secret gets it."""
    return Got(0.0, "/0", Signer(SECRET).headers("msg_1", datetime.now(UTC), body), body)


def test_a_message_is_checked_before_it_counts() -> None:
    """It is of the size that is said, and verifies by one of the secrets."""
    checked(signed(BODY), {"endpoint_1": Secret.make().text, "endpoint_2": SECRET.text})
    with pytest.raises(Failed, match="does not verify"):
        checked(signed(BODY), {"endpoint_1": Secret.make().text})
    with pytest.raises(Failed, match="has 2 bytes"):
        checked(signed(b"{}"), {"endpoint_2": SECRET.text})


def test_growth_is_paired() -> None:
    """A moment in which both were slow counts like any other."""
    assert growth([1.0, 10.0, 1.0], [2.0, 15.0, 9.0]) == 2
