"""The outlet: one writer, in order, and nothing held for who does not read."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import orjson
import pytest

from subscriptions import outlet as room
from subscriptions.outlet import Gone, Outlet
from subscriptions.protocol import Close
from subscriptions.pump import Pump


class Wire:
    """A peer that reads, or does not."""

    def __init__(self) -> None:
        self.got: list[str] = []
        """What was sent."""
        self.held: list[str] = []
        self.flushes = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self.room = self.reads.wait
        self.gone = False

    def write(self, text: bytes) -> bool:
        """Take one; there is room for another while the peer reads."""
        if self.gone:
            raise Gone
        self.held.append(text.decode())
        return self.reads.is_set()

    def flush(self) -> None:
        """Send what was taken."""
        self.flushes += 1
        self.got += self.held
        self.held = []

    async def close(self, code: Close, sentence: str) -> None:
        """The last one."""
        await self.room()
        assert not self.held  # it would come after this
        self.got.append(f"closed {int(code)}")


class Late(Wire):
    """A peer of whom only the sending tells that it does not read."""

    full = False

    def write(self, text: bytes) -> bool:
        """Take one; there is room for another as far as is known."""
        super().write(text)
        return not self.full

    def flush(self) -> None:
        """Send what was taken."""
        super().flush()
        self.full = not self.reads.is_set()


class Source:
    """Who has events."""

    def __init__(self, *events: str) -> None:
        self.events = deque(events)
        self.asked = 0
        self.out = 0
        self.lags = 0

    def take(self) -> bytes | None:
        """The next one."""
        self.asked += 1
        return self.events.popleft().encode() if self.events else None

    def passed(self) -> bool:
        """The last one has gone out."""
        self.out += 1
        return bool(self.events)

    def lag(self) -> None:
        """Nobody reads."""
        self.lags += 1
        self.events.clear()


def stays() -> None:
    """Nobody is left."""


def said(number: int) -> str:
    """A message as it goes out."""
    return orjson.dumps({"n": number}).decode()


async def turns() -> None:
    """Let others have their turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_a_session_says_goes_at_once_and_events_in_their_turn() -> None:
    """Several sources take turns, one message each."""
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    one, two = Source("a1", "a2"), Source("b1", "b2", "b3")
    outlet.announce(one, "home")
    outlet.announce(two, "home")
    outlet.announce(two, "home")
    assert wire.got == []
    await outlet.send({"n": 1})
    assert wire.got[0] == said(1)
    await turns()
    assert wire.got[1:] == ["a1", "b1", "a2", "b2", "b3"]
    assert (one.asked, two.asked) == (one.out, two.out) == (2, 3)


async def test_who_does_not_read_gets_everything_in_order_later() -> None:
    """And whoever says something waits meanwhile, but no longer than for that."""
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    wire.reads.clear()
    source = Source("a1", "a2")
    outlet.announce(source, "home")
    await turns()
    assert source.asked == 1
    saying = asyncio.create_task(outlet.send({"n": 1}))
    await turns()
    outlet.post({"n": 2})
    await turns()
    assert not saying.done()
    wire.reads.set()
    await saying
    await turns()
    assert wire.got == ["a1", said(1), said(2), "a2"]
    assert source.asked == 2


