"""A served house in hard times: storms, dead lines, access taken back, wrong clocks."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import pytest

from app.address import bound
from app.compose import House
from app.server import listening
from core.domain.grants import Share
from tests.chaos.proxies import proxied
from tests.chaos.sockets import connect
from tests.chaos.subscribers import Subscriber, gathered, until
from tests.chaos.village import Partner, Village, Voices, settle
from tests.conftest import Run
from tests.core.services.estate import SCOPES, LeapClock

SOON: Final = 2.0
FAST: Final = 10_000.0
"""Reports a second: as many as there can be."""
WATCH: Final = """subscription($after: String) {
  events(after: $after) {
    id home { id }
    ... on DeviceStatusChanged { device { id name state { on brightness } } changed }
    ... on DeviceAvailabilityChanged { device { id name } }
  }
}"""


@dataclass(frozen=True)
class Place:
    """A served house, another process's house on the same database, and a village."""

    house: House
    other: House
    port: int
    village: Village
    voices: Voices
    clock: LeapClock

    @property
    def partner(self) -> Partner:
        """Who sees the most homes."""
        return self.village.partners[-1]

    @property
    def start(self) -> str:
        """Their cursor of the beginning."""
        return self.village.start(self.partner)

    async def watching(
        self, after: str | None = None, token: str = "", holds: int | None = None
    ) -> Subscriber:
        """A subscriber to all that the partner sees."""
        token = token or self.partner.token
        return await Subscriber.begun(self.port, token, WATCH, after=after, holds=holds)

    async def speak(self, reports: int, rate: float = FAST) -> None:
        """Let the partner's devices report, through either house."""
        await self.voices.speak(self.partner.devices, reports, rate, 8)

    async def logs(self) -> dict[str, list[str]]:
        """The ids of the events of the partner's homes since the beginning, in order."""
        logs = await self.village.logs()
        return {home_id: [one.id for one in logs[home_id]] for home_id in self.partner.homes}

    async def complete(self, subscribers: Sequence[Subscriber]) -> None:
        """Each gets all of the logs, in order, and nothing twice."""
        logs = await self.logs()
        assert sum(map(len, logs.values())) == self.voices.told
        await gathered(subscribers, lambda one: len(one.events) >= self.voices.told)
        for one in subscribers:
            assert {home_id: one.seen(home_id) for home_id in logs} == logs
            assert one.others == []

    @property
    def listeners(self) -> int:
        """How many listen to the partner's homes in the served house."""
        tails = self.house.feed._tails  # noqa: SLF001 - a leak shows nowhere else
        return sum(len(tails[home].listeners) for home in self.partner.homes if home in tails)

    def token(self, seconds: int) -> str:
        """A token of the partner's grant."""
        return self.house.tokens.issue(self.partner.grant, SCOPES, seconds)


@pytest.fixture
def clock() -> LeapClock:
    """The wall clock of the served house."""
    return LeapClock()


@pytest.fixture
def beat() -> float:
    """Seconds between heartbeats; a peer that is slow, as all are here at times, must keep up."""
    return 3


@pytest.fixture
async def place(
    sqlite_url: str, run_house: Run, clock: LeapClock, beat: float
) -> AsyncIterator[Place]:
    """Four homes; the partner of these tests has three of them."""
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        more: dict[str, Any] = {"public_url": f"http://127.0.0.1:{port}", "heartbeat_seconds": beat}
        async with (
            run_house(sqlite_url, clock, socket_messages=100_000, **more) as house,
            listening(house, listener),
            run_house(sqlite_url, **more) as other,
        ):
            village = await settle(house, 4)
            voices = Voices((house, other), Random(4))
            yield Place(house, other, port, village, voices, clock)


async def test_what_happens_during_subscribe(place: Place) -> None:
    """Whoever subscribes with a cursor gets all that came after it once, whenever it was written.

    Some begin at the beginning, some where another one is.
    """
    random, subscribers = Random(1), [await place.watching(place.start)]
    writing = asyncio.create_task(place.speak(600, 300))
    for _ in range(16):
        await asyncio.sleep(random.uniform(0, 0.2))
        subscribers.append(random.choice(subscribers).copy())
        await subscribers[-1].go_on(place.port, place.partner.token, WATCH)
    await writing
    await place.complete(subscribers)
    for one in subscribers:
        one.socket.vanish()


async def test_a_storm_of_subscriptions(place: Place) -> None:
    """Begun and ended at once, under few ids: nothing is left of them, and nobody else suffers."""
    witness, stormy = await place.watching(place.start), await place.watching(place.start)
    await place.speak(8)
    await gathered([witness, stormy], lambda one: len(one.events) >= place.voices.told)
    before = place.listeners, len(asyncio.all_tasks())
    writing = asyncio.create_task(place.speak(300, 150))
    for number in range(1_200):
        key = f"{number % 40 + 2}"
        stormy.socket.subscribe(WATCH, key, after=place.start if number % 3 else None)
        if number % 7:
            await asyncio.sleep(0)
        stormy.socket.send({"type": "complete", "id": key})
    for number in range(60):
        guest = await connect(place.port, place.partner.token, lambda _: None)
        guest.subscribe(WATCH, after=place.start)
        if number % 2:
            await asyncio.sleep(0)
        guest.vanish()
    await writing
    await place.complete([witness])
    await until(lambda: (place.listeners, len(asyncio.all_tasks())) == before)
    assert not stormy.socket.ended.done()
    for one in (witness, stormy):
        one.socket.vanish()


