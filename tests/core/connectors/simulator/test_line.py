"""Faults, seen from the connector's owner."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator import DeviceFault
from core.connectors.simulator.line import Line
from core.domain.devices import State
from core.domain.ports import Declined, Offline, Report
from tests.core.connectors.simulator.house import House


@given(st.lists(st.sampled_from(DeviceFault), max_size=30))
def test_a_line_loses_nothing(faults: list[DeviceFault]) -> None:
    """Whatever the faults, every report comes out, and none two places late."""
    line, out = Line(), list[int]()
    for number, fault in enumerate(faults):
        line.fault = fault
        out += [report.order for report in line.carry(Report("a", number))]
    out += [report.order for report in line.release()]
    assert sorted(set(out)) == list(range(len(faults)))


async def test_offline_is_reported_and_so_is_its_end() -> None:
    """While offline nothing is taken; back online the device tells everything."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.OFFLINE, 60)
        assert await house.after(0) == [Report(lamp.id, 1, State(), online=False)]
        with pytest.raises(Offline, match="does not answer"):
            await house.send(lamp, State(on=True))
        with pytest.raises(Offline):
            await house.read(lamp)
        house.press(lamp, State(on=True))
        assert await house.after(50) == []
        back = Report(lamp.id, 2, State(on=True, brightness=60), online=True)
        assert await house.after(20) == [back]


async def test_a_device_that_goes_offline_stops_where_it_is() -> None:
    """A command that is on its way to it fails, a ramp ends, and the end is told afterwards."""
    async with House() as house:
        lamp = await house.add("lamp")
        await house.send(lamp, State(brightness=100))
        await house.after(0.2)
        sending = asyncio.ensure_future(house.simulator.send(lamp.id, State(brightness=0), 1))
        await asyncio.sleep(0)
        house.fault(lamp, DeviceFault.OFFLINE)
        await house.after(5)
        with pytest.raises(Offline):
            await sending
        house.fault(lamp, DeviceFault.NONE)
        (heard,) = await house.after(5)
    assert heard == Report(lamp.id, 4, State(on=True, brightness=80), online=True)


async def test_a_device_stored_offline_stays_so_for_a_while() -> None:
    """A restart makes nothing reachable."""
    async with House() as house:
        lamp = await house.add("lamp")
        gone = replace(lamp, id="device_2", online=False)
        await house.simulator.adopt(gone)
        assert await house.after(29) == []
        assert await house.after(2) == [Report(gone.id, 1, lamp.state, online=True)]


async def test_a_slow_device_takes_seconds() -> None:
    """Acknowledgement and effect come late, together."""
    async with House() as house:
        switch = await house.add("switch")
        house.fault(switch, DeviceFault.SLOW)
        sending = asyncio.ensure_future(house.simulator.send(switch.id, State(on=True), 1))
        assert await house.after(2.9) == []
        assert not sending.done()
        assert len(await house.after(3.2)) == 1
        await sending


async def test_a_refusing_device_says_so() -> None:
    """It declines in a sentence and stays as it is; reading it works."""
    async with House() as house:
        switch = await house.add("switch")
        house.fault(switch, DeviceFault.REFUSE, 5)
        with pytest.raises(Declined, match=r"^The device refused: .*\.$"):
            await house.send(switch, State(on=True))
        await house.read(switch)
        assert await house.after(5) == [Report(switch.id, 1, State(on=False))]
        await house.send(switch, State(on=True))


async def test_a_wrong_device_acknowledges_and_does_something_else() -> None:
    """It settles, on another value."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.WRONG_STATE)
        await house.send(lamp, State(brightness=80))
        heard = await house.after(1)
    assert heard[-1].settled
    assert heard[-1].state.brightness == 90


async def test_a_doubling_device_says_everything_twice() -> None:
    """Both copies carry the same order."""
    async with House() as house:
        switch = await house.add("switch")
        house.fault(switch, DeviceFault.DUPLICATE)
        await house.send(switch, State(on=True))
        assert await house.after(1) == [Report(switch.id, 1, State(on=True))] * 2


async def test_reports_overtake_each_other() -> None:
    """Pairs arrive swapped, each report tells everything, and a last one comes alone but late."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.OUT_OF_ORDER)
        await house.send(lamp, State(brightness=100))
        house.fault(lamp, DeviceFault.OUT_OF_ORDER)
        heard = await house.after(0.5)
        assert [report.order for report in heard] == [2, 1, 4, 3]
        assert heard[2] == Report(lamp.id, 4, State(on=True, brightness=100))
        house.press(lamp, State(on=False))
        assert await house.after(0.9) == []
        assert await house.after(0.2) == [Report(lamp.id, 5, State(on=False, brightness=100))]


async def test_a_later_fault_is_not_ended_by_an_earlier_one() -> None:
    """Each injection ends when it said, whatever was before."""
    async with House() as house:
        lamp = await house.add("lamp")
        house.fault(lamp, DeviceFault.OFFLINE, 10)
        await house.after(5)
        house.fault(lamp, DeviceFault.OFFLINE, 10)
        assert await house.after(9) == []
        (heard,) = await house.after(2)
    assert heard.online is True


async def test_an_out_of_order_device_is_silent_without_news() -> None:
    """Saying everything is for when there is something to say."""
    async with House() as house:
        switch = await house.add("switch")
        house.fault(switch, DeviceFault.OUT_OF_ORDER)
        await house.send(switch, State(on=False))
        assert await house.after(5) == []
