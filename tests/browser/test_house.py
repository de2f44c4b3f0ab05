"""The page of the house as a stranger finds it: it lives, it can be used, it shows its GraphQL."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Open, Watched, overflow
from tests.processes import Process, Starter

LIVE_MS = 10_000
"""A stranger sees the house change within this time."""
NAMELESS = """
() => [...document.querySelectorAll("button, a, input, select, summary, [role]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !one.matches("[role=status], [role=group], [role=alert]"))
  .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()
    || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML)
"""


def lamp(page: Page, demo: Process) -> Locator:
    """The tile of the lamp that never changes by itself."""
    return page.locator(f'[data-device-id="{demo.ready["light_id"]}"]')


def rows(page: Page, kind: str, words: str) -> Locator:
    """Rows of the list: requests of this page, or events."""
    found = page.locator(f'[data-testid="row"][data-kind="{kind}"]')
    return found.filter(has_text=re.compile(words))


async def live(page: Page) -> None:
    """Wait until the page is live."""
    await expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live")


async def dim(tile: Locator, level: int) -> None:
    """Move the slider, as a hand would, and let go."""
    await tile.get_by_test_id("brightness").fill(str(level))


async def happens(tile: Locator, button: str) -> None:
    """Make something happen at a device, by its drawer."""
    drawer = tile.get_by_test_id("sandbox")
    if await drawer.get_attribute("open") is None:
        await drawer.locator("summary").click()
    await drawer.get_by_role("button", name=button, exact=True).click()
    await expect(drawer).to_contain_text("Done:")


@asynccontextmanager
async def in_graphiql(opened: Watched, row: Locator) -> AsyncIterator[Page]:
    """Follow a row's link, and run in GraphiQL what the row shows."""
    await row.locator("summary").first.click()
    async with opened.page.expect_popup() as popup:
        await row.get_by_test_id("graphiql").first.click()
    explorer = await popup.value
    watched = Watched(explorer, opened.base_url)
    await explorer.locator(".graphiql-execute-button").click()
    yield explorer
    assert watched.wrong == []
    await explorer.close()


async def test_a_strangers_first_minute(open_page: Open, demo: Process) -> None:
    """The house changes, the light is dimmed, CONFIRMED and the event are seen, and run again."""
    async with open_page("/") as opened:
        page = opened.page
        await expect(page.get_by_test_id("row").first).to_be_visible(timeout=LIVE_MS)
        tile = lamp(page, demo)
        await dim(tile, 42)
        await expect(tile.get_by_test_id("command")).to_contain_text("CONFIRMED")
        request = rows(page, "request", "Living room lamp").first
        await expect(request.get_by_test_id("status").first).to_have_text("CONFIRMED")
        event = rows(page, "event", r"Living room lamp.*brightness \d+ → 42").first
        await expect(event).to_contain_text("because you asked")
        await opened.shot("house-desktop")
        await request.scroll_into_view_if_needed()
        async with in_graphiql(opened, request) as explorer:
            await expect(request.get_by_test_id("document").first).to_contain_text("controlDevice(")
            await expect(explorer.locator(".result-window")).to_contain_text('"CONFIRMED"')
        async with in_graphiql(opened, event) as explorer:
            await expect(event.get_by_test_id("document").first).to_contain_text("subscription")
            await expect(explorer.locator(".result-window")).to_contain_text('"events"')
        await expect(page.get_by_test_id("hold")).to_have_attribute("aria-pressed", "true")
        await opened.shot("house-graphql-desktop")


async def test_a_switch_pressed_by_hand(open_page: Open, demo: Process) -> None:
    """Somebody at home presses it: no command, and the event arrives; on a phone, in the dark."""
    async with open_page("/", "phone", "dark") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        await happens(tile, "Press the switch")
        await expect(tile.get_by_test_id("state")).to_contain_text("On")
        await expect(rows(page, "event", r"Living room lamp.*on")).not_to_have_count(0)
        await opened.shot("house-phone-dark")
        await page.get_by_test_id("events").scroll_into_view_if_needed()
        await opened.shot("house-events-phone-dark")


@pytest.mark.parametrize(
    ("fault", "end"), [("Refuse commands", "REJECTED"), ("Do something else", "TIMED_OUT")]
)
async def test_a_fault_ends_the_command(
    open_page: Open, demo: Process, fault: str, end: str
) -> None:
    """The page shows how it ended, and why, in words."""
    async with open_page("/", scheme="dark") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        await happens(tile, fault)
        await dim(tile, 17)
        await expect(tile.get_by_test_id("command")).to_contain_text(end)
        await expect(rows(page, "request", end)).not_to_have_count(0)
        await expect(
            rows(page, "event", f"Living room lamp.*(?i:{end.replace('_', '.')})")
        ).not_to_have_count(0)
        await opened.shot(f"house-{end.lower().replace('_', '-')}-desktop-dark")


async def test_a_device_out_of_reach(open_page: Open, demo: Process) -> None:
    """Its tile says so; back again, it tells what was pressed meanwhile."""
    async with open_page("/") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        await happens(tile, "Take offline")
        await expect(tile.get_by_test_id("state")).to_contain_text("Offline")
        await happens(tile, "Press the switch")
        await happens(tile, "Bring back")
        await expect(tile.get_by_test_id("state")).to_have_text(re.compile("^On"))


async def test_it_works_by_keyboard(open_page: Open, demo: Process) -> None:
    """A thermostat turns by arrow keys, a lamp by space, and every control has a name."""
    async with open_page("/") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        assert await page.evaluate(NAMELESS) == []
        await tile.get_by_test_id("switch").focus()
        await page.keyboard.press("Space")
        await expect(tile.get_by_test_id("command")).to_contain_text("CONFIRMED")
        dial = page.get_by_role("slider", name="Target temperature of Living room thermostat")
        before = float(await dial.get_attribute("aria-valuenow") or "nan")
        await dial.focus()
        await page.keyboard.press("ArrowUp")
        thermostat = page.get_by_test_id("tile").filter(has=dial)
        await expect(thermostat.get_by_test_id("command")).to_contain_text("CONFIRMED")
        assert float(await dial.get_attribute("aria-valuenow") or "nan") > before


async def test_time_is_held_and_stepped(open_page: Open, demo: Process) -> None:
    """While time stands still a command waits; a minute put in lets it end."""
    async with open_page("/") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        time = page.get_by_test_id("time")
        await time.get_by_role("button", name="Pause").click()
        await expect(page.get_by_test_id("home-time")).to_contain_text("held")
        await page.reload()
        await live(page)
        await expect(page.get_by_test_id("home-time")).to_contain_text("held")
        await dim(tile, 77)
        await expect(tile.get_by_test_id("command")).to_contain_text("DISPATCHED")
        await time.get_by_role("button", name="+1 min").click()
        await expect(tile.get_by_test_id("command")).to_contain_text("CONFIRMED")
        await time.get_by_role("button", name="Resume").click()
        await expect(page.get_by_test_id("home-time")).not_to_contain_text("held")


async def test_the_other_home(open_page: Open) -> None:
    """The switch of homes shows the other one, live as well."""
    async with open_page("/", "phone") as opened:
        page = opened.page
        await live(page)
        await page.get_by_test_id("home").select_option(label="Harbour flat")
        await expect(page.get_by_role("heading", name="Harbour flat")).to_be_visible()
        await expect(page.get_by_test_id("tile").filter(has_text="Desk lamp")).to_be_visible()
        await live(page)
        await expect(page.get_by_test_id("row").first).to_be_visible(timeout=LIVE_MS)


async def test_a_server_that_comes_back(open_page: Open, demo: Process, starter: Starter) -> None:
    """The page says that it is cut off, comes back by itself, and goes on from where it was."""
    async with open_page("/") as opened:
        page, tile = opened.page, lamp(opened.page, demo)
        await live(page)
        demo.end(signal.SIGKILL)
        await expect(page.get_by_test_id("live")).not_to_have_attribute("data-state", "live")
        port = urlsplit(demo.ready["base_url"]).port
        starter.demo("--port", str(port))
        await live(page)
        await dim(tile, 23)
        await expect(tile.get_by_test_id("command")).to_contain_text("CONFIRMED")
        opened.wrong.clear()  # a server that is away is refused connections, which browsers log


async def test_it_fits(open_page: Open) -> None:
    """No width scrolls sideways (WCAG 2.2, 1.4.10 Reflow: from 320 pixels), here or in GraphiQL."""
    async with open_page("/") as opened:
        page = opened.page
        await live(page)
        for path in ("/", "/graphql"):
            await page.goto(opened.base_url + path)
            await expect(
                page.locator("[data-testid=tile], .graphiql-container").first
            ).to_be_visible()
            for width in (320, 360, 768, 1024, 1920):
                await page.set_viewport_size({"width": width, "height": 844})
                assert await overflow(page) <= 0, (path, width)