async def test_nothing_is_held_for_who_takes_nothing_for_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its sources are told, those that come later too, as long as it lasts."""
    monkeypatch.setattr(room, "STALL_SECONDS", 0.02)
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    wire.reads.clear()
    one, two = Source("a1", "a2"), Source("b1")
    outlet.announce(one, "home")
    await asyncio.sleep(0.05)
    assert one.lags >= 1
    outlet.announce(two, "home")
    await asyncio.sleep(0.05)
    assert two.lags >= 1
    wire.reads.set()
    await turns()
    lags = one.lags, two.lags
    await asyncio.sleep(0.05)
    assert wire.got == ["a1"]
    assert (one.lags, two.lags) == lags


async def test_a_peer_that_is_gone_ends_it() -> None:
    """Whoever waits is told, and whoever comes later."""
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    wire.reads.clear()
    outlet.announce(Source("a1"), "home")
    await turns()
    saying = asyncio.create_task(outlet.send({"n": 1}))
    await turns()
    wire.gone = True
    wire.reads.set()
    with pytest.raises(Gone):
        await saying
    with pytest.raises(Gone):
        outlet.post({"n": 2})
    outlet.announce(source := Source("b1"), "home")
    await turns()
    assert (wire.got, source.asked) == (["a1"], 0)


async def test_after_it_is_closed_nothing_goes_out() -> None:
    """What waited for its turn neither; it is closed once."""
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    outlet.announce(Source("a1"), "home")
    await outlet.close(Close.RESTART, "x")
    await outlet.close(Close.FORBIDDEN, "y")
    await turns()
    assert wire.got == ["closed 1012"]
    with pytest.raises(Gone):
        await outlet.send({"n": 1})


async def test_nothing_is_left_of_one_that_ends_while_its_peer_does_not_read() -> None:
    """Nor of who waits for it."""
    wire = Wire()
    outlet = Outlet(wire, Pump(), stays)
    wire.reads.clear()
    before = asyncio.all_tasks()
    outlet.announce(Source("a1"), "home")
    await turns()
    saying = asyncio.create_task(outlet.send({"n": 1}))
    await turns()
    assert len(asyncio.all_tasks() - before) == 2
    await outlet.end()
    with pytest.raises(Gone):
        await saying
    assert asyncio.all_tasks() == before


async def test_a_long_queue_is_written_in_many_turns() -> None:
    """What is said meanwhile does not wait for it, and nor does another socket's event."""
    pump, wire, other = Pump(), Wire(), Wire()
    outlet, another = Outlet(wire, pump, stays), Outlet(other, pump, stays)
    outlet.announce(Source(*map(str, range(200))), "home")
    another.announce(Source("x"), "home")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert other.got == ["x"]
    before = len(wire.got)
    outlet.post({"n": 1})
    assert wire.got[before:] == [said(1)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert [one for one in wire.got if one != said(1)] == list(map(str, range(200)))


async def test_what_is_written_in_one_turn_is_sent_together_when_that_ends() -> None:
    """Of each socket, and of all; what is said outside of one goes at once."""
    pump, wire, other = Pump(), Wire(), Wire()
    outlet, another = Outlet(wire, pump, stays), Outlet(other, pump, stays)
    sent = list[int]()
    pump.add("home", lambda: outlet.announce(Source("1", "2", "3"), "home"))
    pump.add("home", lambda: another.announce(Source("x"), "home"))
    pump.add("home", lambda: sent.append(len(wire.got) + len(other.got)))
    await turns()
    assert (wire.got, other.got, sent) == (["1", "2", "3"], ["x"], [0])
    assert (wire.flushes, other.flushes) == (1, 1)
    outlet.post({"n": 1})
    assert wire.got[3:] == [said(1)]


async def test_a_peer_that_is_found_not_to_read_gets_all_in_order_later() -> None:
    """What is written after that is one message; the rest stays where it is until it reads."""
    pump, wire = Pump(), Late()
    outlet = Outlet(wire, pump, stays)
    wire.reads.clear()
    one, two = Source("1", "2", "3"), Source("4", "5")
    outlet.announce(one, "home")
    await turns()
    assert (wire.got, one.out) == (["1", "2", "3"], 3)
    outlet.announce(two, "home")
    await turns()
    outlet.post({"n": 1})
    await turns()
    assert (wire.got[3:], two.asked) == (["4"], 1)
    wire.full = False
    wire.reads.set()
    await turns()
    assert wire.got[4:] == [said(1), "5"]


async def test_what_was_written_before_a_bug_is_sent() -> None:
    """It was taken from who had it; then the socket is left."""
    pump, wire, left = Pump(), Wire(), list[str]()
    outlet = Outlet(wire, pump, partial(left.append, "left"))

    def fails() -> None:
        if broken.asked == 2:
            raise LookupError

    broken = Sudden(fails, "1", "2", "3")
    outlet.announce(broken, "home")
    await turns()
    assert (wire.got, outlet.closed, left) == (["1", "2"], True, ["left"])


async def test_who_posts_is_told_when_that_is_taken() -> None:
    """And not before, so that too many can be seen to wait."""
    wire, taken = Wire(), list[int]()
    outlet = Outlet(wire, Pump(), stays)
    outlet.post({"n": 1}, lambda: taken.append(1))
    assert taken == [1]
    wire.reads.clear()
    outlet.post({"n": 2}, lambda: taken.append(2))
    outlet.post({"n": 3}, lambda: taken.append(3))
    await turns()
    assert taken == [1, 2]
    wire.reads.set()
    await turns()
    assert taken == [1, 2, 3]


async def test_what_fails_to_be_written_ends_its_socket_alone() -> None:
    """Whether it has to be waited for or not."""

    async def fails() -> bool:
        raise LookupError

    for reads in (True, False):
        left, wire = list[str](), Wire()
        outlet = Outlet(wire, Pump(), partial(left.append, "left"))
        if reads:
            wire.held = None  # type: ignore[assignment]  # so that to write is a bug
        else:
            wire.reads.clear()
            wire.room = fails  # type: ignore[assignment]  # it never is true
        outlet.announce(Source("a1", "a2"), "home")
        await turns()
        assert (outlet.closed, outlet.stalled, left) == (True, True, ["left"])


class Sudden(Source):
    """Something happens to the outlet while it asks."""

    def __init__(self, happens: Callable[[], object], *events: str) -> None:
        super().__init__(*events)
        self.happens = happens

    def take(self) -> bytes | None:
        """Not before it has happened."""
        self.happens()
        return super().take()


async def test_what_is_announced_amid_the_asking_is_asked_in_its_turn() -> None:
    """By whoever is asked, for itself and for another."""
    wire, pump = Wire(), Pump()
    outlet = Outlet(wire, pump, stays)
    other = Source("b")

    def announce() -> None:
        if sudden.asked == 0:
            for one in (sudden, other):
                outlet.announce(one, "home")

    sudden = Sudden(announce, "a", "c")
    outlet.announce(sudden, "home")
    await turns()
    assert sorted(wire.got) == ["a", "b", "c"]
    assert wire.got[0] == "a"


async def test_nobody_is_asked_once_it_is_closed() -> None:
    """By whoever was asked just then, and whoever is announced afterwards."""
    wire, pump = Wire(), Pump()
    outlet = Outlet(wire, pump, stays)
    closing: list[asyncio.Task[None]] = []
    other = Source("b")

    def close() -> None:
        closing.append(asyncio.create_task(outlet.close(Close.RESTART, "")))

    sudden = Sudden(close, "a", "c")
    for one in (sudden, other):
        outlet.announce(one, "home")
    await turns()
    await asyncio.gather(*closing)
    asked = other.asked
    outlet.announce(other, "home")
    await turns()
    assert wire.got[-1] == f"closed {int(Close.RESTART)}"
    assert other.asked == asked
