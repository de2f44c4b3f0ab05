"""A real browser before a real demo: every page is watched for what must never happen there."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
    expect,
)

from tests.processes import ROOT, Process, Starter

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = 20_000
"""For what takes less than one second on a quiet machine."""

expect.set_options(timeout=PATIENCE_MS)

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI || "inline"}`));
"""


@dataclass
class Watched:
    """A page, and everything about it that a person would call broken."""

    page: Page
    base_url: str
    apart: str = ""
    """Another host that is right: a partner's page."""
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from the first request on."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("websocket", lambda socket: self._address(socket.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        right = {urlsplit(self.base_url).netloc, urlsplit(self.apart).netloc}
        if parts.scheme not in {"data", "blob"} and parts.netloc not in right:
            self.wrong.append(f"another host: {url}")

    async def beside(self, path: str) -> "Watched":
        """One more tab of the same person."""
        tab = Watched(await self.page.context.new_page(), self.base_url)
        tab.wrong = self.wrong
        await tab.page.goto(self.base_url + path)
        return tab

    async def shot(self, name: str) -> None:
        """Keep what it looks like, for people to see."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


Open = Callable[..., AbstractAsyncContextManager[Watched]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is in this folder in the loop of the browser, which lives longer than a test."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, one for all tests of a process: each has a context of its own."""
    if CHROMIUM is None:
        pytest.skip("There is no Chromium: install the system's package (apt install chromium).")
    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        await browser.close()


@pytest.fixture
def demo_env() -> dict[str, str]:
    """Settings of the demo, besides its own."""
    return {}


@pytest.fixture
def demo(starter: Starter, demo_env: dict[str, str]) -> Process:
    """A fresh demo."""
    return starter.demo(env=demo_env)


@pytest.fixture
def open_page(browser: Browser, demo: Process) -> Open:
    """Open a path of the demo, or a page `apart`; nothing may be wrong with it to the end."""

    @asynccontextmanager
    async def opened(
        path: str, size: str = "desktop", scheme: str = "light", apart: str = ""
    ) -> AsyncIterator[Watched]:
        width, height = SIZES[size]
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=size == "phone",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(TELL_VIOLATIONS)
        watched = Watched(await context.new_page(), demo.ready["base_url"], apart)
        try:
            await watched.page.goto((apart or watched.base_url) + path)
            yield watched
            assert await overflow(watched.page) <= 0, "the page scrolls sideways"
            assert watched.wrong == []
        finally:
            await context.close()

    return opened


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    # By a locator, which waits for the page that a click may just have asked for.
    wide: int = await page.locator("html").evaluate("(it) => it.scrollWidth - it.clientWidth")
    return wide
