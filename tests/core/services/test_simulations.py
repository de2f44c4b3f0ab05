"""Simulations, from the partner's wish to what the device then says; on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.compose import House
from core.domain.accounts import Viewer
from core.domain.devices import GUARDED, Color, Device, State
from core.domain.errors import Invalid, Limited, Missing, Refused, Unavailable
from core.domain.events import EventType
from core.domain.grants import Scope, Share
from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from core.services import simulations as room
from core.services.orders import Order
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, settle, viewer_of

PLAN = "simulator://maple?still=1"
DEVICES = "simulator://?latency=0.001&still=1"


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A simulated home that this process runs."""
    async with run_house(database_url, devices_url=DEVICES) as house:
        assert house.runner is not None
        made = await settle(house, (), url=PLAN)
        yield replace(made, devices=tuple(await house.runner.adopt(made.home, PLAN)))
        assert house.dead == []


def at(estate: Estate, address: str) -> Device:
    """The device at an address."""
    return next(one for one in estate.devices if one.address.startswith(address))


async def simulate(estate: Estate, device: Device, **what: object) -> Device:
    """Let something happen at a device; the device as it is stored right after."""
    simulation = Simulation(device.id, **what)  # type: ignore[arg-type]  # the test's own words
    await estate.house.services.simulations.simulate(estate.viewer, device, simulation)
    return await estate.now(device)


async def test_what_happens_is_stored_before_the_answer(estate: Estate) -> None:
    """Whoever asked reads it at once; the log tells it as any change, caused by no command."""
    sensor = at(estate, "hallway-motion")
    assert (await simulate(estate, sensor, report=State(motion=True))).state.motion is True
    event = (await estate.events(EventType.DEVICE_STATUS_CHANGED))[-1]
    assert (event.changed, event.caused_by) == (("motion",), ())
    assert event.device is not None
    assert event.device.id == sensor.id


async def test_a_device_is_cut_off_and_put_back(estate: Estate) -> None:
    """It stays away until it is put back, and what was pressed meanwhile is told then."""
    lamp = at(estate, "living-room-lamp")
    assert (await simulate(estate, lamp, online=False)).online is False
    assert (await simulate(estate, lamp, report=State(on=True))).state.on is False
    command = await estate.ask(lamp, brightness=3)
    assert command.status.value == "REJECTED"
    back = await simulate(estate, lamp, online=True)
    assert (back.online, back.state.on) == (True, True)


async def test_a_fault_makes_commands_fail(estate: Estate) -> None:
    """REFUSE ends them REJECTED; NONE heals it."""
    lamp = at(estate, "living-room-lamp")
    await simulate(estate, lamp, fault=DeviceFault.REFUSE)
    control = estate.house.services.commands.control
    order = dimmed(lamp)
    assert (await control(estate.viewer, lamp, order, 5_000)).status.value == "REJECTED"
    await simulate(estate, lamp, fault=DeviceFault.NONE)
    assert (await control(estate.viewer, lamp, order, 5_000)).status.value == "CONFIRMED"


async def test_things_happen_in_the_order_in_which_they_were_asked(estate: Estate) -> None:
    """Asked one after the other, without waiting for the answers."""
    lamp, wish = at(estate, "living-room-lamp"), estate.house.services.simulations.simulate
    tasks = []
    for level in range(1, 21):
        simulation = Simulation(lamp.id, State(on=True, brightness=level))
        tasks.append(asyncio.create_task(wish(estate.viewer, lamp, simulation)))
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert (await estate.now(lamp)).state.brightness == 20
    told = [event.device for event in await estate.events(EventType.DEVICE_STATUS_CHANGED)]
    levels = [one.state.brightness for one in told if one is not None]
    assert levels == sorted(levels, key=lambda level: level or 0)


async def test_a_time_that_stands_still(estate: Estate) -> None:
    """What stands still confirms nothing; once time goes on, it does."""
    lamp, services = at(estate, "living-room-lamp"), estate.house.services
    stopped = await services.simulations.pace(estate.viewer, estate.home, Pacing(estate.home.id, 0))
    assert stopped.speed == 0
    command = await estate.ask(lamp, brightness=7)
    await asyncio.sleep(0.5)
    assert (await estate.command(command)).open
    await services.simulations.pace(estate.viewer, estate.home, Pacing(estate.home.id, 1, 5))
    async with asyncio.timeout(5), services.commands.endings({estate.home.id}) as endings:
        (ended,) = await endings.wait([await estate.command(command)], 5)
    assert ended.status.value == "CONFIRMED"


