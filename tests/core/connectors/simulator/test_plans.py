"""House plans and the URLs that name them."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.kinds import PLAIN, behaviour
from core.connectors.simulator.plans import MIXTURE, PLANS, STEADY, calm, found, steady
from core.connectors.simulator.products import PRODUCTS
from core.domain.devices import TABLE, Capability, DeviceKind, State
from core.domain.errors import Invalid
from core.domain.ports import Found

URLS = st.one_of(
    st.builds(
        "simulator://{}?seed={}&still={}".format,
        st.sampled_from(sorted(PLANS)),
        st.integers(0, 99),
        st.integers(0, 1),
    ),
    st.builds("simulator://plan?devices={}&seed={}".format, st.integers(0, 60), st.integers(0, 99)),
)


@given(URLS)
def test_a_house_is_possible(url: str) -> None:
    """Addresses and names differ, and each device reports exactly what it can."""
    house = found(url)
    assert house == found(url)
    assert len({device.address for device in house}) == len(house)
    assert len({device.name for device in house}) == len(house)
    for device in house:
        owned = {TABLE[name].capability for name in device.state.values()}
        assert owned == set(device.capabilities)
        assert device.online
        assert all((device.room, device.manufacturer, device.model, device.firmware))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 9))
def test_a_bigger_house_is_the_smaller_one_and_more(small: int, more: int, seed: int) -> None:
    """A device of a generated house depends on its number and the seed alone."""

    def names(devices: int) -> list[str]:
        return [
            device.address for device in found(f"simulator://plan?devices={devices}&seed={seed}")
        ]

    assert names(small + more)[:small] == names(small)


@given(URLS.filter(lambda url: "still=" not in url))
def test_a_still_house_is_the_same_but_steady(url: str) -> None:
    """`still=1` changes addresses alone, so that it outlives a restart."""
    lively, still = found(url), found(f"{url}&still=1")
    assert all(steady(device.address) for device in still)
    assert [_nameless(device) for device in still] == [_nameless(device) for device in lively]


def _nameless(device: Found) -> tuple[str, State]:
    return device.name, device.state


def test_maple_has_the_lamp() -> None:
    """The lamp that demo and tests count on is steady, dimmable, and in its room."""
    lamp = next(device for device in found("simulator://maple") if device.room == "Living room")
    assert (lamp.name, lamp.address) == ("Living room lamp", "living-room-lamp")
    assert lamp.kind is DeviceKind.LIGHT
    assert lamp.capabilities == (Capability.ON_OFF, Capability.BRIGHTNESS)
    assert steady(lamp.address)
    assert found("simulator://maple?still=1")[0].address == lamp.address


@pytest.mark.parametrize(("plan", "devices"), [("maple", 20), ("harbor", 9)])
def test_a_named_house_has_a_size(plan: str, devices: int) -> None:
    """Houses are what the plan says."""
    assert len(found(f"simulator://{plan}")) == devices


def test_a_seed_changes_what_is_measured() -> None:
    """Two houses of one plan have the same devices and other batteries."""
    one, two = found("simulator://maple?seed=1"), found("simulator://maple?seed=2")
    assert [device.address for device in one] == [device.address for device in two]
    assert [device.state for device in one] != [device.state for device in two]


def test_steadiness_does_not_depend_on_the_plan() -> None:
    """Adoption knows only the address, so no plan may contradict another."""
    lively = {p.address for plan in PLANS.values() for p in plan if not p.steady}
    assert not lively & STEADY


def test_the_catalogue_is_shown_and_alive() -> None:
    """It holds nothing that no house shows, or that no behaviour is written for."""
    shown = {place.product for plan in PLANS.values() for place in plan}
    assert shown == set(PRODUCTS) == set(MIXTURE)
    assert all(behaviour(made.kind, made.capabilities) is not PLAIN for made in PRODUCTS.values())


def test_maple_has_one_of_everything() -> None:
    """Whoever tries the demo finds every kind of device, and everything that one can do."""
    house = found("simulator://maple")
    assert {device.kind for device in house} == set(DeviceKind)
    assert {able for device in house for able in device.capabilities} == set(Capability)


@pytest.mark.parametrize("plan", ["maple", "harbor"])
def test_a_named_house_is_watched(plan: str) -> None:
    """Its devices speak up often, and those of generated homes do not."""
    assert not any(calm(device.address) for device in found(f"simulator://{plan}"))
    assert all(calm(device.address) for device in found("simulator://plan?devices=50"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("simulator://oak", "there is no 'oak'"),
        ("simulator://", "there is no ''"),
        ("mqtt://maple", "is not a simulator's URL"),
        ("simulator://maple/attic", "is not a simulator's URL"),
        ("simulator://maple#attic", "is not a simulator's URL"),
        ("simulator://[maple", "is not a URL"),
        ("simulator://maple?seed", "is not a URL"),
        ("simulator://maple?seed=1&seed=2", "says something twice"),
        ("simulator://maple?seed=-1", "says seed=-1; it must be a number from 0"),
        ("simulator://maple?still=yes", "says still=yes; it must be a number from 0 to 1"),
        ("simulator://maple?stil=1", "says 'stil', which means nothing here"),
        ("simulator://maple?devices=4", "has to say devices=N where the plan is 'plan'"),
        ("simulator://plan", "has to say devices=N where the plan is 'plan'"),
        ("simulator://plan?devices=100001", "must be a number from 0 to 100000"),
    ],
)
def test_a_wrong_url_is_told_what_would_be_right(url: str, why: str) -> None:
    """Each mistake is named, and the plans that exist with it."""
    with pytest.raises(Invalid) as refused:
        found(url)
    assert why in str(refused.value)
    assert "simulator://maple, simulator://harbor or simulator://plan?devices=N" in str(
        refused.value
    )


@given(st.text())
def test_any_text_is_a_house_or_invalid(text: str) -> None:
    """No input makes the parser fail otherwise."""
    for url in (text, f"simulator://{text}", f"simulator://plan?{text}"):
        with suppress(Invalid):
            assert found(url) == found(url)
