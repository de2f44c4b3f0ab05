"""GraphiQL as a developer uses it: the example tabs, a query, a command, a live subscription."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Page, expect

from tests.browser.conftest import Open
from tests.processes import Process, partner_of

TABS = ["ListDevices", "DimTheLamp", "WatchTheHome", "SomebodyWalksPast"]
DIM = """mutation($id: ID!, $to: Int!) {
  controlDevice(input: { deviceId: $id, state: { on: true, brightness: $to } }) { id status }
}"""


async def run(page: Page, tab: str) -> None:
    """Choose a tab and run what stands in it."""
    await page.locator(".graphiql-tab-button", has_text=tab).click()
    await expect(page.locator(".graphiql-tab-active")).to_contain_text(tab)
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(tab)
    await page.locator(".graphiql-execute-button").click()


async def test_the_examples_run_in_the_explorer(open_page: Open, demo: Process) -> None:
    """A newcomer who runs tab after tab gets devices, a confirmed command and a simulation."""
    async with open_page("/graphql") as opened:
        page, answer = opened.page, opened.page.locator(".result-window")
        await run(page, "ListDevices")
        await expect(answer).to_contain_text("Harbour flat")
        await opened.shot("explorer-query-desktop")
        await run(page, "DimTheLamp")
        await expect(answer).to_contain_text('"CONFIRMED"')
        await run(page, "SomebodyWalksPast")
        await expect(answer).to_contain_text('"motion": true')
    lamp = await partner_of(demo).ask(
        "query($id: ID!) { device(id: $id) { state { brightness } } }", id=demo.ready["light_id"]
    )
    assert lamp["device"]["state"]["brightness"] == 40


async def test_a_subscription_runs_in_the_explorer(open_page: Open, demo: Process) -> None:
    """What another app does arrives, over a WebSocket with the same token."""
    async with open_page("/graphql", "phone", "dark") as opened:
        page, answer = opened.page, opened.page.locator(".result-window")
        await run(page, "WatchTheHome")
        await expect(page.locator(".graphiql-execute-button")).to_have_attribute(
            "aria-label", re.compile("Stop")
        )
        await expect(answer).to_contain_text("deviceStatusChanged")
        lamp = {"id": demo.ready["light_id"], "to": 71}
        done = (await partner_of(demo).ask(DIM, **lamp))["controlDevice"]
        await expect(answer).to_contain_text(done["id"])
        await opened.shot("explorer-subscription-phone")
        await page.locator(".graphiql-execute-button").click()


async def test_a_link_opens_what_it_says(open_page: Open, demo: Process) -> None:
    """`?query=…&variables=…` opens a tab with both, ready to run."""
    given: dict[str, Any] = {"id": demo.ready["light_id"]}
    query = "query OneLamp($id: ID!) { device(id: $id) { name kind } }"
    link = urlencode({"query": query, "variables": json.dumps(given)})
    async with open_page(f"/graphql?{link}") as opened:
        await opened.page.locator(".graphiql-execute-button").click()
        answer = opened.page.locator(".result-window")
        await expect(answer).to_contain_text("Living room lamp")


async def test_a_reload_shows_the_same_tabs(open_page: Open) -> None:
    """As often as one loads the page, whichever tab is chosen, and with what was typed there."""
    async with open_page("/graphql") as opened:
        page = opened.page
        tabs, active = page.locator(".graphiql-tab-button"), page.locator(".graphiql-tab-active")
        await expect(tabs).to_have_text(TABS)
        for name in TABS:
            await asyncio.sleep(1)  # until it is kept
            await page.reload()
            await expect(tabs).to_have_text(TABS)
            await page.locator(".graphiql-tab-button", has_text=name).click()
            await expect(active).to_contain_text(name)
        await page.locator(".graphiql-query-editor textarea").focus()
        await page.keyboard.type("# mine")
        await asyncio.sleep(1)
        await page.reload()
        await expect(tabs).to_have_text(TABS)
        await expect(page.locator(".graphiql-query-editor")).to_contain_text("# mine")


async def test_a_token_that_does_not_hold(open_page: Open) -> None:
    """What was wrong with it is in the answer, for queries and for subscriptions."""
    async with open_page("/graphql") as opened:
        page, answer = opened.page, opened.page.locator(".result-window")
        await page.get_by_label("Access token").fill("nonsense")
        await expect(page.get_by_role("status")).to_have_text("Sent with everything you run.")
        await run(page, "WatchTheHome")
        await expect(answer).to_contain_text("closed with 4403")
        await run(page, "ListDevices")
        await expect(answer).to_contain_text("UNAUTHENTICATED")
        refused = [wrong for wrong in opened.wrong if "401" in wrong]
        assert refused, "the refusal is a 401"
        opened.wrong.clear()
