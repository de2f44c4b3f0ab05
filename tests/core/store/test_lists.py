"""Filters in the store: the same devices as plain Python would choose, on both databases."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings, strategies as st

from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.grants import View
from core.domain.lists import DeviceFilter, DeviceOrder
from core.domain.ports import Found
from core.store.lists import Slice
from core.store.reads import Reads
from tests.core.services.estate import Estate, another_home

NAMES = (
    "Straße", "STRASSE 2", "strasse", "Äpfel", "äPFEL", "100 %", "1000", "a_b", "aXb", "a\\b",
    "a/b", "ab", "İstanbul", "Éclair", "e\u0301clair", "Σίσυφος", "ΣΊΣΥΦΟΣ", "", "'\"", "日本",
)  # fmt: skip
ABLE = (
    (Capability.ON_OFF,),
    (Capability.ON_OFF, Capability.BRIGHTNESS, Capability.COLOR),
    (Capability.COLOR_TEMPERATURE, Capability.TEMPERATURE),
    (Capability.TARGET_TEMPERATURE, Capability.BRIGHTNESS),
    (),
)
KINDS = (DeviceKind.LIGHT, DeviceKind.LOCK, DeviceKind.SENSOR)
HERE = (None, "Hall", "Study")


@dataclass(frozen=True, slots=True)
class Land:
    """Two homes whose devices differ in whatever can be asked for."""

    reads: Reads
    view: View
    devices: Sequence[Device]


@pytest.fixture
async def land(estate: Estate) -> Land:
    """The estate's home and a cabin."""
    cabin, devices = await another_home(estate), []
    for home in (estate.home, cabin):
        found = [
            Found(
                address=f"{at}",
                name=name,
                kind=KINDS[at % len(KINDS)],
                capabilities=ABLE[at % len(ABLE)],
                state=State(),
                online=at % 4 != 0,
                room=HERE[at % len(HERE)],
            )
            for at, name in enumerate(NAMES)
        ]
        await estate.house.services.devices.reconcile(home, found)
        devices += await estate.house.devices_of(home.id)
    homes = frozenset({estate.home.id, cabin.id})
    return Land(estate.house.reads, View(homes, frozenset(), frozenset(), homes), devices)


def matches(asked: DeviceFilter, device: Device) -> bool:
    """Whether all that is asked holds of the device, said as plainly as can be."""
    return (
        asked.home_id in {None, device.home.id}
        and (asked.room_id is None or (device.room is not None and device.room.id == asked.room_id))
        and (asked.kinds is None or device.kind in asked.kinds)
        and (asked.capabilities or frozenset()) <= set(device.capabilities)
        and asked.online in {None, device.online}
        and (asked.name or "").casefold() in device.name.casefold()
    )


pieces = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.integers(0, len(name)), st.integers(0, len(name))).map(
        lambda ends: name[min(ends) : max(ends)]
    )
)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
searches = st.one_of(pieces, pieces.map(str.upper), pieces.map(str.lower), texts, st.text("%_\\/"))


@settings(max_examples=settings().max_examples * 2)
@given(
    data=st.data(),
    kinds=st.none() | st.frozensets(st.sampled_from(DeviceKind), min_size=1, max_size=3),
    able=st.none() | st.frozensets(st.sampled_from(Capability), min_size=1, max_size=2),
    online=st.none() | st.booleans(),
    name=st.none() | searches,
)
async def test_a_filter_chooses_what_it_says(
    land: Land,
    data: st.DataObject,
    kinds: frozenset[DeviceKind] | None,
    able: frozenset[Capability] | None,
    online: bool | None,  # noqa: FBT001
    name: str | None,
) -> None:
    """Home, room, kinds, capabilities, reachability and name together, listed and counted."""
    one = data.draw(st.sampled_from(land.devices))
    home_id = data.draw(st.sampled_from([None, one.home.id]))
    room_id = data.draw(st.sampled_from([None, one.room.id if one.room else None]))
    asked = DeviceFilter(home_id, room_id, kinds, able, online, name)
    order = data.draw(st.sampled_from(DeviceOrder))
    expected = {device.id for device in land.devices if matches(asked, device)}
    found = await land.reads.devices(land.view, Slice(100), order, [asked])
    assert {device.id for device in found} == expected
    assert len(found) == await land.reads.count_devices(land.view, [asked]) == len(expected)


@settings(max_examples=settings().max_examples * 2)
@example("%")
@example("_")
@example("\\")
@example("/")
@example("ÄPFEL")
@example("ss")
@example("ς")
@given(searches)
async def test_a_name_is_searched_as_it_is_written(land: Land, name: str) -> None:
    """Each character for itself, and case as Unicode folds it, the same on both databases."""
    expected = [device.id for device in land.devices if matches(DeviceFilter(name=name), device)]
    found = await land.reads.devices(land.view, Slice(100), filters=[DeviceFilter(name=name)])
    assert sorted(device.id for device in found) == sorted(expected)


async def test_filters_hold_together(land: Land) -> None:
    """That of the place and that of the partner: another home's devices are none of this one's."""
    one, other = (DeviceFilter(home_id=home_id) for home_id in sorted(land.view.homes))
    assert await land.reads.devices(land.view, Slice(9), filters=[one, other]) == []
    assert await land.reads.count_devices(land.view, [one, other]) == 0
    assert await land.reads.count_devices(land.view, [one, one]) >= len(NAMES)
