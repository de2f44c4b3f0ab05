"""GraphiQL over HTTP: who gets the page, what it may do, and what stands in it."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest

from app.address import bound
from app.pages.examples import examples
from app.pages.opening import Opening
from app.server import listening
from core.domain.accounts import EXPLORER
from tests.app.conftest import Api

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Page(HTMLParser):
    """What a page loads, what it runs in place, and the facts in it."""

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.facts: Any = None
        self._within: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what it loads."""
        given = dict(attrs)
        loaded = given.get("src") or (given.get("href") if tag == "link" else None)
        self.loads += [loaded] if loaded else []
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag in {"script", "style"} and not loaded:
            self._within = given.get("type") or tag

    def handle_endtag(self, tag: str) -> None:
        """Leave a block."""
        del tag
        self._within = None

    def handle_data(self, data: str) -> None:
        """Note what stands in a block."""
        if self._within == "application/json":
            self.facts = json.loads(data)
        elif self._within:
            self.inline.append(data)


@pytest.fixture
def opening(api: Api) -> Opening:
    """What the demo hands to its pages."""
    return Opening(api.token, api.home_id, api.light.id, api.lock.id)


async def staged(api: Api, opening: Opening) -> str:
    """The page as the demo serves it."""
    with bound("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        async with listening(api.house, listener, opening=opening):
            response = await api.http.get(url, headers={"Accept": BROWSER})
            return await response.text()


async def page_of(api: Api, accept: str = BROWSER) -> tuple[aiohttp.ClientResponse, Page]:
    """The page as a browser gets it."""
    headers = {"Accept": accept, "Origin": "https://evil.example"}
    response = await api.http.get(api.graphql_url, headers=headers)
    return response, Page(await response.text())


async def test_a_browser_gets_the_explorer(api: Api) -> None:
    """A page under a strict policy, whose every file is served from here."""
    response, page = await page_of(api)
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.inline == []
    assert page.loads
    for path in page.loads:
        asset = await api.http.get(api.base_url + path)
        assert (asset.status, path[0]) == (200, "/"), path
        assert len(await asset.read()) > 100


async def test_no_other_origin_reads_the_explorer(api: Api, opening: Opening) -> None:
    """The API answers any origin; a page that holds a token must not, by whatever method."""
    with bound("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        async with listening(api.house, listener, opening=opening):
            for method in ("GET", "HEAD", "OPTIONS"):
                headers = {"Accept": "TEXT/HTML", "Origin": "https://evil.example"}
                response = await api.http.request(method, url, headers=headers)
                text = await response.text()
                assert "Access-Control-Allow-Origin" not in response.headers or method == "OPTIONS"
                assert ("eyJ" in text) is (method == "GET")
                assert method == "OPTIONS" or response.headers["Cache-Control"] == "no-store"


async def test_outside_the_demo_it_has_no_token(api: Api) -> None:
    """It says how to get one instead."""
    response, page = await page_of(api)
    assert page.facts["token"] is None
    assert "latchkey token create" in await response.text()


async def test_it_signs_in_as_the_client_that_is_built_in(api: Api) -> None:
    """It is led back to itself, and its address, which then holds a code, is told to nobody."""
    response, page = await page_of(api)
    told, known = page.facts["client"], api.house.access.clients[EXPLORER]
    assert (told["id"], told["issuer"]) == (known.id, api.house.settings.public_url)
    assert (told["redirectUri"],) == known.redirect_uris
    assert set(told["scope"].split()) == known.scopes
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_in_the_demo_it_has_a_token(api: Api, opening: Opening) -> None:
    """A fresh one for each load, and ids that are real."""
    page = Page(await staged(api, opening))
    assert set(await api.ask("{ viewer { scopes } }", token=page.facts["token"])) == {"viewer"}
    assert json.loads(page.facts["tabs"][1]["variables"])["lamp"] == api.light.id


async def test_what_stands_in_the_page_ends_no_block(api: Api, opening: Opening) -> None:
    """Facts are JSON in a page, where `</script>` must not be read as its end."""
    hostile = replace(opening, home_id="</script><script>alert(1)</script>")
    text = await staged(api, hostile)
    assert "<script>alert" not in text
    assert Page(text).facts["kept"] == hostile.home_id


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/graphql-response+json, text/html",
        "text/html;q=0.5, application/json;q=0.9",
        "",
    ],
)
async def test_a_program_gets_json(api: Api, accept: str) -> None:
    """Who does not ask for a page first gets the API."""
    headers = {"Accept": accept}
    response = await api.http.get(api.graphql_url, params={"query": "{ a }"}, headers=headers)
    assert "json" in response.headers["Content-Type"]


async def test_the_examples_run(api: Api, opening: Opening) -> None:
    """Every tab is a document that this graph takes, with the variables beside it."""
    listing, control, watch, _ = examples(replace(opening, sensor_id="device_0"))
    await api.ask(listing.query)
    done = await api.ask(control.query, **control.variables)
    assert done["controlDevice"]["status"] == "CONFIRMED"
    assert done["controlDevice"]["device"]["state"] == {"on": True, "brightness": 40}
    refused = await api.refused(watch.query, **watch.variables)
    assert "WebSocket" in refused["message"]


async def test_the_examples_without_a_demo_name_no_id(api: Api) -> None:
    """Where nobody is signed in, the variables say where ids come from."""
    for example in examples(None):
        assert not re.search(r"(device|home)_", str(example.variables))
    await api.ask(examples(None)[0].query)
