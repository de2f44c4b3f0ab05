"""A partner's page, from "connect my home" to a live stream, and what is taken back of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Open, Watched
from tests.browser.test_people import REGISTERED, operator, sign_in
from tests.processes import PATIENCE, Process, Starter, partner_of

PAGE: Final = (Path(__file__).parent / "partner.html").read_text(encoding="utf-8")
SOON: Final = 2.0
"""Seconds within which what is taken back is gone."""
DIM: Final = """mutation($id: ID!, $to: Int!) {
  controlDevice(input: { deviceId: $id, state: { on: true, brightness: $to } }) { status }
}"""
LIGHTS: Final = """query($id: ID!) {
  devices(first: 100, filter: { homeId: $id, kind: [LIGHT], capability: [BRIGHTNESS] }) {
    nodes { id name }
  }
}"""
ITEMS: Final = "(all) => all.map((one) => [one.textContent, one.dataset.at / 1000])"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(demo: Process, starter: Starter) -> AsyncIterator[str]:
    """Where the partner's page is: another origin, with a client that can keep no secret."""
    words = ("client", "create", "Lamp Whisperer", "--public", "--redirect-uri", REGISTERED)
    made = await operator(demo, starter, *words)
    ready = demo.ready
    facts = {
        "issuer": ready["base_url"],
        "graphqlUrl": ready["graphql_url"],
        "wsUrl": ready["ws_url"],
        "clientId": made["client_id"],
    }
    html = PAGE.replace("FACTS", json.dumps(facts))

    async def page(request: web.Request) -> web.Response:
        del request
        return web.Response(text=html, content_type="text/html")

    shop = web.Application()
    shop.router.add_get("/", page)
    shop.router.add_get("/callback", page)
    runner = web.AppRunner(shop)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@dataclass
class Shown:
    """What the partner's page shows, and since when."""

    page: Page

    async def devices(self) -> list[str]:
        """The devices of its last query."""
        return [name for name, _ in await self._items("#devices li")]

    async def events(self, since: float = 0) -> list[tuple[str, float]]:
        """Whose events came over the socket after a moment, and when."""
        return [(name, at) for name, at in await self._items("#events li") if at > since]

    async def changed(self, place: str) -> float:
        """When a part of the page last changed."""
        return float(await self.page.locator(place).evaluate("(one) => one.dataset.at / 1000"))

    async def _items(self, place: str) -> list[Any]:
        found: list[Any] = await self.page.locator(place).evaluate_all(ITEMS)
        return found


@asynccontextmanager
async def busy(demo: Process) -> AsyncIterator[list[str]]:
    """Somebody dims one lamp of the house after the other, many a second; their names."""
    partner, home = partner_of(demo), demo.ready["home_id"]
    lights = (await partner.ask(LIGHTS, id=home))["devices"]["nodes"]

    async def dim() -> None:
        levels = cycle(range(10, 90))
        for light in cycle(lights):
            await partner.answer(DIM, id=light["id"], to=next(levels))

    hand = asyncio.create_task(dim())
    try:
        yield [light["name"] for light in lights]
    finally:
        hand.cancel()
        await asyncio.gather(hand, return_exceptions=True)


async def connect(opened: Watched, demo: Process) -> None:
    """From the partner's button to its live page, with one whole home."""
    page = opened.page
    await page.get_by_role("button", name="Connect my home").click()
    await sign_in(page, demo)
    await page.get_by_label("All of Maple Street").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.locator("#status")).to_have_text("Connected.")
    await expect(page.locator("#socket")).to_have_text("Live.")
    await expect(page.locator("#devices li").nth(5)).to_be_visible()


async def pressed(button: Locator) -> float:
    """Press a button that sends a form; when the browser sent it."""
    async with button.page.expect_request(lambda request: request.method == "POST") as sent:
        await button.click()
    request = await sent.value
    await request.response()
    return request.timing["startTime"] / 1000


async def heard(shown: Shown, names: set[str], since: float = 0) -> None:
    """Wait until the stream has told of each of these after a moment."""
    async with asyncio.timeout(PATIENCE):
        while names - {name for name, _ in await shown.events(since)}:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def gone(shown: Shown, names: set[str], since: float) -> None:
    """None of these is shown by queries or the stream any more, soon after a moment."""
    async with asyncio.timeout(SOON):
        while names & set(await shown.devices()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert await shown.changed("#devices") - since <= SOON
    await asyncio.sleep(since + SOON + 1 - time.time())
    late = [(name, at - since) for name, at in await shown.events(since + SOON) if name in names]
    assert late == []


async def test_what_a_person_takes_back_is_gone(open_page: Open, demo: Process, shop: str) -> None:
    """One device, then all but one, then everything: within 2 s, in queries and in the stream."""
    async with open_page("/", apart=shop) as opened:
        await connect(opened, demo)
        shown, account = Shown(opened.page), await opened.beside("/account")
        async with busy(demo) as lamps:
            kept, other, *_ = lamps
            rest = set(lamps) - {kept}
            await heard(shown, set(lamps))

            listed = account.page.get_by_test_id("app").filter(has_text="Lamp Whisperer")
            await listed.get_by_test_id("seen").locator("summary").click()
            stop = f"Stop sharing {other} with Lamp Whisperer"
            begun = await pressed(listed.get_by_role("button", name=stop))
            await gone(shown, {other}, begun)
            await heard(shown, rest - {other}, begun)

            await listed.get_by_role("link", name="Change what it sees").click()
            for box in await account.page.get_by_test_id("places").get_by_role("checkbox").all():
                await box.uncheck()
            await account.page.get_by_label(kept).check()
            await account.shot("change-desktop")
            begun = await pressed(account.page.get_by_role("button", name="Save"))
            await gone(shown, set(await shown.devices()) - {kept} | rest, begun)
            assert await shown.devices() == [kept]
            await heard(shown, {kept}, begun + SOON)
            assert {name for name, _ in await shown.events(begun + SOON)} == {kept}

            await expect(listed).to_contain_text("Maple Street: 1 device")
            begun = await pressed(listed.get_by_role("button", name="Remove all access"))
            await expect(opened.page.locator("#socket")).to_have_text("Closed with 4401.")
            assert await shown.changed("#socket") - begun <= SOON
            await expect(opened.page.locator("#status")).to_have_text("Refused with 401.")
            await expect(listed).to_have_count(0)
        refused = [wrong for wrong in opened.wrong if "401" in wrong]
        assert len(refused) == 2, "one query is refused, and the browser says so in the console"
        opened.wrong[:] = [wrong for wrong in opened.wrong if wrong not in refused]


async def test_no_leads_back(open_page: Open, demo: Process, shop: str) -> None:
    """Who denies is back at the partner's page, which is told so and given nothing."""
    async with open_page("/", "phone", "dark", apart=shop) as opened:
        page = opened.page
        await page.get_by_role("button", name="Connect my home").click()
        await sign_in(page, demo)
        await page.get_by_label("All of Maple Street").check()
        await page.get_by_role("button", name="Deny").click()
        await expect(page.locator("#status")).to_have_text("You said no: access_denied.")
        account = await opened.beside("/account")
        apps = account.page.get_by_test_id("app")
        await expect(apps.filter(has_text="Lamp Whisperer")).to_have_count(0)
