"""What goes through people's browsers: headers, redirects, pages (RFC 9700 §4)."""

import asyncio

import pytest

from app.pages.visits import FOREIGN, OLD
from core.domain.accounts import ClientAuth, User
from core.domain.grants import OWN
from core.services.attempts import RULES
from tests.app.oauth.registrar import Program
from tests.app.oauth.site import BACK, App, Site, told
from tests.app.visitor import Answer, Visitor
from tests.core.services.estate import LeapClock

FORM = {"grant_type": "client_credentials"}
NAME, PASSWORD = "Ada", "maple street in the rain"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The kind of database does not matter."""
    return sqlite_url


@pytest.fixture
async def visitor(site: Site) -> Visitor:
    """The user, signed in."""
    await site.estate.house.services.sessions.set_password(site.estate.user.id, PASSWORD)
    visitor = Visitor(site.http, site.base_url)
    assert (await visitor.sign_in(NAME, PASSWORD)).status == 303
    return visitor


async def asked(site: Site, visitor: Visitor) -> tuple[str, Answer]:
    """The consent page of a request, and its path."""
    _, location, _ = await site.authorize(site.request())
    return location, await visitor.get(location)


async def test_nothing_of_a_request_goes_along(site: Site, visitor: Visitor) -> None:
    """RFC 9700 §4.2.4, RFC 9700 §4.12: 303, no referrer and no cache, on the way in and out."""
    path, page = await asked(site, visitor)
    allowed = await allow(site, visitor, page, path)
    wrong = site.request(scope="admin")
    for params in (site.request(), wrong):
        url = f"{site.base_url}/oauth/authorize"
        async with site.http.get(url, params=params, allow_redirects=False) as response:
            seen = response.status, response.headers
        assert (seen[0], seen[1]["Referrer-Policy"]) == (303, "no-referrer")
        assert seen[1]["Cache-Control"] == "no-store"
    assert (allowed.status, allowed.headers["Referrer-Policy"]) == (303, "no-referrer")
    assert allowed.headers["Cache-Control"] == "no-store"


async def allow(site: Site, visitor: Visitor, page: Answer, path: str) -> Answer:
    """Say yes, with the whole home."""
    fields = [*page.forms[path], ("home", site.estate.home.id), ("answer", "allow")]
    return await visitor.post(path, fields)


async def test_an_answer_says_who_gives_it(site: Site, visitor: Visitor) -> None:
    """RFC 9207 §2, RFC 9207 §3, RFC 9700 §4.4.2.1: every answer names the metadata's issuer."""
    async with site.http.get(f"{site.base_url}/.well-known/oauth-authorization-server") as got:
        metadata = await got.json()
    path, page = await asked(site, visitor)
    yes = await allow(site, visitor, page, path)
    path, page = await asked(site, visitor)
    no = await visitor.post(path, [*page.forms[path], ("answer", "deny")])
    _, wrong, _ = await site.authorize(site.request(scope="admin"))
    answers = [told(location or "") for location in (yes.location, no.location, wrong)]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert [answer["iss"] for answer in answers] == [metadata["issuer"]] * 3
    assert "code" in answers[0]


async def test_consent_is_given_by_its_own_form_alone(site: Site, visitor: Visitor) -> None:
    """RFC 6749 §10.12, RFC 9700 §4.7: one of another site or request does nothing."""
    path, page = await asked(site, visitor)
    other, another = await asked(site, visitor)
    ticks = [("home", site.estate.home.id), ("answer", "allow")]
    bare = [one for one in page.forms[path] if one[0] != "form_token"]
    for fields in (bare, another.forms[other]):
        refused = await visitor.post(path, [*fields, *ticks])
        assert (refused.status, OLD in refused.text) == (403, True)
    foreign = await visitor.post(path, [*page.forms[path], *ticks], Origin="https://evil.example")
    assert (foreign.status, FOREIGN in foreign.text) == (403, True)
    assert told((await allow(site, visitor, page, path)).location or "")["code"]


async def test_a_stranger_can_say_nothing(site: Site) -> None:
    """RFC 6749 §3.1, RFC 6749 §10.2: whoever is not signed in sees no request and answers none."""
    _, location, _ = await site.authorize(site.request())
    stranger = Visitor(site.http, site.base_url)
    for answer in (await stranger.get(location), await stranger.post(location, [])):
        assert (answer.status, (answer.location or "").partition("?")[0]) == (303, "/login")


async def test_no_page_can_be_framed(site: Site, visitor: Visitor) -> None:
    """RFC 6749 §10.13, RFC 9700 §4.16: neither consent, nor sign-in, nor a refusal."""
    path, page = await asked(site, visitor)
    stranger = Visitor(site.http, site.base_url)
    refused = await stranger.get("/oauth/authorize")
    trouble = await visitor.get("/consent?request=x")
    for one in (page, await stranger.get("/login"), refused, trouble):
        assert "frame-ancestors 'none'" in one.headers["Content-Security-Policy"]
        assert one.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in one.headers["Content-Security-Policy"], path


