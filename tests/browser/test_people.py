"""People connect an app in a browser, see it listed, and take back what they gave."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser.conftest import Open, Watched, overflow
from tests.browser.test_house import NAMELESS
from tests.processes import Partner, Process, Starter, partner_of

REGISTERED: Final = "http://127.0.0.1:8765/callback"
VERIFIER: Final = "v" * 43
WIDTHS: Final = (320, 390, 768, 1024, 1440, 1920)
CHALLENGE: Final = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
FOCUSED: Final = """
() => { const one = document.activeElement;
  return one.id || one.textContent.trim() || one.getAttribute("aria-label") || one.tagName; }
"""

SELECTED: Final = """
() => { const { value, selectionStart, selectionEnd } = document.activeElement;
  return value.slice(selectionStart, selectionEnd); }
"""


@dataclass(frozen=True)
class App:
    """A partner's app that nobody has connected yet."""

    demo: Process
    client_id: str
    secret: str
    back: str
    """Where it waits: the registered address, at a port that was free (RFC 8252 §7.3)."""

    def ask(self, *scopes: str) -> str:
        """Where it sends somebody, for these scopes."""
        fields = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "scope": " ".join(scopes),
            "state": "state-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"/oauth/authorize?{urlencode(fields)}"

    async def partner(self, back: str) -> Partner:
        """The partner, with the token for the code that came back."""
        told = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items()}
        assert (told["state"], told["iss"]) == ("state-1", self.demo.ready["base_url"])
        form = {
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": self.back,
            "code_verifier": VERIFIER,
        }
        proof = {"Authorization": aiohttp.encode_basic_auth(self.client_id, self.secret)}
        async with aiohttp.ClientSession() as session:
            url = f"{self.demo.ready['base_url']}/oauth/token"
            answer = await (await session.post(url, data=form, headers=proof)).json()
        return replace(partner_of(self.demo), token=answer["access_token"])


async def operator(demo: Process, starter: Starter, *words: str) -> dict[str, Any]:
    """What a command of the operator prints, while the demo runs."""
    folder = starter.folder / ".latchkey"
    env = {
        "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'latchkey.db'}",
        "LATCHKEY_SECRET_KEYS": (folder / "secret").read_text(),
        "LATCHKEY_PUBLIC_URL": demo.ready["base_url"],
    }
    made: dict[str, Any] = json.loads(
        await asyncio.to_thread(starter.run, *words, "--json", env=env)
    )
    await asyncio.sleep(1)  # until the demo's process has heard of it
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def app(demo: Process, starter: Starter) -> AsyncIterator[App]:
    """An app that nobody has connected yet."""
    words = ("client", "create", "Lamp Whisperer", "--redirect-uri", REGISTERED)
    made = await operator(demo, starter, *words)
    waiting = web.Application()
    waiting.router.add_get("/callback", _welcome)
    runner = web.AppRunner(waiting)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    back = f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    yield App(demo, made["client_id"], made["client_secret"], back)
    await runner.cleanup()


async def _welcome(request: web.Request) -> web.Response:
    """What the app says when somebody comes back to it."""
    del request
    page = "<!doctype html><link rel=icon href=data:,><p>Welcome back."
    return web.Response(text=page, content_type="text/html")


async def sign_in(page: Page, demo: Process) -> None:
    """Fill in the form."""
    await page.get_by_label("Name").fill(demo.ready["username"])
    await page.get_by_label("Password").fill(demo.ready["password"])
    await page.get_by_role("button", name="Sign in").click()


async def came_back(opened: Watched, app: App) -> str:
    """The address at which somebody came back to the app; that it is another host is right."""
    await opened.page.wait_for_url(f"{app.back}?*")
    opened.wrong[:] = [wrong for wrong in opened.wrong if app.back not in wrong]
    return opened.page.url


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(300):
        await page.keyboard.press("Tab")
        if await page.evaluate(FOCUSED) == name:
            return
    pytest.fail(f"Tab never comes to {name}")


