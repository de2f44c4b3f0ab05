"""Signing in to GraphiQL: the code flow with PKCE as the page runs it, and what ends it."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Page, Request, expect

from tests.browser.conftest import Open, overflow
from tests.browser.test_explorer import DIM, run
from tests.browser.test_house import NAMELESS
from tests.browser.test_people import WIDTHS, sign_in, tab_to
from tests.processes import Process, partner_of

BRIEF = pytest.mark.parametrize("demo_env", [{"LATCHKEY_ACCESS_TOKEN_SECONDS": "4"}])
"""Access tokens that live so long (the demo's own, which it hands out itself, live longer)."""


async def ask(page: Page, demo: Process) -> None:
    """Press the button and sign in, up to the consent page."""
    await page.get_by_role("button", name="Sign in").click()
    await sign_in(page, demo)
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("GraphiQL asks for access to your homes")


async def allow(page: Page) -> None:
    """Share one home, and nothing of the other."""
    await page.get_by_label("All of Maple Street").check()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("status")).to_contain_text("Signed in as demo.")


async def kept(page: Page) -> dict[str, Any]:
    """The tokens that the page keeps."""
    text: str | None = await page.evaluate("sessionStorage.getItem('latchkey:kept')")
    return json.loads(text) if text else {}


async def watch(page: Page) -> None:
    """Run a subscription and wait until it runs."""
    await run(page, "WatchTheHome")
    button = page.locator(".graphiql-execute-button")
    await expect(button).to_have_attribute("aria-label", re.compile("Stop"))


async def dimmed(page: Page, demo: Process, to: int) -> None:
    """Another app dims the lamp until the subscription shows it."""
    answer, lamp = page.locator(".result-window"), demo.ready["light_id"]
    for step in range(20):
        done = await partner_of(demo).ask(DIM, id=lamp, to=to + step % 2 * 10)
        try:
            await expect(answer).to_contain_text(done["controlDevice"]["id"], timeout=500)
        except AssertionError:
            continue
        return
    pytest.fail("the subscription never shows it")


async def test_signing_in_and_out(open_page: Open, demo: Process) -> None:
    """One home is shared: queries and the socket show that and no other, until one signs out."""
    async with open_page("/graphql") as opened:
        page, answer = opened.page, opened.page.locator(".result-window")
        seen: list[Request] = []
        page.on("request", lambda request: seen.append(request))  # noqa: PLW0108 - it marks what it is given, which a list's own method does not bear
        await ask(page, demo)
        await allow(page)
        assert page.url == f"{opened.base_url}/graphql"
        await expect(page.get_by_role("status")).to_contain_text("devices:read")
        await expect(page.get_by_label("Access token")).to_be_hidden()
        await opened.shot("signed-in-desktop")
        await run(page, "ListDevices")
        await expect(answer).to_contain_text("Maple Street")
        await expect(answer).not_to_contain_text("Harbour flat")
        await watch(page)
        await dimmed(page, demo, 61)
        tokens = await kept(page)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("button", name="Sign in")).to_be_focused()
        await expect(page.get_by_role("status")).to_contain_text("Signed out.")
        await expect(answer).to_contain_text("closed with 4401")
        assert await kept(page) == {}
        over = replace(partner_of(demo), token=tokens["access"])
        assert (await over.answer("{ viewer { scopes } }"))["errors"]
        await leaks(page, seen, tokens)


async def leaks(page: Page, seen: list[Request], tokens: dict[str, Any]) -> None:
    """The code is named in the address that brought it alone, and no token in any that was used."""
    (brought,) = [one.url for one in seen if "code=" in one.url]
    (code,) = parse_qs(urlsplit(brought).query)["code"]
    for one in seen:
        text = json.dumps(await one.all_headers())
        assert code not in text
        assert one.url == brought or code not in one.url
        assert not any(tokens[name] in one.url for name in ("access", "refresh"))
    stored: str = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert not any(secret in stored for secret in (code, tokens["access"], tokens["refresh"]))


@BRIEF
async def test_a_sign_in_goes_on(open_page: Open, demo: Process) -> None:
    """Tokens are renewed before they end, and a socket that ends with its token comes back."""
    async with open_page("/graphql", "phone", "dark") as opened:
        page, answer = opened.page, opened.page.locator(".result-window")
        await ask(page, demo)
        await allow(page)
        await opened.shot("signed-in-phone-dark")
        await watch(page)
        for to in (20, 40, 60):
            first = await kept(page)
            await asyncio.sleep(4.5)
            await dimmed(page, demo, to)
            assert (await kept(page))["refresh"] != first["refresh"]
        await page.locator(".graphiql-execute-button").click()
        await asyncio.sleep(4.5)
        await run(page, "ListDevices")
        await expect(answer).to_contain_text("Maple Street")
        await page.reload()
        await expect(page.get_by_role("status")).to_contain_text("Signed in as demo.")


