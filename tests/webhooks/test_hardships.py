"""What sending meets: poison, more endpoints than places, resuming amid a probe, a slow end."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import TCPConnector

from app.ending import Ending
from app.working import working
from core.domain.breaker import Breaker, BreakerState
from core.domain.devices import State
from core.domain.endpoints import Ordering
from core.domain.errors import Unavailable
from core.domain.ports import Report
from core.services.letters import Letters
from core.store import hooks
from core.store.endpoints import Endpoints
from core.store.sends import Sends
from core.store.tables import kept, notices
from core.store.tidying import Tidy
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, settle
from tests.core.services.repair import change, repairs, waiting
from tests.webhooks.conftest import HASTY
from tests.webhooks.partner import partner, told
from tests.webhooks.receivers import GONE
from webhooks import worker as workers
from webhooks.replies import Reply
from webhooks.sender import Sender


async def other_told(estate: Estate, count: int) -> None:
    """So many reports of the other lamp."""
    for number in range(1, count + 1):
        await estate.take(Report(estate.devices[1].id, number, State(brightness=number)))


async def test_a_delivery_that_cannot_be_written_keeps_no_other(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends as FAILED, which says that the fault is ours."""
    write, poison = Letters.write, set[str]()

    def broken(self: Letters, *given: Any, **more: Any) -> Any:
        if given[3].id in poison:
            raise KeyError("poison")
        return write(self, *given, **more)

    monkeypatch.setattr(Letters, "write", broken)
    async with partner(estate) as ours:
        poison.add((await told(estate, 1))[0].id)
        await other_told(estate, 5)
        async with working(estate.house):
            await eventually(lambda: ours.statuses_are({"FAILED": 1, "DELIVERED": 5}))
        (lost,) = [one for one in await ours.deliveries() if one.reason]
        assert "defect of ours" in (lost.reason or "")