async def test_an_app_is_connected_and_taken_back(open_page: Open, app: App) -> None:
    """One device and no control; the app sees just that, live, until the access is removed."""
    light = app.demo.ready["light_id"]
    path = app.ask("devices:read", "devices:control", "events:subscribe")
    async with open_page(path) as opened:
        page = opened.page
        await opened.shot("login-desktop")
        await sign_in(page, app.demo)
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Lamp Whisperer asks for access to your homes")
        await page.get_by_label("Control them").uncheck()
        await page.get_by_label("Living room lamp").check()
        await opened.shot("consent-desktop")
        await page.get_by_role("button", name="Allow").click()
        partner = await app.partner(await came_back(opened, app))
        seen = await partner.ask("{ devices { nodes { id } } viewer { scopes } }")
        assert seen["devices"]["nodes"] == [{"id": light}]
        assert sorted(seen["viewer"]["scopes"]) == ["devices:read", "events:subscribe"]
        async with partner.watching("subscription { deviceStatusChanged { id } }") as watching:
            await page.goto(f"{opened.base_url}/account")
            listed = page.get_by_test_id("app").filter(has_text="Lamp Whisperer")
            await listed.get_by_text("Maple Street: 1 device").click()
            await expect(listed.get_by_role("listitem").filter(has_text="lamp")).to_be_visible()
            await opened.shot("account-desktop")
            await listed.get_by_role("button", name="Remove all access").click()
            async with asyncio.timeout(2):
                while (await watching.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
            assert watching.socket.close_code == 4401
            await expect(listed).to_have_count(0)
        assert (await partner.answer("{ __typename }"))["errors"]


async def test_one_device_is_taken_back(open_page: Open, app: App) -> None:
    """The others stay; the app asks for more later, and is asked only what is new."""
    async with open_page(app.ask("devices:read"), "phone", "dark") as opened:
        page = opened.page
        await opened.shot("login-phone-dark")
        await sign_in(page, app.demo)
        await page.get_by_label("All of Maple Street").check()
        await opened.shot("consent-phone-dark")
        await page.get_by_role("button", name="Allow").click()
        partner = await app.partner(await came_back(opened, app))
        query = "{ devices(first: 100) { nodes { name kind } } }"
        before = (await partner.ask(query))["devices"]["nodes"]
        assert not {"LOCK", "GARAGE_DOOR"} & {one["kind"] for one in before}
        await page.goto(f"{opened.base_url}/account")
        listed = page.get_by_test_id("app").filter(has_text="Lamp Whisperer")
        await listed.get_by_test_id("seen").locator("summary").click()
        name = "Stop sharing Living room lamp with Lamp Whisperer"
        await listed.get_by_role("button", name=name).click()
        await expect(listed.get_by_text("Living room lamp")).to_have_count(0)
        await opened.shot("account-phone-dark")
        after = (await partner.ask(query))["devices"]["nodes"]
        assert after == [one for one in before if one["name"] != "Living room lamp"]
        await page.goto(opened.base_url + app.ask("devices:read", "devices:control"))
        asked = page.get_by_test_id("scopes").get_by_role("checkbox")
        await expect(asked).to_have_count(1)
        await page.get_by_role("button", name="Deny").click()
        assert "error=access_denied" in await came_back(opened, app)
        await page.goto(f"{opened.base_url}/account")


async def test_what_comes_with_a_home_is_shown_so(open_page: Open, app: App) -> None:
    """Its lamp looks covered and can still be ticked; its lock is not, and comes with no home."""
    async with open_page(app.ask("devices:read"), "phone") as opened:
        page = opened.page
        await sign_in(page, app.demo)

        async def said(name: str) -> str:
            label = page.locator("label", has_text=re.compile(f"^{name}$"))
            told: str = await label.evaluate("one => getComputedStyle(one, '::after').content")
            return told

        assert await said("Living room lamp") == "none"
        for whole in ("All of Maple Street", "All of the room Living room"):
            await page.get_by_label(whole).check()
            assert await said("Living room lamp") == '" (included)"'
            assert await said("Front door") == "none"
            await expect(page.get_by_label("Living room lamp")).to_be_enabled()
            await opened.shot("consent-covered-phone")
            await page.get_by_label(whole).uncheck()
            assert await said("Living room lamp") == "none"


async def test_all_of_it_by_the_keyboard(open_page: Open, app: App) -> None:
    """Sign in, tick one lamp, allow: Tab, Space and Enter are enough, in the order of the page."""
    async with open_page(app.ask("devices:read")) as opened:
        page, keys = opened.page, opened.page.keyboard
        await expect(page.get_by_label("Name")).to_be_focused()
        await keys.type(app.demo.ready["username"])
        await keys.press("Tab")
        await keys.type(app.demo.ready["password"])
        await keys.press("Enter")
        await expect(page.get_by_test_id("places")).to_be_visible()
        await tab_to(page, "Skip to the page")
        await tab_to(page, app.demo.ready["light_id"])
        await keys.press("Space")
        await expect(page.get_by_label("Living room lamp")).to_be_checked()
        await tab_to(page, "Allow")
        await keys.press("Enter")
        assert "code=" in await came_back(opened, app)
        await page.goto(f"{opened.base_url}/account")
        await tab_to(page, "Sign out")
        await keys.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_what_is_wrong_is_where_the_focus_is(open_page: Open, app: App) -> None:
    """A summary that has the focus, with links to the parts that it speaks of."""
    async with open_page(app.ask("devices:read")) as opened:
        page = opened.page
        await page.get_by_label("Name").fill("demo")
        await page.get_by_label("Password").fill("not the password of demo")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_test_id("summary")).to_be_focused()
        await expect(page).to_have_title(re.compile("^Error: "))
        await page.get_by_test_id("summary").get_by_role("link").click()
        await expect(page.get_by_label("Name")).to_be_focused()
        await opened.shot("login-wrong-desktop")
        await sign_in(page, app.demo)
        await page.get_by_role("button", name="Allow").click()
        await expect(page.get_by_test_id("summary")).to_be_focused()
        await page.get_by_text("Tick at least one home, room or device.").click()
        await expect(page.get_by_test_id("places")).to_be_focused()
        await opened.shot("consent-wrong-desktop")
        assert all("400" in wrong for wrong in opened.wrong), opened.wrong
        assert opened.wrong
        opened.wrong.clear()