@BRIEF
async def test_a_sign_in_that_was_taken_back(open_page: Open, demo: Process) -> None:
    """At the account, while a socket is open: the page says so, and is signed out."""
    async with open_page("/graphql") as opened:
        page = opened.page
        await ask(page, demo)
        await allow(page)
        await watch(page)
        account = await opened.beside("/account")
        app = account.page.get_by_test_id("app").filter(has_text="GraphiQL")
        await app.get_by_role("button", name="Remove all access").click()
        await expect(page.get_by_role("alert")).to_contain_text("Your sign-in is over")
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        await expect(page.locator(".result-window")).to_contain_text("closed with 4401")
        assert all("400" in wrong for wrong in opened.wrong), opened.wrong
        opened.wrong.clear()


async def test_who_says_no_is_not_signed_in(open_page: Open, demo: Process) -> None:
    """It says so in the page, and one may sign in after all."""
    async with open_page("/graphql") as opened:
        page = opened.page
        await ask(page, demo)
        await page.get_by_role("button", name="Deny").click()
        await expect(page.get_by_role("alert")).to_have_text(re.compile("^You did not allow it"))
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert page.url == f"{opened.base_url}/graphql"
        await opened.shot("sign-in-denied-desktop")
        await page.get_by_role("button", name="Sign in").click()
        await allow(page)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "another"}, "belongs to no sign-in"),
        ({"iss": "https://other.example"}, "came from another server"),
        ({"code": "invented"}, "too late, or twice"),
        ({"code": "", "error": "access_denied"}, "You did not allow it"),
        ({"code": "", "error": "<b>invented</b>"}, "refused to sign you in"),
    ],
)
async def test_answers_that_are_wrong(
    open_page: Open, demo: Process, changes: dict[str, str], said: str
) -> None:
    """Whatever comes back in the address is taken out of it and believed only if it fits."""
    async with open_page("/graphql") as opened:
        page = opened.page
        await ask(page, demo)
        asked = json.loads(await page.evaluate("sessionStorage.getItem('latchkey:asked')"))
        good = {"state": asked["state"], "iss": opened.base_url, "code": "x"}
        told = {name: value for name, value in {**good, **changes}.items() if value}
        await page.goto(f"{opened.base_url}/graphql?{urlencode(told)}")
        await expect(page.get_by_role("alert")).to_contain_text(said)
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert page.url == f"{opened.base_url}/graphql"
        assert await kept(page) == {}
        assert all("400" in wrong for wrong in opened.wrong), opened.wrong
        opened.wrong.clear()


async def test_a_tab_that_is_copied(open_page: Open, demo: Process) -> None:
    """Only the first goes on with the refresh token: two that used it would end it for both."""
    async with open_page("/graphql") as opened:
        page = opened.page
        await ask(page, demo)
        await allow(page)
        async with page.expect_popup() as popup:
            await page.evaluate("window.open('/graphql', '_blank')")
        copy = await popup.value
        await expect(copy.get_by_role("alert")).to_contain_text("signed in in another tab")
        assert await kept(copy) == {}
        await page.reload()
        await expect(page.get_by_role("status")).to_contain_text("Signed in as demo.")


async def test_another_name_of_the_same_server(open_page: Open) -> None:
    """Signing in leads back to the public address, so elsewhere the page says where that is."""
    async with open_page("/graphql") as opened:
        page = opened.page
        other = opened.base_url.replace("127.0.0.1", "localhost")
        opened.apart = other
        await page.goto(f"{other}/graphql")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("alert").get_by_role("link").click()
        await expect(page).to_have_url(f"{opened.base_url}/graphql")


async def test_signing_in_by_the_keyboard(open_page: Open, demo: Process) -> None:
    """From the button to the name, without a mouse; and it fits, and everything has a name."""
    async with open_page("/graphql") as opened:
        page, keys = opened.page, opened.page.keyboard
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        await page.get_by_label("Access token").focus()
        await keys.press("Tab")
        await keys.press("Enter")
        await expect(page.get_by_label("Name")).to_be_focused()
        await keys.type(demo.ready["username"])
        await keys.press("Tab")
        await keys.type(demo.ready["password"])
        await keys.press("Enter")
        await expect(page.get_by_test_id("places")).to_be_visible()
        await tab_to(page, demo.ready["light_id"])
        await keys.press("Space")
        await tab_to(page, "Allow")
        await keys.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Signed in as demo.")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            assert await overflow(page) <= 0, width
        nameless: list[str] = await page.evaluate(NAMELESS)
        assert nameless == []
