"""What somebody can make happen in a simulated home, and scripts of it."""

import asyncio

import pytest

from core.connectors.simulator.products import PRODUCTS
from core.domain.devices import TABLE, State
from core.domain.errors import Invalid, Missing
from core.domain.ports import Declined, Offline, Report, SendError
from core.domain.sandbox import MOST_STEPS, DeviceFault, Pacing, Sandbox, Simulation
from tests.core.connectors.simulator.house import House
from tests.fakes import HOME

ASKED = {
    "on": True,
    "brightness": 33,
    "position": 33,
    "fan_speed": 33,
    "color_temperature": 5000,
    "locked": False,
    "target_temperature": 17.0,
}


async def test_a_device_is_cut_off_until_it_is_put_back() -> None:
    """However long that is, and it then tells what was done to it meanwhile."""
    async with House() as house:
        lamp, sandbox = await house.add("lamp"), house.simulator
        assert isinstance(sandbox, Sandbox)
        assert sandbox.simulate(Simulation(lamp.id, online=False)) == 1
        assert sandbox.simulate(Simulation(lamp.id, report=State(on=True))) == 1
        assert await house.after(90_000) == [Report(lamp.id, 1, State(), online=False)]
        assert sandbox.simulate(Simulation(lamp.id, online=True, report=State(brightness=5))) == 3
        heard = await house.after(1)
    assert heard == [
        Report(lamp.id, 2, State(on=True, brightness=60), online=True),
        Report(lamp.id, 3, State(brightness=5)),
    ]


async def test_putting_back_what_is_there_changes_nothing() -> None:
    """Nor does it end another fault."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.REFUSE)
        assert house.simulator.simulate(Simulation(lamp.id, online=True)) == 0
        with pytest.raises(Declined):
            await house.send(lamp, State(on=True))


async def test_cutting_off_outlasts_an_outage() -> None:
    """`online: false` has no end, also where the device was to come back soon."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.OFFLINE, 10)
        house.simulator.simulate(Simulation(lamp.id, online=False))
        assert len(await house.after(3600)) == 1


async def test_reach_and_fault_come_before_the_report() -> None:
    """A device that comes back doubling says its new state twice."""
    async with House() as house:
        switch = await house.add("switch")
        house.simulator.simulate(Simulation(switch.id, online=False))
        await house.after(1)
        order = house.simulator.simulate(
            Simulation(switch.id, report=State(on=True), online=True, fault=DeviceFault.DUPLICATE)
        )
        heard = await house.after(1)
    assert order == 3
    assert [report.order for report in heard] == [2, 3, 3]


async def test_a_fault_ends_by_the_time_of_the_home() -> None:
    """A minute is over at once when it is stepped over."""
    async with House() as house:
        switch = await house.add("switch")
        house.fault(switch, DeviceFault.REFUSE, 60)
        house.pace(step=61)
        await house.quiet()
        await house.send(switch, State(on=True))


@pytest.mark.parametrize("fault", DeviceFault)
@pytest.mark.parametrize("product", sorted(PRODUCTS))
async def test_every_fault_can_befall_every_product(product: str, fault: DeviceFault) -> None:
    """It is commanded, pressed and read under the fault, healed, and then tells the truth."""
    async with House() as house:
        device = await house.add(product)
        house.fault(device, fault)
        values = {
            name: value
            for name, value in ASKED.items()
            if TABLE[name].capability in device.capabilities
        }
        outcome: SendError | None = None
        try:
            await house.send(device, State(**values))  # type: ignore[arg-type]  # each of its own type
        except SendError as error:
            outcome = error
        assert isinstance(outcome, Offline) is (fault is DeviceFault.OFFLINE)
        assert isinstance(outcome, Declined) is (fault is DeviceFault.REFUSE)
        await house.after(21)
        house.press(device, device.state)
        house.fault(device, DeviceFault.NONE)
        await house.after(2)
        await house.read(device)
        (heard,) = await house.after(0)
    assert heard.settled
    assert heard.state == device.state


async def test_a_script_happens_at_the_time_of_the_home() -> None:
    """In order of time, in steps and at any speed."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.simulator.script(
            HOME.id,
            [
                (20.0, Simulation(lamp.id, report=State(on=False))),
                (10.0, Simulation(lamp.id, report=State(on=True))),
                (30.0, Pacing(HOME.id, speed=0)),
                (31.0, Simulation(lamp.id, report=State(on=True))),
            ],
        )
        assert await house.after(9) == []
        assert [report.state.on for report in await house.after(2)] == [True]
        assert [report.state.on for report in await house.after(900)] == [False]
        house.pace(step=2)
        assert [report.state.on for report in await house.after(0)] == [True]


async def test_a_script_leaves_out_what_is_not_there() -> None:
    """A device that is gone when its time has come costs the rest nothing."""
    async with House() as house:
        lamp, lock = await house.add("lamp"), await house.add("lock")
        steps: list[tuple[float, Simulation | Pacing]] = [
            (1.0, Simulation("device_9", report=State(on=True))),
            (2.0, Simulation(lock.id, report=State(on=True))),
            (3.0, Pacing("home_9", speed=0)),
            (4.0, Simulation(lamp.id, report=State(on=True))),
        ]
        house.simulator.script(HOME.id, steps)
        assert [report.device_id for report in await house.after(5)] == [lamp.id]


async def test_a_script_that_can_never_happen_is_refused() -> None:
    """Before any of it happens."""
    async with House() as house:
        lamp = await house.add("lamp")
        fine = (1.0, Simulation(lamp.id, report=State(on=True)))
        wrongs: list[list[tuple[float, Simulation | Pacing]]] = [
            [fine, (-1.0, fine[1])],
            [fine, (1.0, Simulation(lamp.id))],
            [fine, (1.0, Pacing(HOME.id, speed=101))],
            [fine] * (MOST_STEPS + 1),
        ]
        for wrong in wrongs:
            with pytest.raises(Invalid):
                house.simulator.script(HOME.id, wrong)
        with pytest.raises(Missing):
            house.simulator.script("home_9", [fine])
        assert await house.after(5) == []


async def test_a_home_ends_with_its_last_device() -> None:
    """Its time, its script and all that was due in it are gone; adopted again it begins anew."""
    async with House(lively=True) as house:
        lamp, lock = await house.add("motion"), await house.add("lock")
        house.simulator.script(HOME.id, [(50.0, Simulation(lock.id, report=State(locked=False)))])
        await house.simulator.forget(lamp.id)
        house.pace(speed=0)
        await house.simulator.forget(lock.id)
        with pytest.raises(Missing):
            house.pace(speed=1)
        assert len(house.simulator._scheduler) == 0  # noqa: SLF001 - nothing may be left
        await house.simulator.adopt(lock)
        assert house.pace(step=60).speed == 1
        assert await house.after(1) == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