async def test_a_process_without_devices_may_be_asked(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """The one that runs them does it, and answers across."""
    sensor = at(estate, "hallway-motion")
    async with run_house(database_url) as other:
        viewer = viewer_of(other, estate.grant)
        wish = other.services.simulations
        await wish.simulate(viewer, sensor, Simulation(sensor.id, State(motion=True)))
        assert (await other.device(sensor.id)).state.motion is True
        time = await wish.pace(viewer, estate.home, Pacing(estate.home.id, 10))
        assert time.speed == 10


async def test_nobody_runs_the_home(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker is told so, after a while."""
    monkeypatch.setattr(room, "PATIENCE", 0.3)
    async with run_house(database_url) as house:
        estate = await settle(house, url=PLAN)
        with pytest.raises(Unavailable, match="it did not happen"):
            await simulate(estate, estate.lamp, report=State(on=True))
        assert await house.services.simulations.take({estate.home.id}) == ()


async def test_one_who_took_it_up_and_died(
    database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker is told that nobody knows; and it does not happen a second time."""
    monkeypatch.setattr(room, "PATIENCE", 0.3)
    monkeypatch.setattr(room, "MORE", 0.3)
    async with run_house(database_url) as house:
        estate = await settle(house, url=PLAN)
        task = asyncio.create_task(simulate(estate, estate.lamp, report=State(on=True)))

        async def taken() -> bool:
            return bool(await house.services.simulations.take({estate.home.id}))

        await eventually(taken)
        with pytest.raises(Unavailable, match="does not say whether it happened"):
            await task
        assert await house.services.simulations.take({estate.home.id}) == ()


async def test_a_device_that_went_meanwhile(estate: Estate) -> None:
    """It is missing, not a mistake of the asker."""
    lamp = at(estate, "living-room-lamp")
    await estate.house.services.devices.remove(lamp)
    await asyncio.sleep(0.1)
    with pytest.raises(Missing):
        await estate.house.services.simulations.simulate(
            estate.viewer, lamp, Simulation(lamp.id, State(on=True))
        )


async def test_a_cut_lasts_beside_any_fault(estate: Estate) -> None:
    """A fault that begins and ends meanwhile does not put the device back."""
    lamp = at(estate, "living-room-lamp")
    await simulate(estate, lamp, online=False)
    assert (await simulate(estate, lamp, fault=DeviceFault.DUPLICATE)).online is False
    assert (await simulate(estate, lamp, fault=DeviceFault.NONE)).online is False
    assert (await simulate(estate, lamp, online=True)).online is True


async def test_nothing_is_played_twice_however_much_is_asked(estate: Estate) -> None:
    """More than may wait is refused at once; the rest happens once each, and is answered."""
    home, wish = estate.home, estate.house.services.simulations
    start = (await wish.pace(estate.viewer, home, Pacing(home.id, 0))).now
    asked = [wish.pace(estate.viewer, home, Pacing(home.id, None, 60)) for _ in range(300)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    done = [one for one in answers if isinstance(one, HomeTime)]
    assert {type(one) for one in answers} <= {HomeTime, Limited}
    now = (await wish.pace(estate.viewer, home, Pacing(home.id))).now
    assert len(done) * timedelta(seconds=60) == now - start
    assert done


async def test_a_real_home_is_left_alone(house: House) -> None:
    """Only what is simulated can be made to do things."""
    estate = await settle(house, url="mqtt://broker")
    with pytest.raises(Invalid, match="is a real home") as refused:
        await simulate(estate, estate.lamp, report=State(on=True))
    assert refused.value.field == "deviceId"


async def test_what_the_device_cannot_say(estate: Estate) -> None:
    """An attribute that it lacks, and a value out of range, name their field."""
    lamp = at(estate, "living-room-lamp")
    with pytest.raises(Invalid) as refused:
        await simulate(estate, lamp, report=State(color=Color(1, 1)))
    assert refused.value.field == "report.color"
    with pytest.raises(Invalid) as refused:
        await simulate(estate, lamp, report=State(brightness=-1))
    assert refused.value.field == "report.brightness"


async def narrowed(estate: Estate, *scopes: Scope, devices: tuple[Device, ...] = ()) -> Viewer:
    """Another client of the same user, with these scopes and only these devices."""
    accounts, grants = estate.house.services.accounts, estate.house.services.grants
    client = await accounts.create_client("Narrow")
    shares = [Share(estate.home.id, device_id=one.id) for one in devices]
    shares = shares or [Share(estate.home.id)]
    return viewer_of(estate.house, await grants.give(estate.user.id, client.id, scopes, shares))


async def test_who_may_not(estate: Estate) -> None:
    """Without the scope, without the device, and for time without the whole home."""
    lamp, lock = at(estate, "living-room-lamp"), at(estate, "front-door")
    simulations, home = estate.house.services.simulations, estate.home
    press = Simulation(lamp.id, State(on=True))
    with pytest.raises(Refused, match="sandbox:control"):
        await simulations.simulate(await narrowed(estate, Scope.DEVICES_READ), lamp, press)
    part = await narrowed(estate, *Scope, devices=(lock,))
    with pytest.raises(Missing):
        await simulations.simulate(part, lamp, press)
    with pytest.raises(Refused, match="whole home"):
        await simulations.pace(part, home, Pacing(home.id, 2))
    assert (await simulations.pace(estate.viewer, home, Pacing(home.id))).speed == 1


async def test_time_is_for_who_sees_every_lock(estate: Estate) -> None:
    """A home shared but for its locks is whole once each of them is shared too."""
    services, home = estate.house.services, estate.home
    client = await services.accounts.create_client("Careful")
    lines = [Share(home.id, locks=False)]
    grant = await services.grants.give(estate.user.id, client.id, [*Scope], lines)
    with pytest.raises(Refused, match="each of its locks"):
        await services.simulations.pace(viewer_of(estate.house, grant), home, Pacing(home.id))
    guarded = [one for one in await estate.house.devices_of(home.id) if one.kind in GUARDED]
    lines += [Share(home.id, device_id=one.id) for one in guarded]
    viewer = viewer_of(estate.house, await services.grants.amend(grant, [*Scope], lines))
    assert (await services.simulations.pace(viewer, home, Pacing(home.id))).speed == 1


async def test_who_gives_up_leaves_nothing_behind(estate: Estate) -> None:
    """A cancelled asker is forgotten, and the home goes on."""
    lamp: Device = at(estate, "living-room-lamp")
    simulations = estate.house.services.simulations
    task = asyncio.create_task(simulate(estate, lamp, report=State(on=True)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert simulations._waiters == {}  # noqa: SLF001 - that nothing is left is the point
    assert (await simulate(estate, lamp, report=State(on=True))).state.on is True


def dimmed(lamp: Device) -> Order:
    """An order for a brightness that the lamp does not have."""
    return Order(lamp.id, State(brightness=(lamp.state.brightness or 0) // 2 + 1))
