"""The page of the house over HTTP: where it is, what it may load, and who may read it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from graphql import build_schema, parse, validate

from app.address import bound
from app.demo import HOSTS
from app.pages.opening import Opening
from app.pages.press import STATIC
from app.server import listening
from tests.app.conftest import Api
from tests.app.test_explorer import Page

OURS = sorted((STATIC / "house").glob("*.js"))
ADDRESS = re.compile(r"https?://(?!www\.w3\.org/2000/svg)")
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(")
DOCUMENT = re.compile(r"const ([A-Z]+) = `(.*?)`;", re.DOTALL)
PART = re.compile(r"\$\{([A-Z]+)\}")
ROOT = Path(__file__).parents[2]
IMPORT = re.compile(r'from "\./([a-z]+\.js)"')
LINES = 300


@pytest.fixture
async def front(api: Api) -> AsyncIterator[str]:
    """The address of a server that has the page, as the demo's has."""
    tokens = iter(f"token {number} </script>" for number in range(9))
    opening = Opening(lambda: next(tokens), api.home_id, api.light.id, api.lock.id)
    with bound("127.0.0.1", 0) as listener:
        async with listening(api.house, listener, HOSTS, opening):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def opened(api: Api, url: str) -> tuple[aiohttp.ClientResponse, Page]:
    """The page, asked for by a script of another site."""
    response = await api.http.get(url, headers={"Origin": "https://evil.example"})
    return response, Page(await response.text())


async def test_nobody_is_signed_in_outside_the_demo(api: Api) -> None:
    """Without an opening there is no page, and so no token in one."""
    response = await api.http.get(f"{api.base_url}/")
    assert response.status == 404


async def test_the_page_knows_what_it_needs(api: Api, front: str) -> None:
    """Where the API and the account are, the first home, and a token of its own for each load."""
    response, first = await opened(api, front)
    assert 'href="/account">Your account</a>' in await response.text()
    _, second = await opened(api, front)
    assert first.facts == {
        "graphqlUrl": "/graphql",
        "explorerUrl": "/graphql",
        "homeId": api.home_id,
        "token": "token 0 </script>",
    }
    assert second.facts["token"] == "token 1 </script>"


async def test_no_other_site_reads_the_page(api: Api, front: str) -> None:
    """It holds a token: no CORS, no frames, no caches, and only this machine's names."""
    response, _ = await opened(api, front)
    assert response.status == 200
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"
    rebound = await api.http.get(front, headers={"Host": "evil.example"})
    assert rebound.status == 400


async def test_the_page_runs_and_loads_only_files_from_here(api: Api, front: str) -> None:
    """Nothing in place, nothing from elsewhere, and every file is there."""
    response, page = await opened(api, front)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.inline == []
    assert page.loads
    for path in (*page.loads, *(f"/assets/house/{one.name}" for one in OURS)):
        assert path.startswith("/assets/")
        assert (await api.http.get(front + path)).status == 200, path


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_a_script_is_small_and_makes_no_markup(path: Path) -> None:
    """Names of devices only ever become text; every import is a file beside it."""
    text = path.read_text(encoding="utf-8")
    assert not MARKUP.search(text)
    assert not ADDRESS.search(text)
    assert len(text.splitlines()) <= LINES
    assert {path.with_name(name) for name in IMPORT.findall(text)} <= set(OURS)


def test_what_the_page_asks_is_published() -> None:
    """Each document of the page is valid against the graph that partners read."""
    text = (STATIC / "house" / "documents.js").read_text(encoding="utf-8")
    parts: dict[str, str] = {}
    for name, body in DOCUMENT.findall(text):
        parts[name] = PART.sub(lambda part: parts[part[1]], body)
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    documents = {name: body for name, body in parts.items() if not body.startswith("\nfragment")}
    assert len(documents) >= 7
    for name, body in documents.items():
        assert validate(schema, parse(body)) == [], name
