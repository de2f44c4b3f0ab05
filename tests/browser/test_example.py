"""The example of a partner's app, beside the demo: connected in a browser, live, taken back."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open
from tests.browser.test_people import sign_in
from tests.processes import PATIENCE, ROOT, Process, partner_of
from tests.system.test_demo import CONTROL
from tests.system.test_processes import free_port


@pytest.fixture
def shop(demo: Process) -> Iterator[str]:
    """Where the example serves."""
    port, ready = free_port(), demo.ready
    env = {"CLIENT_ID": ready["client_id"], "CLIENT_SECRET": ready["client_secret"]}
    words = (ROOT / "docs/examples/partner.py", ready["base_url"], "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, *map(str, words)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert str(port) in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait(PATIENCE)
    process.stdout.close()


async def test_a_home_is_connected_and_watched(open_page: Open, demo: Process, shop: str) -> None:
    """From "Connect my home" to live events with a token by code and PKCE, and their end."""
    async with open_page("/livez") as opened:
        page = opened.page
        await page.goto(shop)
        await page.get_by_role("link", name="Connect my home").click()
        await sign_in(page, demo)
        await page.get_by_label("All of Maple Street").check()
        await page.get_by_role("button", name="Allow").click()
        await expect(page.get_by_text("Your home is connected")).to_be_visible()
        assert "code=" not in page.url
        partner = partner_of(demo)
        await partner.ask(CONTROL, id=demo.ready["light_id"], brightness=37)
        await expect(page.get_by_text("brightness changed").first).to_be_visible()
        account = await page.context.new_page()
        await account.goto(f"{demo.ready['base_url']}/account")
        await account.get_by_role("button", name="Remove all access of Demo app").first.click()
        await expect(page.get_by_text("The stream has ended (4401)")).to_be_visible()
        opened.wrong.clear()  # the example is on another port, which is the point of it