async def test_endpoints_take_turns(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them have something to be sent than one worker sends to at a time."""
    monkeypatch.setattr(workers, "ENDPOINTS", 1)
    monkeypatch.setattr(workers, "TURN_SECONDS", 0.5)
    slow: dict[str, Any] = {"rate_limit": 2, "ordering": Ordering.UNORDERED}
    async with partner(estate, **slow) as one, partner(estate, **slow) as two:
        await told(estate, 30)
        async with working(estate.house):
            await eventually(lambda: min(len(one.got), len(two.got)) >= 2)


async def test_who_hangs_keeps_no_turn(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request is under way for long: the other place is given to those who wait meanwhile."""
    monkeypatch.setattr(workers, "ENDPOINTS", 2)
    monkeypatch.setattr(workers, "TURN_SECONDS", 0.3)
    slow: dict[str, Any] = {"rate_limit": 2, "ordering": Ordering.UNORDERED}
    ending = Ending()
    async with partner(estate) as hung, working(estate.house, ending=ending):
        hung.answers = lambda _: None
        await told(estate, 1)
        await eventually(lambda: bool(hung.got))
        async with partner(estate, **slow) as one, partner(estate, **slow) as two:
            await told(estate, 30, start=2)
            async with asyncio.timeout(10):  # less than that request may take
                await eventually(lambda: min(len(one.got), len(two.got)) >= 2)
            ending.set()
            ending.set()


@pytest.fixture
def on_its_way(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Tells when the first request is on its way, and is told when it is to fail."""
    send, begun, over = Sender.send, asyncio.Event(), asyncio.Event()

    async def slow(self: Sender, *given: Any) -> Reply | None:
        if not begun.is_set():
            begun.set()
            await over.wait()
            return Reply(500, 0.1, error="It said 500.")
        return await send(self, *given)

    monkeypatch.setattr(Sender, "send", slow)
    return begun, over


async def test_resuming_stands_whatever_the_probe_finds(
    estate: Estate, on_its_way: tuple[asyncio.Event, asyncio.Event]
) -> None:
    """The probe was under way then: its courier leaves, and does not put the endpoint off."""
    probing, resumed = on_its_way
    async with partner(estate) as ours, working(estate.house):
        down = Breaker(BreakerState.OPEN, trips=9, until=estate.house.clock.now())
        await change(estate.house, ours.id, breaker=hooks.breaker_out(down))
        await told(estate, 1)
        await probing.wait()
        await estate.house.services.endpoints.resume(estate.viewer, ours.id)
        resumed.set()
        await eventually(lambda: ours.statuses_are({"DELIVERED": 1}))


async def test_resuming_hurries_what_was_on_its_way(
    database_url: str, run_house: Run, on_its_way: tuple[asyncio.Event, asyncio.Event]
) -> None:
    """It fails after its receiver was repaired: it is tried again now, and not in five minutes."""
    begun, over = on_its_way
    slow = {**HASTY, "webhook_schedule": "300,300"}
    async with run_house(database_url, **slow) as house:
        estate = await settle(house)
        async with partner(estate) as ours, working(house):
            await told(estate, 1)
            await begun.wait()
            await house.services.endpoints.resume(estate.viewer, ours.id)
            over.set()
            await eventually(lambda: ours.statuses_are({"DELIVERED": 1}))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_hurried_end_waits_for_no_database(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent cannot be recorded: asked for a second time, the end does not wait for it."""
    away, ending, record = asyncio.Event(), Ending(), Sends.record

    async def broken(self: Sends, *given: Any) -> Any:
        if away.is_set():
            raise Unavailable("away")
        return await record(self, *given)

    monkeypatch.setattr(Sends, "record", broken)
    async with partner(estate) as ours:
        async with working(estate.house, ending=ending):
            away.set()
            await told(estate, 1)
            await eventually(lambda: len(ours.got) == 1)
            ending.set()
            ending.set()
            begun = time.monotonic()
        assert time.monotonic() - begun < 5
        away.clear()
        assert await ours.statuses() == {"PENDING": 1}


async def test_what_is_taken_back_while_dialling_does_not_go(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is judged again once there is a connection, which is kept for what may go."""
    connect, dialling, taken_back = TCPConnector.connect, asyncio.Event(), asyncio.Event()

    async def slow(self: TCPConnector, *given: Any) -> Any:
        connection = await connect(self, *given)
        dialling.set()
        await taken_back.wait()
        return connection

    monkeypatch.setattr(TCPConnector, "connect", slow)
    async with partner(estate) as ours, working(estate.house) as worker:
        await told(estate, 1)
        await dialling.wait()
        await estate.house.services.grants.revoke(estate.grant)
        taken_back.set()
        await eventually(lambda: ours.statuses_are({"CANCELLED": 1}))
        await eventually(lambda: worker.leased == 0)
        assert not ours.got


async def test_one_notice_tells_that_a_receiver_is_gone(estate: Estate) -> None:
    """However many requests were under way when it said so."""
    async with partner(estate, ordering=Ordering.UNORDERED) as ours:
        ours.answers = lambda _: GONE
        await told(estate, 6)
        async with working(estate.house):
            await eventually(lambda: bool(ours.got))
            await asyncio.sleep(0.5)
        assert len(await estate.house.database.rows(notices.select())) == 1


async def test_tidying_ends_though_an_endpoint_goes(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amid the ending of what waits for it its client deletes it."""
    held, made = await waiting(estate, 3)
    house, end = estate.house, Tidy.end
    values = {"home_id": estate.home.id, "place": made[-1].place, "since": made[0].since}
    async with house.database.write() as connection:
        await connection.execute(kept.insert().values(**values, due_at=0.0))

    async def deleting(self: Tidy, *given: Any) -> int:
        await Endpoints(house.database).delete(estate.client.id, held.endpoint.id)
        return await end(self, *given)

    monkeypatch.setattr(Tidy, "end", deleting)
    async with asyncio.timeout(10):
        await repairs(estate).tidying.look()