async def test_a_script_cannot_ask_for_authorization(site: Site) -> None:
    """RFC 9700 §2.6: it reads nothing there, as it does at the token endpoint."""
    headers = {"Origin": "https://spa.example"}
    url = f"{site.base_url}/oauth/authorize"
    for method in ("GET", "OPTIONS"):
        async with site.http.request(method, url, headers=headers) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
    async with site.http.post(f"{site.base_url}/oauth/token", headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("changes", "status"), [({}, 303), ({"scope": "admin"}, 400)])
async def test_a_stranger_s_app_leads_nobody_away(
    site: Site, changes: dict[str, str], status: int
) -> None:
    """RFC 9700 §4.11.2: one that registered itself cannot make us redirect by asking wrongly.

    The page leaves it to the person; what is right goes to consent, as ever.
    """
    program = Program(site)
    registered = await program.registered(scope="devices:read devices:control")
    client = site.estate.house.access.clients[registered.body["client_id"]]
    found, location, text = await site.authorize(site.request(App(client), **changes))
    assert (found, location.startswith("/consent")) == (status, not changes)
    assert (f'href="{BACK}?error=invalid_scope' in text) is bool(changes)


async def test_a_used_code_in_a_history_is_worth_nothing(site: Site, clock: LeapClock) -> None:
    """RFC 9700 §4.3.1: nor is one that was never used, a minute later."""
    used, _ = await site.code()
    await site.redeem(used)
    unused, _ = await site.code()
    clock.leap(61)
    for code in (used, unused):
        assert (await site.redeem(code))[1]["error"] == "invalid_grant"


async def test_nobody_says_for_whom_they_speak(site: Site) -> None:
    """RFC 9700 §4.13: what a proxy adds is not believed of whoever is no proxy of ours."""
    for _ in range(RULES["client"].burst - 1):
        site.estate.house.throttle.count("client", "127.0.0.1")
    url, form = f"{site.base_url}/oauth/token", {**FORM, "client_id": "client_nobody"}
    found = []
    for n in range(5):
        headers = {"X-Forwarded-For": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}"}
        async with site.http.post(url, data=form, headers=headers) as response:
            found.append(response.status)
    assert found[:2] == [400, 429]
    assert 400 not in found[2:]
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    where = f"{site.base_url}/.well-known/oauth-authorization-server"
    async with site.http.get(where, headers=headers) as response:
        assert (await response.json())["issuer"] == site.base_url


async def test_a_client_is_never_taken_for_a_user(site: Site) -> None:
    """RFC 9700 §4.15, RFC 9068 §5: not even for one who had its very id.

    Nobody chooses an id: we make them, and those of clients begin otherwise than those of users.
    """
    house, client = site.estate.house, site.app.client
    assert client.id.startswith("client_")
    assert site.estate.user.id.startswith("user_")
    house.access.users[client.id] = User(client.id, "Victim")
    _, answer = await site.post("token", FORM)
    viewer = house.access.viewer(house.tokens.verify(answer["access_token"]))
    assert (viewer.user, viewer.scopes) == (None, OWN)
    assert (viewer.grant.of_client, viewer.grant.view.homes) == (True, frozenset())


async def test_a_pushed_request_is_judged_again(site: Site) -> None:
    """RFC 9126 §4, RFC 9126 §7.4: its client may have lost its rights since, or the URI."""
    house, client = site.estate.house, site.app.client
    _, pushed = await site.post("par", site.request())
    named = {"client_id": client.id, "request_uri": pushed["request_uri"]}
    twice = [*named.items(), ("client_id", client.id)]
    assert (await site.authorize(twice))[0] == 400
    known = house.access.clients[client.id]
    moved = type(client)(client.id, "App", redirect_uris=("https://new.example/",))
    house.access.clients[client.id] = moved
    assert (await site.authorize(named))[:2] == (400, "")
    house.access.clients[client.id] = known
    assert (await site.authorize(named))[0] == 303
    await house.services.accounts.disable_client(client.id)
    assert (await site.authorize(named))[:2] == (400, "")


async def test_requests_pushed_by_anybody_are_few(site: Site) -> None:
    """RFC 9126 §2.3: 429 for a public client's, which are anybody's; not for a known client's."""
    app = await site.new_app(ClientAuth.NONE)
    mine = [await site.post("par", site.request()) for _ in range(5)]
    found = await asyncio.gather(*(site.post("par", site.request(app), app) for _ in range(105)))
    assert [status for status, _ in mine] == [201] * 5
    assert 1 <= [status for status, _ in found].count(429) <= 5
