"""A device shows a code; its user types it in a browser, and the device goes on by itself."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.conftest import Open, overflow
from tests.browser.test_house import NAMELESS
from tests.browser.test_people import WIDTHS, sign_in, tab_to
from tests.processes import Process, Starter, partner_of

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Television:
    """A device that has asked, and shows its code."""

    demo: Process
    http: aiohttp.ClientSession
    client_id: str
    told: dict[str, Any]

    @property
    def code(self) -> str:
        """What it shows."""
        return str(self.told["user_code"])

    @property
    def path(self) -> str:
        """Where a link (or a picture of one) on it leads."""
        complete: str = self.told["verification_uri_complete"]
        return complete.removeprefix(self.demo.ready["base_url"])

    async def poll(self) -> dict[str, Any]:
        """Ask whether its user has answered."""
        form = {
            "grant_type": GRANT_TYPE,
            "device_code": self.told["device_code"],
            "client_id": self.client_id,
        }
        url = f"{self.demo.ready['base_url']}/oauth/token"
        async with self.http.post(url, data=form) as response:
            answer: dict[str, Any] = await response.json()
        return answer


@pytest_asyncio.fixture(loop_scope="session")
async def television(demo: Process, starter: Starter) -> AsyncIterator[Television]:
    """Its app was made by the operator, while the demo runs."""
    folder = starter.folder / ".latchkey"
    env = {
        "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'latchkey.db'}",
        "LATCHKEY_SECRET_KEYS": (folder / "secret").read_text(),
        "LATCHKEY_PUBLIC_URL": demo.ready["base_url"],
    }
    words = ("client", "create", "Living room TV", "--public", "--json")
    made = json.loads(await asyncio.to_thread(starter.run, *words, env=env))
    await asyncio.sleep(1)  # until the demo's process has heard of it
    form = {"client_id": made["client_id"], "scope": "devices:read devices:control"}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{demo.ready['base_url']}/oauth/device", data=form) as response:
            told = await response.json()
        yield Television(demo, http, made["client_id"], told)


async def test_a_television_is_connected(open_page: Open, television: Television) -> None:
    """From the code that it shows to a token that sees one lamp."""
    async with open_page("/device", "phone") as opened:
        page = opened.page
        assert (await television.poll())["error"] == "authorization_pending"
        await sign_in(page, television.demo)
        field = page.get_by_label("The code on your device")
        await expect(field).to_be_focused()
        await opened.shot("device-phone")
        await field.fill(television.code.lower().replace("-", " "))
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_test_id("code")).to_have_text(television.code)
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Living room TV asks for access to your homes")
        await page.get_by_label("Living room lamp").check()
        await opened.shot("device-consent-phone")
        await page.get_by_role("button", name="Allow").click()
        await expect(heading).to_have_text("You can go back to your device")
        await expect(page.get_by_test_id("answer")).to_contain_text("The answer was “Allow”")
        await opened.shot("device-allowed-phone")
        token = (await television.poll())["access_token"]
        partner = replace(partner_of(television.demo), token=token)
        seen = await partner.ask("{ devices { nodes { id } } }")
        assert seen["devices"]["nodes"] == [{"id": television.demo.ready["light_id"]}]


async def test_a_no_by_the_keyboard(open_page: Open, television: Television) -> None:
    """The code of a link is filled in and nothing else; Tab and Enter are enough."""
    async with open_page(television.path) as opened:
        page, keys = opened.page, opened.page.keyboard
        await expect(page.get_by_label("Name")).to_be_focused()
        await sign_in(page, television.demo)
        await expect(page.get_by_label("The code on your device")).to_have_value(television.code)
        await expect(page.get_by_text("on a device in front of you")).to_be_visible()
        await opened.shot("device-link-desktop")
        await keys.press("Enter")
        await expect(page.get_by_test_id("places")).to_be_visible()
        await tab_to(page, "Deny")
        await keys.press("Enter")
        await expect(page.get_by_test_id("answer")).to_contain_text("The answer was “Deny”")
        assert (await television.poll())["error"] == "access_denied"


async def wrong_code(page: Page) -> None:
    """Type a code that no device shows."""
    await page.get_by_label("The code on your device").fill("zzzz zzzz")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_test_id("summary")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_every_screen(
    open_page: Open, television: Television, scheme: str
) -> None:
    """From 320 to 1920 pixels, with no script, and everything has a name."""
    async with open_page("/device", "phone", scheme) as opened:
        page = opened.page

        async def fits(name: str) -> None:
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                assert await overflow(page) <= 0, f"{page.url} at {width}"
                if width in {320, 1440}:
                    await opened.shot(f"{name}-{width}-{scheme}")
            assert await page.evaluate(NAMELESS) == []
            await expect(page.locator("script")).to_have_count(0)

        await sign_in(page, television.demo)
        await fits("device")
        await wrong_code(page)
        await expect(page).to_have_title(re.compile("^Error: "))
        await fits("device-wrong")
        await page.get_by_test_id("summary").get_by_role("link").click()
        await expect(page.get_by_label("The code on your device")).to_be_focused()
        await page.goto(opened.base_url + television.path)
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_test_id("places")).to_be_visible()
        await fits("device-consent")
        await page.get_by_role("button", name="Deny").click()
        await expect(page.get_by_test_id("answer")).to_contain_text("The answer was “Deny”")
        await fits("device-denied")
        assert all("400" in wrong for wrong in opened.wrong), opened.wrong
        opened.wrong.clear()
