"""What the server must do besides refusing attacks: each test or row names the section."""

import base64
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from app.door import refuse_unsafe
from core.domain.accounts import ClientAuth, Flow
from core.domain.errors import Invalid
from core.services.attempts import RULES
from core.settings import Settings
from core.tokens import digest
from tests.app.oauth.site import BACK, CHALLENGE, App, Site, told

POSTS = ["token", "revoke", "introspect", "par"]
FORM = {"grant_type": "client_credentials"}
ANY = {**FORM, "token": "x"}
"""Something that each endpoint has to know a client for."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough for what is decided outside it."""
    return sqlite_url


async def sent(site: Site, path: str, form: Any = None, **more: Any) -> aiohttp.ClientResponse:
    """The response to a form of the site's app, read."""
    proof = more.pop("headers", None) or site.app.proof["headers"]
    url = f"{site.base_url}/oauth/{path}"
    async with site.http.post(url, data=form or FORM, headers=proof, **more) as response:
        await response.read()
    return response


@pytest.mark.parametrize(
    ("section", "more"),
    [
        ("RFC 6749 §3.1 unknown", {"prompt": "none", "response_mode": "fragment", "x": "y"}),
        ("RFC 6749 §3.1 without a value", {"resource": "", "request_uri": "", "code": ""}),
    ],
)
async def test_what_means_nothing_is_ignored(
    site: Site, section: str, more: dict[str, str]
) -> None:
    """RFC 6749 §3.1, RFC 6749 §3.2: at every endpoint, as if it had not been sent."""
    status, location, _ = await site.authorize({**site.request(), **more})
    assert (status, location.partition("?")[0]) == (303, "/consent"), section
    more.pop("code", None)
    assert (await site.post("par", {**site.request(), "x": "y"}))[0] == 201, section
    status, answer = await site.post("token", {**FORM, **more, "scope": ""})
    assert status == 200, section
    token = {"token": answer["access_token"], **more}
    assert (await site.post("introspect", token))[1]["active"], section
    assert await site.post("revoke", token) == (200, {}), section


async def test_what_must_be_named_again_is_what_was_used(site: Site) -> None:
    """RFC 6749 §4.1.3: whoever leaves the URI out may name it later, but no other."""
    for uri, status in ((BACK, 200), ("https://evil.example/cb", 400)):
        code, _ = await site.code(redirect_uri=None)
        assert (await site.redeem(code, redirect_uri=uri))[0] == status


@pytest.mark.parametrize(
    ("section", "uris"),
    [
        ("RFC 6749 §3.1.2.2 none was registered", []),
        ("RFC 6749 §3.1.2.3 one of two has to be named", [BACK, BACK + "2"]),
    ],
)
async def test_a_redirect_uri_is_known(site: Site, section: str, uris: list[str]) -> None:
    """RFC 6749 §3.1.2.4: otherwise nobody is sent anywhere."""
    accounts = site.estate.house.services.accounts
    app = App(await accounts.create_client("App", redirect_uris=uris))
    status, location, _ = await site.authorize(site.request(app, redirect_uri=None))
    assert (status, location) == (400, ""), section


async def test_an_answer_keeps_the_query_and_the_state(site: Site) -> None:
    """RFC 6749 §3.1.2, RFC 6749 §4.1.2: the URI's own query stays, the state is as it was sent."""
    state = "a b&code=x+%é/?#\"'"
    app = await site.new_app(ClientAuth.NONE, BACK + "?own=1")
    for changes in ({}, {"scope": "admin"}):
        asked = site.request(app, redirect_uri=BACK + "?own=1", state=state, **changes)
        _, location, _ = await site.authorize(asked)
        if not changes:
            request = told(location)["request"]
            deny = site.estate.house.services.authorizations.deny
            location = await deny(request, site.estate.user.id)
        answer = told(location)
        assert (answer["own"], answer["state"]) == ("1", state)


async def test_tokens_are_kept_by_no_cache(site: Site) -> None:
    """RFC 6749 §5.1: in JSON, with both headers that say so; errors and pushed requests too."""
    for path, form in (("token", FORM), ("token", {"grant_type": "x"}), ("par", site.request())):
        response = await sent(site, path, form)
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert path == "par" or response.headers["Pragma"] == "no-cache"


@pytest.mark.parametrize("path", POSTS)
async def test_a_challenge_names_scheme_and_realm(site: Site, path: str) -> None:
    """RFC 6749 §5.2, RFC 7617 §2: 401 to whoever tried Basic, and how it would go."""
    wrong = {"Authorization": aiohttp.encode_basic_auth(site.app.client.id, "wrong")}
    response = await sent(site, path, ANY, headers=wrong)
    assert response.status == 401
    challenge = 'Basic realm="latchkey", error="invalid_client", error_description="'
    assert response.headers["WWW-Authenticate"].startswith(challenge)


@pytest.mark.parametrize("path", POSTS)
async def test_a_client_shows_one_proof(site: Site, path: str) -> None:
    """RFC 6749 §2.3: two headers are two methods, and the URL is no place for a secret."""
    basic = site.app.proof["headers"]["Authorization"]
    twice = [("Authorization", basic), ("Authorization", basic)]
    refused = await (await sent(site, path, ANY, headers=twice)).json()
    assert "one Authorization header" in refused["error_description"]
    secret = {"client_id": site.app.client.id, "client_secret": site.app.secret or ""}
    nothing = {"X-Nothing": "1"}
    response = await sent(site, path, ANY, headers=nothing, params=secret)
    assert (await response.json())["error"] == "invalid_client"