@pytest.mark.parametrize("beat", [0.5])
async def test_a_dead_line(place: Place, beat: float) -> None:
    """A peer that is gone without a word is let go after two heartbeats, and resumes elsewhere."""
    before = place.listeners
    async with proxied(place.port) as proxy:
        lost = await Subscriber.begun(proxy.port, place.partner.token, WATCH, after=place.start)
        await place.speak(40)
        await until(lambda: lost.pings > 0)
        proxy.dead = True
        begun = time.monotonic()
        writing = asyncio.create_task(place.speak(200, 200))
        await until(lambda: place.listeners == before)
        assert time.monotonic() - begun < 4 * beat + SOON
        assert not lost.socket.ended.done()
        lost.socket.vanish()
    await lost.go_on(place.port, place.partner.token, WATCH)
    await writing
    await place.complete([lost])
    lost.socket.vanish()


@pytest.fixture
async def replaying(place: Place) -> AsyncIterator[list[Subscriber]]:
    """Some in the middle of a replay: they have begun to read, and read nothing now."""
    await place.speak(1_200)
    readers = []
    for _ in range(3):
        one = await place.watching(place.start, holds=4_096)
        one.socket.stop_reading()
        readers.append(one)
    await until(lambda: all(one.events or one.socket.unread for one in readers))
    await asyncio.sleep(0.5)
    yield readers
    for one in readers:
        one.socket.vanish()


async def test_a_grant_is_narrowed_during_a_replay(
    place: Place, replaying: list[Subscriber]
) -> None:
    """Nothing more comes of a device that is gone than was on its way; what is left is whole."""
    kept = place.partner.devices[-1]
    shares = [Share(kept.home.id, device_id=kept.id)]
    await place.other.services.grants.amend(place.partner.grant, SCOPES, shares)
    await asyncio.sleep(SOON)
    await place.speak(60)
    for one in replaying:
        one.socket.read_on()
    log = (await place.village.logs())[kept.home.id]
    due = [event.id for event in log if event.device is not None and event.device.id == kept.id]
    await gathered(replaying, lambda one: len(one.of(kept.id)) >= len(due))
    for one in replaying:
        assert one.of(kept.id) == due
        assert len(one.events) - len(due) < place.voices.told / 2
        assert {event.device for event in one.events[-len(due) // 2 :]} == {kept.id}


async def test_a_grant_is_revoked_during_a_replay(
    place: Place, replaying: list[Subscriber]
) -> None:
    """Within two seconds the socket is closed, for good (4401), and the replay is over."""
    await place.house.services.grants.revoke(place.partner.grant)
    for one in replaying:
        one.socket.read_on()
    async with asyncio.timeout(SOON):
        assert {(await one.end()).code for one in replaying} == {4401}
    assert all(0 < len(one.events) < place.voices.told / 2 for one in replaying)
    await until(lambda: place.listeners == 0)


@pytest.mark.parametrize("beat", [0.5])
async def test_a_clock_that_was_wrong(place: Place, clock: LeapClock) -> None:
    """Set forth and back, within a token's life: nothing ends, and nothing is shown twice or not.

    Events are told by the clock, and kept in the order in which they happened.
    """
    live = await place.watching(place.start)
    for leap in (-5_000, 4_000, -3_000, 8_000, -4_000):
        clock.leap(leap)
        await place.speak(40, 200)
    replay = await place.watching(place.start)
    await place.complete([live, replay])
    pings = live.pings
    await gathered([live], lambda one: one.pings > pings + 1)
    for one in (live, replay):
        one.socket.vanish()


async def test_a_clock_that_goes_past_the_end_of_a_token(place: Place, clock: LeapClock) -> None:
    """Nothing is shown from then on, and whoever would be shown something is closed (4403)."""
    hasty = await place.watching(place.start, place.token(600))
    steady = await place.watching(place.start)
    await place.speak(20)
    await place.complete([hasty, steady])
    clock.leap(601)
    await place.speak(20)
    assert (await hasty.end()).code == 4403
    assert len(hasty.events) < place.voices.told
    await place.complete([steady])
    steady.socket.vanish()


async def test_a_clock_set_back_keeps_no_token_for_ever(place: Place, clock: LeapClock) -> None:
    """A token lives as long as the clock says; once that is right again, nothing more is shown."""
    reader = await place.watching(place.start, place.token(3))
    clock.leap(-3_600)
    await asyncio.sleep(3.2)
    await place.speak(20)
    await place.complete([reader])
    clock.leap(3_600)
    await place.speak(20)
    assert (await reader.end()).code == 4403
    assert len(reader.events) < place.voices.told
