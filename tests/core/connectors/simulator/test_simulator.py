"""The connector as its owner sees it: commands, reports, restarts."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any

import pytest

from core.connectors.simulator import DeviceFault, Simulator
from core.domain.devices import State
from core.domain.errors import Invalid, Missing
from core.domain.ports import Connector, Declined, Offline, Report
from core.domain.sandbox import Pacing, Simulation
from tests.core.connectors.simulator.house import House, found
from tests.fakes import HOME, FakeClock, stored, turns


async def test_a_house_is_discovered_adopted_and_read() -> None:
    """Every device of a plan tells its whole state when it is read."""
    async with House() as house:
        connector: Connector = house.simulator
        finds = await connector.discover(HOME, "simulator://maple")
        for number, find in enumerate(finds):
            device = stored(find, number)
            await connector.adopt(device)
            await house.read(device)
        heard = await house.after(0)
    assert heard == [Report(f"device_{n}", 1, find.state) for n, find in enumerate(finds)]


async def test_a_lamp_ramps_to_what_it_is_asked() -> None:
    """The acknowledgement comes after the latency; the ramp in unsettled reports, then the end."""
    async with House() as house:
        lamp = await house.add("lamp", order=41)
        await house.send(lamp, State(on=True, brightness=100))
        assert 0.01 <= house.clock.monotonic() <= 0.03
        assert house.heard == []
        heard = await house.after(1)
        assert house.simulator.latest(lamp.id) == 45
    assert [report.order for report in heard] == [42, 43, 44, 45]
    assert [report.settled for report in heard] == [False, False, False, True]
    assert [report.state.brightness for report in heard] == [70, 80, 90, 100]
    assert heard[-1].state == State(on=True, brightness=100)


async def test_a_read_tells_where_a_lamp_is_now() -> None:
    """On the way a read is unsettled and of this moment; the end is then told whole, once."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(brightness=100))
        began = house.clock.monotonic()
        await house.after(0.21)
        await house.read(lamp)
        share = (house.clock.monotonic() - began) / 0.4
        read, *_, last = await house.after(1)
    assert read == Report(
        lamp.id, 3, State(on=True, brightness=round(60 + 40 * share)), settled=False
    )
    assert last == Report(lamp.id, 5, State(on=True, brightness=100))


async def test_asking_again_on_the_way_says_nothing_twice() -> None:
    """A repeated command goes along with the ramp that is under way."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(brightness=100))
        await house.send(lamp, State(on=True, brightness=100))
        heard = await house.after(1)
    assert [report.settled for report in heard][-1]
    assert heard[-1].state == State(on=True, brightness=100)
    assert len(heard) <= 5


async def test_a_switch_reports_before_it_acknowledges() -> None:
    """A change at once is reported by the time that the sender goes on."""
    async with House() as house:
        switch = await house.add("switch")
        await house.send(switch, State(on=True))
        assert house.simulator.latest(switch.id) == 1
        assert await house.after(1) == [Report(switch.id, 1, State(on=True))]


async def test_a_device_that_is_there_already_reports_nothing() -> None:
    """A command without effect is acknowledged; a read then brings the settled report."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(on=False))
        assert await house.after(1) == []
        await house.read(lamp)
        assert await house.after(0) == [Report(lamp.id, 1, State(on=False, brightness=60))]


async def test_a_lock_takes_a_second() -> None:
    """Nothing is said while the bolt moves."""
    async with House() as house:
        lock = await house.add("lock")
        await house.send(lock, State(locked=False))
        assert await house.after(0.99) == []
        (heard,) = await house.after(0.02)
    assert heard.state.locked is False
    assert heard.settled


async def test_a_thermostat_takes_its_target_at_once() -> None:
    """Only the room needs time."""
    async with House() as house:
        thermostat = await house.add("thermostat")
        await house.send(thermostat, State(target_temperature=23.5))
        assert await house.after(600) == [Report(thermostat.id, 1, State(target_temperature=23.5))]


async def test_a_room_warms_up() -> None:
    """Reports by itself are of one tenth or more, and five seconds or more apart."""
    async with House(lively=True) as house:
        thermostat = await house.add("thermostat", address="living-room-thermostat")
        await house.send(thermostat, State(target_temperature=25.0))
        await house.after(0)
        before = thermostat.state.temperature or 0.0
        for _ in range(100):
            heard = await house.after(4.9)
            assert len(heard) <= 1
            for report in heard:
                temperature = report.state.temperature or 0.0
                assert report.state == State(temperature=temperature)
                assert temperature >= before + 0.09
                before = temperature
    assert before > 23


async def test_commands_of_one_device_do_not_overtake_each_other() -> None:
    """However the latency varies, the last command wins."""
    async with House() as house:
        lamp = await house.add("switch")
        sends = [house.simulator.send(lamp.id, State(on=n % 2 == 0), 1) for n in range(51)]
        await house.clock.finish(_all(sends))
        heard = await house.after(1)
    assert [report.state.on for report in heard] == [n % 2 == 0 for n in range(51)]


async def _all(sends: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*sends)


