"""An app with the longest name and the largest logo breaks no page, on any screen."""

import asyncio
import json

import pytest
import pytest_asyncio
from playwright.async_api import expect

from core.domain.clients import LONGEST_APP_NAME
from core.domain.logos import MOST_PIXELS
from tests.browser.conftest import Open, overflow
from tests.browser.test_people import REGISTERED, WIDTHS, App, sign_in
from tests.core.domain.pictures import png
from tests.processes import Process, Starter

NAMES = {
    "long": "M" * LONGEST_APP_NAME,
    "stacked": "Z" + "\u0335\u030a\u0323\u0302" + " and \u05d1\u05d9\u05ea " + "A\u0317\u030b" * 9,
}


@pytest_asyncio.fixture(params=NAMES, loop_scope="session")
async def app(request: pytest.FixtureRequest, demo: Process, starter: Starter) -> App:
    """Made by an operator, while the demo runs."""
    folder = starter.folder / ".latchkey"
    env = {
        "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'latchkey.db'}",
        "LATCHKEY_SECRET_KEYS": (folder / "secret").read_text(),
        "LATCHKEY_PUBLIC_URL": demo.ready["base_url"],
    }
    (starter.folder / "logo.png").write_bytes(png(MOST_PIXELS, 9))
    host = ".".join(["very-long-indeed"] * 9)
    words = (
        *("client", "create", NAMES[request.param], "--redirect-uri", REGISTERED, "--json"),
        *("--logo", str(starter.folder / "logo.png"), "--homepage", f"https://{host}.example"),
    )
    made = json.loads(await asyncio.to_thread(starter.run, *words, env=env))
    token = ("token", "create", "--client", made["client_id"], "--user", "demo")
    await asyncio.to_thread(starter.run, *token, "--scope", "devices:read", env=env)
    await asyncio.sleep(1)  # until the demo's process has heard of it
    return App(demo, made["client_id"], made["client_secret"], REGISTERED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_app_breaks_the_pages(
    open_page: Open, app: App, scheme: str, request: pytest.FixtureRequest
) -> None:
    """Its logo stays small, its name in its line, and the warning is seen without scrolling."""
    name = request.node.callspec.id
    async with open_page(app.ask("devices:read", "devices:control"), "phone", scheme) as opened:
        page = opened.page
        await sign_in(page, app.demo)
        logo, standing = page.locator("img.logo"), page.get_by_test_id("standing")
        await expect(standing).to_contain_text("Nobody has checked who is behind this app.")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 844})
            assert await overflow(page) <= 0, width
            box = await logo.bounding_box()
            warning = await standing.locator("strong").bounding_box()
            assert box is not None
            assert warning is not None
            assert (box["width"], box["height"]) == (48, 48)
            assert warning["y"] + warning["height"] < 700  # above what one answers by
            if width in {390, 1440}:
                await opened.shot(f"stranger-{name}-{width}")
        await page.goto(f"{opened.base_url}/account")
        listed = page.get_by_test_id("app").filter(has=page.locator("img.logo"))
        await expect(listed.get_by_test_id("standing")).to_contain_text("Nobody has checked")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 844})
            assert await overflow(page) <= 0, width
        await listed.scroll_into_view_if_needed()
        await opened.shot(f"stranger-{name}-account")
