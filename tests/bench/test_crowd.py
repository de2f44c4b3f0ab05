"""Peers with sockets send what we send, or are not measured."""

from typing import Any

import orjson
import pytest

from bench.cases import crowd
from bench.cases.crowd import NODE, PEERS, beside, check
from bench.contest import Failed, Options
from bench.machine import Cores
from bench.peers import node

OPTIONS = Options(runs=1, seconds=0.1, cores=Cores(None, None))


def message(**more: Any) -> str:
    """A message of ours."""
    event = {
        "id": "event_01a213f6c0ad7b0e8f1f0c9e2b7d4a55",
        "sequence": 7,
        "occurredAt": "2026-01-31T13:05:59.250Z",
        "changed": ["on"],
        "device": {"id": "device_1", "name": "Lámpara"},
        "state": {"on": True, "brightness": None},
    }
    payload = {"data": {"deviceStatusChanged": event | more}, "extensions": {"cursor": "c"}}
    return orjson.dumps({"id": "subscriber-00000", "type": "next", "payload": payload}).decode()


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_sends_the_like(name: str) -> None:
    """It is compared as it starts, by two events in a row."""
    if name in NODE and (reason := node.missing()):
        pytest.skip(reason)
    with beside(name, message(), OPTIONS) as stand:
        assert stand.name == name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"changed": []}, {"id": "event_2", "sequence": 8}),
        ({"state": {"on": True}}, {"id": "event_2", "sequence": 8}),
        ({"sequence": "7"}, {"id": "event_2", "sequence": "8"}),
        ({}, {"sequence": 8}),
        ({}, {"id": "event_2", "sequence": 9}),
    ],
)
def test_other_messages_are_refused(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Less in them, other kinds of values, the same event again, or one left out."""
    with pytest.raises(Failed, match="peer sends"):
        check("peer", message(), [message(**first), message(**second)])


def test_errors_are_refused() -> None:
    """A peer that refuses sends no events."""
    refusal = '{"id":"subscriber-00000","type":"error","payload":[]}'
    with pytest.raises(Failed, match="error"):
        check("peer", message(), [refusal, refusal])


def test_the_bare_text_is_as_long_as_ours() -> None:
    """Fewer bytes would be less work."""
    (bare,) = crowd.ALL_ALIKE
    shorter = {"device": {"id": "device_1", "name": "Lampara"}}
    theirs = [message(**shorter), message(**shorter, id="event_2", sequence=8)]
    with pytest.raises(Failed):
        check(bare, message(), theirs)
