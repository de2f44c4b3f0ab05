"""Subscribers who are held to the same events: what passes, and what does not."""

import asyncio
from typing import Any

import orjson
import pytest

from bench.load.audience import Audience, Judge, Member
from bench.load.sockets import Cut
from bench.load.wrong import Wrong


class Told:
    """An audience of two whose ends and errors are kept."""

    def __init__(self, judge: Judge, key: str | None = None) -> None:
        """Both have had the event with the sequence 1, for this operation; counting has begun."""
        self.had: list[int] = []
        self.wrong: list[Cut | Wrong] = []
        self.audience = Audience(judge, self.had.append, self.wrong.append)
        self.one, self.other = (self.audience.seat(f"subscriber-{n}") for n in range(2))
        for member in (self.one, self.other):
            tell(member, 1, key=key)
        assert self.audience.newest() == "event_1"
        self.audience.begin()


def message(key: str, sequence: int, **more: Any) -> bytes:
    """A message of ours for this operation."""
    event = {
        "id": f"event_{sequence}",
        "sequence": sequence,
        "changed": ["on"],
        "device": {"id": "device_1"},
        "state": {"on": sequence % 2 == 0},
    }
    payload = {"data": {"deviceStatusChanged": event | more}, "extensions": {"cursor": f"{key}…"}}
    return orjson.dumps({"id": key, "type": "next", "payload": payload})


def tell(member: Member, *sequences: int, key: str | None = None, **more: Any) -> None:
    """Let a server send these to a member, in one chunk."""
    data = b""
    for sequence in sequences:
        raw = message(key or member.key, sequence, **more)
        data += bytes((0x81, 126)) + len(raw).to_bytes(2) + raw
    member._head = None  # noqa: SLF001 - the handshake is over
    member.data_received(data)


@pytest.fixture
async def told() -> Told:
    """Two subscribers of our server."""
    await asyncio.sleep(0)
    return Told(Judge())


async def test_an_event_is_there_when_the_last_has_it(told: Told) -> None:
    """Each event once, in order, whatever each has got of the next."""
    tell(told.one, 2, 3)
    assert told.had == []
    tell(told.other, 2)
    assert told.had == [0]
    tell(told.other, 3)
    assert (told.had, told.wrong, told.audience.known) == ([0, 1], [], {})


@pytest.mark.parametrize("sequences", [(3, 2), (2, 2), (2, 4)])
async def test_another_order_is_wrong(told: Told, sequences: tuple[int, ...]) -> None:
    """An event that is out of its turn, there twice, or left out, whoever gets it first."""
    tell(told.one, 2, 3)
    tell(told.other, *sequences)
    assert len(told.wrong) == 1


async def test_a_gap_for_all_is_wrong(told: Told) -> None:
    """Though nobody has another event than the others."""
    tell(told.one, 2, 4)
    assert "got 4 of device_1 after 2" in str(told.wrong[0])


async def test_other_data_is_wrong(told: Told) -> None:
    """The same event has to look the same."""
    tell(told.one, 2)
    tell(told.other, 2, state={"on": False})
    assert len(told.wrong) == 1


async def test_a_message_for_another_operation_is_wrong(told: Told) -> None:
    """Of whoever gets the event first, and of the rest."""
    tell(told.one, 2, key="subscriber-1")
    assert len(told.wrong) == 1
    tell(told.one, 2)
    tell(told.other, 2, key="subscriber-0")
    assert len(told.wrong) == 2


async def test_one_text_for_all_will_do_for_a_peer() -> None:
    """Where ids are not judged, nor cursors."""
    told = Told(Judge(cursor=False, own_id=False), "subscriber-0")
    for member in (told.one, told.other):
        tell(member, 2, key="subscriber-0")
    assert (told.had, told.wrong) == ([0], [])