async def test_basic_is_encoded_twice(site: Site) -> None:
    """RFC 6749 §2.3.1: id and secret are encoded as in a form, before base64."""
    pair = f"{quote(site.app.client.id).replace('_', '%5F')}:%{ord((site.app.secret or '')[0]):X}"
    text = pair + (site.app.secret or "")[1:]
    headers = {"Authorization": f"bAsIc {base64.b64encode(text.encode()).decode()}"}
    assert (await sent(site, "token", headers=headers)).status == 200


@pytest.mark.parametrize("path", POSTS)
async def test_secrets_cannot_be_guessed(site: Site, path: str) -> None:
    """RFC 6749 §2.3.1, RFC 7009 §5: after many attempts one waits, whoever one claims to be."""
    wrong = {"Authorization": aiohttp.encode_basic_auth(site.app.client.id, "wrong")}
    for _ in range(RULES["client"].burst - 1):
        site.estate.house.throttle.count("client", "127.0.0.1")
    assert (await sent(site, path, ANY, headers=wrong)).status == 401
    response = await sent(site, path, ANY)
    assert (response.status, int(response.headers["Retry-After"]) > 0) == (429, True)


async def test_codes_and_tokens_cannot_be_guessed(site: Site) -> None:
    """RFC 6749 §10.10: neither by whoever has a client's id alone."""
    app = await site.new_app(ClientAuth.NONE)
    for _ in range(RULES["client"].burst - 2):
        site.estate.house.throttle.count("client", "127.0.0.1")
    assert (await site.redeem("guess", app))[0] == 400
    assert (await site.refresh("guess.x", app))[0] == 400
    status, answer = await site.refresh("guess.x", app)
    assert (status, answer["error"]) == (429, "temporarily_unavailable")


async def test_what_is_given_out_says_nothing(site: Site) -> None:
    """RFC 6749 §10.10, RFC 7636 §4.4, RFC 9126 §2.2: 256 random bits, and nothing else."""
    code, _ = await site.code()
    _, tokens = await site.redeem(code)
    _, pushed = await site.post("par", site.request())
    uri = str(pushed["request_uri"]).rpartition(":")[2]
    every = [code, *tokens["refresh_token"].split("."), uri, site.app.secret or ""]
    assert {len(one) for one in every} == {43}
    assert len(set(every)) == 5
    assert digest(CHALLENGE) not in every
    assert CHALLENGE not in every


async def test_a_public_client_names_itself(site: Site) -> None:
    """RFC 6749 §3.2.1: a code without a client is nobody's."""
    public = await site.new_app(ClientAuth.NONE)
    code, _ = await site.code(public)
    form = {"grant_type": "authorization_code", "code": code}
    response = await sent(site, "token", form, headers={"X-Nothing": "1"})
    assert (response.status, (await response.json())["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(
    ("section", "form"),
    [
        ("RFC 6749 §5.2", {"grant_type": "authorization_code", "code": "x"}),
        ("RFC 6749 §5.2", {"grant_type": "refresh_token", "refresh_token": "x.y"}),
        ("RFC 6749 §5.2", {**FORM, "scope": "usage:read"}),
    ],
)
async def test_a_flow_that_a_client_has_not(site: Site, section: str, form: dict[str, str]) -> None:
    """It is `unauthorized_client`, before anything is looked at."""
    services, own = site.estate.house.services, Flow.CREDENTIALS
    flow = Flow.DEVICE if form["grant_type"] == own else own
    auth = ClientAuth.BASIC
    client = await services.accounts.create_client("Other", flows=[flow], auth=auth)
    app = App(client, await services.client_secrets.rotate(client.id))
    status, answer = await site.post("token", form, app)
    assert (status, answer["error"]) == (400, "unauthorized_client"), section


@pytest.mark.parametrize("path", POSTS)
async def test_a_form_has_an_end(site: Site, path: str) -> None:
    """RFC 9126 §2.3: 413; it is JSON like every refusal."""
    response = await sent(site, path, {"token": "x" * 40_000})
    assert (response.status, (await response.json())["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_is_answered(site: Site, path: str, method: str) -> None:
    """RFC 6749 §3.2, RFC 9126 §2.3, RFC 7662 §2.1: 405, and which would be right."""
    async with site.http.request(method, f"{site.base_url}/oauth/{path}") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_request_has_an_end(site: Site) -> None:
    """What anybody may send and we keep is bounded: a page says so."""
    status, location, text = await site.authorize(site.request(state="x" * 40_000))
    assert (status, location, "larger than" in text) == (400, "", True)


async def test_a_token_is_shown_in_the_header_alone(site: Site) -> None:
    """RFC 6750 §2.2, RFC 6750 §2.3, RFC 9700 §4.3.2: in a URL or a form it opens nothing."""
    token = {"access_token": (await site.tokens())["access_token"]}
    url, query = f"{site.base_url}/graphql", {"query": "{ homes { totalCount } }"}
    async with site.http.post(url, json=query, params=token) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    async with site.http.post(url, data={**query, **token}) as response:
        assert response.status == 415


def test_nothing_is_served_in_clear() -> None:
    """RFC 6749 §1.6, RFC 6750 §5.2, RFC 7591 §5, RFC 9700 §2.6: TLS, but for our own machine."""
    keys = (b"k" * 32,)
    refuse_unsafe(Settings(public_url="http://127.0.0.1:8000", secret_keys=keys))
    refuse_unsafe(Settings(public_url="https://api.example.com", secret_keys=keys))
    with pytest.raises(Invalid, match="tokens must not travel in clear"):
        refuse_unsafe(Settings(public_url="http://api.example.com", secret_keys=keys))
