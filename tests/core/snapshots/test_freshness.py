"""Freshness: what was seen in one process is not unseen in another."""

import asyncio
from collections.abc import Collection

import pytest

from app.compose import House
from core import feed
from core.domain.devices import Device
from core.domain.errors import Unavailable
from core.snapshots import freshness
from tests.core.services.estate import Estate, another_home, eventually


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears anything by itself while these tests run."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.9)


async def head(estate: Estate) -> int:
    """The home's newest place."""
    return (await estate.house.logs.heads([estate.home.id]))[estate.home.id]


async def lamp_in(house: House, estate: Estate) -> Device:
    """The lamp as a reader in this process sees it."""
    await house.homes.load([estate.home.id])
    found = house.homes.now([estate.home.id])
    if found is not None:
        return found[0].devices[estate.lamp.id]
    return await house.device(estate.lamp.id)


async def test_a_read_is_as_fresh_as_it_has_to_be(estate: Estate, second: House) -> None:
    """Another process's commit, at once: from the store until the snapshot has caught up."""
    await lamp_in(second, estate)
    for order in range(1, 9):
        await estate.hear(order, brightness=order)
        await second.fresh.reach({estate.home.id: await head(estate)})
        assert (await lamp_in(second, estate)).state.brightness == order
    await eventually(lambda: second.homes.now([estate.home.id]) is not None)


async def test_a_home_that_nobody_follows(estate: Estate, second: House) -> None:
    """Nothing has to be known of it: it is loaded as it is."""
    await second.fresh.reach({estate.home.id: await head(estate)})
    assert second.feed.known(estate.home.id) is None
    places = await second.fresh.places([estate.home.id])
    assert places == {estate.home.id: await head(estate)}
    assert await second.fresh.places([]) == {}


async def test_places_are_beyond_ones_own_commits(estate: Estate) -> None:
    """Without a look at the database where the home is followed."""
    cabin = await another_home(estate)
    await lamp_in(estate.house, estate)
    await estate.hear(1, on=True)
    places = await estate.house.fresh.places([estate.home.id, cabin.id])
    assert places == await estate.house.logs.heads([estate.home.id, cabin.id])


async def test_what_another_process_did_for_us_is_read(estate: Estate, second: House) -> None:
    """A home that is renewed is not read from an older snapshot."""
    await lamp_in(second, estate)
    await estate.hear(1, brightness=11)
    await second.fresh.renew(estate.home.id)
    assert (await lamp_in(second, estate)).state.brightness == 11


async def test_a_place_that_does_not_come(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second, then `Unavailable`; nothing else is held up by it."""
    monkeypatch.setattr(freshness, "WAIT_SECONDS", 0.2)
    await lamp_in(estate.house, estate)
    with pytest.raises(Unavailable, match="within a second"):
        await estate.house.fresh.reach({estate.home.id: await head(estate) + 1})
    assert estate.house.homes.now([estate.home.id]) is not None


async def test_a_place_that_comes_while_one_waits(estate: Estate) -> None:
    """The wait ends with the commit."""
    waiting = asyncio.create_task(
        estate.house.fresh.reach({estate.home.id: await head(estate) + 1})
    )
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await estate.hear(1, on=True)
    await waiting


async def test_a_database_that_hangs(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is no reason to wait for longer than a second."""
    monkeypatch.setattr(freshness, "WAIT_SECONDS", 0.1)

    async def hang(_: Collection[str], **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(second.logs, "heads", hang)
    with pytest.raises(Unavailable):
        await second.fresh.reach({estate.home.id: 1})
