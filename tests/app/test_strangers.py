"""What people are told of an app that nobody checked, and of one that somebody did."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.domain.accounts import EXPLORER, Client
from core.domain.audit import OPERATOR
from core.domain.clients import Profile
from core.domain.grants import Scope, Share
from tests.app.test_consent import BACK, READ, Desk, desk
from tests.core.domain.pictures import data_uri, png

__all__ = ["desk"]  # a fixture

NOBODY = "Nobody has checked who is behind this app."
ITSELF = "It chose its name and its logo itself."
LOGO = data_uri(png(64, 64))
PROFILE = Profile("Lamp <i>Whisperer", (BACK,), homepage="https://Lamps.example/a", logo=LOGO)


@pytest.fixture
async def stranger(desk: Desk) -> Client:
    """An app that registered itself, and asks Alice."""
    registrations = desk.api.house.services.registrations
    token, _ = await registrations.invite("Lamps Ltd", 1, timedelta(days=1), by=OPERATOR)
    desk.client = (await registrations.register(token, PROFILE)).client
    return desk.client


async def pages(desk: Desk) -> list[str]:
    """The consent page, and once that is allowed, the account."""
    path = await desk.asked()
    asked = await desk.visitor.get(path)
    if desk.grant is None:
        await desk.answer(path, READ, ("device", desk.api.light.id))
    account = await desk.visitor.get("/account")
    mine = account.text.partition(f'id="{desk.grant.id}"')[2] if desk.grant else ""
    return [asked.text, mine.partition("</article>")[0]]


@pytest.mark.usefixtures("stranger")
async def test_a_stranger_is_shown_as_one(desk: Desk) -> None:
    """RFC 7591 §5: in words, what it says as its own words, and no way to its pages."""
    for page in await pages(desk):
        assert "<bdi>Lamp &lt;i&gt;Whisperer</bdi>" in page
        assert (NOBODY in page, ITSELF in page) == (True, True)
        assert "It says that its homepage is lamps.example." in page
        assert "https://Lamps.example" not in page
        assert f'<img class="logo" src="{LOGO}" alt="" width="48" height="48">' in page


async def test_one_that_was_checked_is_shown_as_that(desk: Desk, stranger: Client) -> None:
    """With a way to its homepage that tells it nothing."""
    await desk.api.house.services.accounts.verify_client(stranger.id, verified=True)
    for page in await pages(desk):
        assert (NOBODY in page, "Verified." in page, ITSELF in page) == (False, True, False)
        link = 'rel="noreferrer" referrerpolicy="no-referrer">lamps.example</a>'
        assert f'<a href="https://Lamps.example/a" {link}' in page


async def test_latchkeys_own_is_shown_as_that(desk: Desk) -> None:
    """Nobody had to look who is behind it."""
    house = desk.api.house
    desk.client = house.access.clients[EXPLORER]
    await house.services.grants.give(
        desk.api.user.id, EXPLORER, [Scope.DEVICES_READ], [Share(desk.api.home_id)]
    )
    account = await desk.visitor.get("/account")
    for page in (account.text, (await desk.visitor.get(await desk.asked())).text):
        assert "A part of Latchkey itself," in page
        assert "Verified." not in page


@pytest.mark.parametrize("changes", [{"name": "My Bank"}, {"logo": None}, {"homepage": None}])
async def test_who_was_checked_and_changed_is_a_stranger(
    desk: Desk, changes: dict[str, Any]
) -> None:
    """At once, on the page of whoever is being asked."""
    house, registrations = desk.api.house, desk.api.house.services.registrations
    token, _ = await registrations.invite("Lamps Ltd", 1, timedelta(days=1), by=OPERATOR)
    found = await registrations.register(token, PROFILE)
    await house.services.accounts.verify_client(found.client.id, verified=True)
    desk.client = found.client
    changed = await registrations.change(found, replace(PROFILE, **changes))
    page = await desk.visitor.get(await desk.asked(Scope.DEVICES_READ))
    assert (NOBODY in page.text, changed.client.verified) == (True, False)
    assert ("My Bank" in page.text) is ("name" in changes)