async def test_a_sender_who_gives_up_has_not_stopped_the_device() -> None:
    """A command on its way arrives, whoever still waits for it."""
    async with House() as house:
        switch = await house.add("switch")
        sending = asyncio.ensure_future(house.simulator.send(switch.id, State(on=True), 1))
        await turns()
        sending.cancel()
        assert await house.after(1) == [Report(switch.id, 1, State(on=True))]


@pytest.mark.parametrize(
    ("product", "asked"),
    [
        ("switch", State(brightness=4)),
        ("contact", State(contact=False)),
        ("lamp", State(on=True, locked=True)),
    ],
)
async def test_a_device_declines_what_it_cannot_do(product: str, asked: State) -> None:
    """What the device lacks or only measures is refused whole, with a sentence."""
    async with House() as house:
        device = await house.add(product)
        with pytest.raises(Declined, match=r"^The device refused: it cannot be asked for \w+\.$"):
            await house.send(device, asked)
        assert await house.after(1) == []


async def test_hands_change_a_device_at_once() -> None:
    """A press is one settled report, of measured attributes too, and ends a ramp."""
    async with House() as house:
        lamp, sensor = await house.add("lamp"), await house.add("motion")
        await house.send(lamp, State(brightness=100))
        house.press(lamp, State(brightness=10))
        house.press(sensor, State(motion=True, battery=3))
        heard = await house.after(1)
    assert heard == [
        Report(lamp.id, 1, State(on=True, brightness=10)),
        Report(sensor.id, 1, State(motion=True, battery=3)),
    ]


async def test_a_hand_needs_something_to_touch() -> None:
    """Unknown devices and attributes are told apart."""
    async with House() as house:
        lamp = await house.add("lamp")
        with pytest.raises(Invalid, match=r"report\.targetTemperature: this device has none"):
            house.press(lamp, State(target_temperature=20))
        with pytest.raises(Missing, match="no device device_9"):
            house.press(replace(lamp, id="device_9"), State(on=True))
        with pytest.raises(Missing, match="no device in home home_9"):
            house.simulator.pace(Pacing("home_9", 0))


async def test_a_restart_goes_on_from_what_was_stored() -> None:
    """A ramp that a crash cut short stays where it was last reported; orders go on."""
    async with House() as house:
        lamp = await house.add("lamp", order=3)
        await house.send(lamp, State(brightness=100))
        first, last = await house.after(0.25)
    state = lamp.state.merged(first.state).merged(last.state)
    kept = replace(lamp, state=state, order=last.order)
    async with House() as house:
        await house.simulator.adopt(kept)
        assert await house.after(5) == []
        await house.read(kept)
        assert await house.after(0) == [Report(lamp.id, 6, State(on=True, brightness=80))]


async def test_adopting_again_never_repeats_an_order() -> None:
    """Whatever the store knows, a device's orders only grow."""
    async with House() as house:
        switch = await house.add("switch")
        await house.send(switch, State(on=True))
        await house.simulator.adopt(switch)
        await house.read(switch)
        assert [report.order for report in await house.after(0)] == [1, 2]


async def test_a_forgotten_device_is_silent() -> None:
    """Nothing more is reported of it; commands to it and on their way to it end as Offline."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(brightness=100))
        sending = asyncio.ensure_future(house.simulator.send(lamp.id, State(on=False), 1))
        await turns()
        await house.simulator.forget(lamp.id)
        assert await house.after(5) == []
        with pytest.raises(Offline):
            await sending
        with pytest.raises(Offline):
            await house.simulator.send(lamp.id, State(on=True), 1)
        assert house.simulator.latest(lamp.id) == 0


async def test_closing_ends_everything() -> None:
    """Waiting commands end, the reader ends after what was said, and no task stays."""
    simulator = Simulator(FakeClock(), 1)
    await simulator.adopt(stored(found("switch")))
    simulator.simulate(Simulation("device_1", report=State(on=True)))
    sending = asyncio.ensure_future(simulator.send("device_1", State(on=False), 1))
    await turns()
    await simulator.close()
    with pytest.raises(Offline):
        await sending
    with pytest.raises(Offline):
        await simulator.read("device_1")
    assert [report.order async for report in simulator.reports()] == [1]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_closed_simulator_may_be_closed_again() -> None:
    """Also one that never did anything."""
    simulator = Simulator(FakeClock(), 1)
    await simulator.close()
    await simulator.close()
    assert [report async for report in simulator.reports()] == []


async def test_a_thousand_still_devices_cost_nothing() -> None:
    """Adopting devices that change nothing by themselves starts no task and no timer."""
    async with House() as house:
        before = asyncio.all_tasks()
        for _ in range(1000):
            await house.add("thermostat")
        assert await house.after(3600) == []
        assert asyncio.all_tasks() == before
        assert house.clock.due() is None


async def test_a_bug_reaches_the_reader_and_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulator that fails says so, rather than going quiet."""
    house = House()
    switch = await house.add("switch")
    monkeypatch.setattr("core.connectors.simulator.world.wrong", lambda _: [].pop())
    house.fault(switch, DeviceFault.WRONG_STATE)
    with pytest.raises(IndexError):
        await house.send(switch, State(on=True))
    with pytest.raises(IndexError):
        await house.simulator.reports().__anext__()
    with pytest.raises(IndexError):
        await house.__aexit__()