async def test_a_personal_access_token_is_made_and_revoked(open_page: Open, app: App) -> None:
    """By the keyboard it is selected whole and alone; it opens what was ticked, shown as used."""
    async with open_page("/login") as opened:
        page = opened.page
        await sign_in(page, app.demo)
        await page.get_by_role("link", name="Show and make tokens").click()
        await page.get_by_label("Name").fill("Terminal")
        await page.get_by_label("Living room lamp").check()
        await page.get_by_label("Your password").fill(app.demo.ready["password"])
        await page.get_by_role("button", name="Make the token").click()
        await expect(page.get_by_test_id("made")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Control+a")
        selected = await page.evaluate(SELECTED)
        assert selected == await page.get_by_label("Copy it now").input_value()
        await opened.shot("keys-made-desktop")
        partner = replace(partner_of(app.demo), token=selected)
        seen = await partner.ask("{ devices { nodes { id } } }")
        assert seen["devices"]["nodes"] == [{"id": app.demo.ready["light_id"]}]
        await page.goto(f"{opened.base_url}/account/keys")
        listed = page.get_by_test_id("key").filter(has_text="Terminal")
        await expect(listed).to_contain_text("just now")
        await listed.get_by_role("button", name="Revoke Terminal").click()
        await expect(page.get_by_test_id("no-keys")).to_be_visible()
        assert (await partner.answer("{ homes { totalCount } }"))["errors"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_every_screen(open_page: Open, app: App, scheme: str) -> None:
    """From 320 to 1920 pixels nothing has to be moved sideways, and everything has a name."""
    async with open_page("/login", "phone", scheme) as opened:
        page = opened.page

        async def fits() -> None:
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                assert await overflow(page) <= 0, f"{page.url} at {width}"
            nameless: list[Any] = await page.evaluate(NAMELESS)
            assert nameless == []

        await fits()
        await sign_in(page, app.demo)
        await expect(page.get_by_test_id("app")).not_to_have_count(0)
        for summary in await page.locator("summary").all():
            await summary.click()
        await fits()
        await page.get_by_role("link", name="Change what it sees").first.click()
        await expect(page.get_by_test_id("places")).to_be_visible()
        await fits()
        await opened.shot(f"change-wide-{scheme}")
        for path in ("/account/password", "/account/keys", "/account/homes"):
            await page.goto(opened.base_url + path)
            await fits()
        await page.goto(opened.base_url + app.ask("devices:read", "sandbox:control"))
        await fits()
        await opened.shot(f"consent-wide-{scheme}")


async def test_it_works_without_scripts(open_page: Open, app: App) -> None:
    """There is not one script on these pages."""
    async with open_page(app.ask("devices:read")) as opened:
        await sign_in(opened.page, app.demo)
        for path in ("/account", "/account/password", "/account/keys"):
            await opened.page.goto(opened.base_url + path)
            await expect(opened.page.locator("script")).to_have_count(0)
