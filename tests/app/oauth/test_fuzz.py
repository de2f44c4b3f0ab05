"""Whatever is thrown at an endpoint, the answer is one of OAuth's and never a failure of ours."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given, settings as hypothesis, strategies as st
from starlette.routing import Route
from yarl import URL

from app.oauth.routes import routes
from tests.app.oauth.site import BACK, CHALLENGE, SCOPE, VERIFIER, Site

FORM: Final = "application/x-www-form-urlencoded"
KINDS: Final = [f"{FORM};charset=latin-1", FORM.upper(), "application/json", "text/plain", "é", ""]
METHODS: Final = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
NAMES: Final = [
    *("grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "scope"),
    *("refresh_token", "token", "token_type_hint", "resource", "response_type", "state", "request"),
    *("code_challenge", "code_challenge_method", "request_uri", "client_assertion", "device_code"),
    *("client_assertion_type", "dpop_jkt", "prompt", "response_mode", "user_code", "assertion"),
]
VALUES: Final = [
    *("authorization_code", "refresh_token", "client_credentials", "password", "code", "token"),
    *("urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:request_uri:x"),
    *("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "S256", "plain", "a.b", "a.b.c"),
    *(BACK, "javascript:alert(1)", "http://[::1", SCOPE, "usage:read", "admin", VERIFIER),
    *("ID", "SECRET", "PUBLIC", "CODE", "ACCESS", "REFRESH", "", " ", "x" * 5_000, "\0", "\r\n"),
    *('"\\', "é", "\u202e", "\U0001f511", "<script>", "%00", "1" * 400, "e30.e30.e30", "[]", "{}"),
]
PROOFS: Final = ["Basic", "Basic !", "basic Og==", "Basic /////w==", "Bearer x", "DPoP x", "é", ""]
ASKED: Final = {
    "response_type": "code",
    "client_id": "ID",
    "redirect_uri": BACK,
    "scope": SCOPE,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "x",
}
GOOD: Final[Mapping[str, list[dict[str, str]]]] = {
    "/oauth/authorize": [ASKED],
    "/oauth/par": [ASKED],
    "/oauth/token": [
        {"grant_type": "authorization_code", "code": "CODE", "redirect_uri": BACK}
        | {"code_verifier": VERIFIER},
        {"grant_type": "refresh_token", "refresh_token": "REFRESH"},
        {"grant_type": "client_credentials", "scope": "usage:read"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "CODE"},
    ],
    "/oauth/device": [{"scope": SCOPE}],
    "/oauth/register": [{}],
    "/oauth/revoke": [{"token": "ACCESS"}, {"token": "x.y"}],
    "/oauth/introspect": [{"token": "ACCESS"}, {"token": "REFRESH"}],
}
"""What each endpoint is really asked, so that what is thrown is mostly almost right."""
RAW: Final = [b"&state=%FF%FE", b"&scope=%ED%A0%80", b"&%00=%00", b"&=&&==", b"&state=%", b"&%FF"]
"""What no client would write, at the end of what it sends."""
ALLOWED: Final = frozenset(map(chr, range(0x20, 0x7F))) - set('"\\')
"""Letters of an error and of what it says (RFC 6749 §5.2)."""


class Thrower:
    """Makes requests of a seed, and throws them at a site."""

    def __init__(self, site: Site, words: Mapping[str, str], seed: int) -> None:
        """`words` stand for what is good at this site."""
        self._site = site
        self._words = words
        self._random = Random(seed)
        self.statuses: set[int] = set()

    async def throw(self, route: Route) -> None:
        """Throw one, and judge the answer."""
        path, random = route.path.replace("{", "").replace("}", ""), self._random
        form = self._form(path)
        in_url = path == "/oauth/authorize" or self._seldom()
        query = form.decode("latin-1") if in_url else ""
        body = random.randbytes(random.randrange(60)) if self._seldom() else form
        method = "POST" if path in GOOD and path != "/oauth/authorize" else "GET"
        if self._seldom():
            method = random.choice(METHODS)
        url = URL(f"{self._site.base_url}{path}?{query}", encoded=True)
        headers, data = self._headers(), None if method == "GET" else body
        async with self._site.http.request(
            method, url, data=data, headers=headers, allow_redirects=False
        ) as response:
            judge(path, response, await response.read(), proof=headers.get("Authorization", ""))
        self.statuses.add(response.status)

    def _form(self, path: str) -> bytes:
        random = self._random
        good = random.choice(GOOD.get(path, [{}]))
        pairs = [(name, value) for name, value in good.items() if not self._seldom()]
        for _ in range(random.choice([0, 0, 1, 2])):
            name = random.choice(VALUES if self._seldom() else NAMES)
            pairs = [pair for pair in pairs if pair[0] != name or self._seldom()]
            pairs.append((name, random.choice(VALUES)))
        text = urlencode([(name, self._words.get(value, value)) for name, value in pairs])
        return text.encode() + (random.choice(RAW) if self._seldom() else b"")

    def _headers(self) -> dict[str, str]:
        random = self._random
        # Each says that it comes from somewhere else, so that nobody is turned away for trying.
        headers = {"X-Forwarded-For": ".".join(str(random.randrange(256)) for _ in range(4))}
        headers["Content-Type"] = random.choice(KINDS) if self._seldom() else FORM
        headers["Authorization"] = random.choice(PROOFS) if self._seldom() else self._words["GOOD"]
        for name in ("Origin", "DPoP", "Accept", "Content-Encoding", "Authorization"):
            if self._seldom():
                headers[name] = random.choice(["null", "a.b.c", "é", "", "gzip", "*/*"])
        if random.random() < 0.3:
            del headers["Authorization"]
        return headers

    def _seldom(self) -> bool:
        return self._random.random() < 0.1


def judge(path: str, response: aiohttp.ClientResponse, text: bytes, *, proof: str) -> None:
    """An error is JSON in few letters, kept by no cache, and says how to come again."""
    status, headers = response.status, response.headers
    assert status < 500 or status == 503, text
    if status == 405:
        assert headers["Allow"]
    elif path == "/oauth/authorize":
        assert status in {303, 400, 429}, text
        assert (headers["Cache-Control"], status == 303) == ("no-store", "Location" in headers)
    elif status >= 400:
        told = json.loads(text) if response.method != "HEAD" else {"error": ""}
        assert headers["Cache-Control"] == "no-store"
        assert response.content_type == "application/json"
        assert all(set(value) <= ALLOWED for value in told.values()), told
        challenged = status == 401 and bool(headers["WWW-Authenticate"])
        assert challenged or told["error"] != "invalid_client" or not proof
        assert status not in {429, 503} or int(headers["Retry-After"]) > 0


@pytest.fixture
def settings() -> dict[str, Any]:
    """A proxy of ours says where each request comes from."""
    return {"proxies": "127.0.0.1"}


@pytest.fixture
async def words(site: Site) -> dict[str, str]:
    """What the words stand for."""
    tokens, (code, _) = await site.tokens(), await site.code()
    return {
        "ID": site.app.client.id,
        "SECRET": site.app.secret or "",
        "PUBLIC": site.estate.client.id,
        "CODE": code,
        "ACCESS": tokens["access_token"],
        "REFRESH": tokens["refresh_token"],
        "GOOD": site.app.proof["headers"]["Authorization"],
    }


async def thrown(site: Site, words: Mapping[str, str], seed: int) -> set[int]:
    """Some requests at each route of the server; which statuses they were answered with."""
    thrower = Thrower(site, words, seed)
    for route in routes(site.estate.house):
        for _ in range(8 if route.path in GOOD else 2):
            await thrower.throw(route)
    return thrower.statuses


@hypothesis(max_examples=6)
@given(seed=st.integers(0, 2**32))
async def test_every_answer_is_one_of_oauth(site: Site, words: dict[str, str], seed: int) -> None:
    """RFC 6749 §5.2: forms, queries, headers and methods, almost right, on both databases."""
    assert {200, 400} <= await thrown(site, words, seed)


@pytest.mark.soak
@hypothesis(max_examples=500)
@given(seed=st.integers(0, 2**32))
async def test_every_answer_is_one_of_oauth_for_long(
    site: Site, words: dict[str, str], seed: int
) -> None:
    """As above, over more requests."""
    await thrown(site, words, seed)
