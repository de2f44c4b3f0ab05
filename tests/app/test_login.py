"""Signing in over HTTP: cookies, forms of ours alone, nowhere else to be led to."""

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st
from starlette.requests import Request
from starlette.responses import Response

from app.pages.visits import FOREIGN, OLD, TOKEN, Visit, Visits, local
from core.services.sessions import NOT_YOURS, WRONG
from tests.app.conftest import Api
from tests.app.visitor import PASSWORD, Visitor
from tests.conftest import settings_for

ANOTHER = "the harbour in the morning"
FORMS_OF_HOMES = ("invite", "withdraw", "join", "role", "remove")


@pytest.fixture
async def visitor(api: Api) -> Visitor:
    """Alice, who has a password and is not signed in."""
    await api.house.services.sessions.set_password(api.user.id, PASSWORD)
    api.http.cookie_jar.clear()
    return Visitor(api.http, api.base_url)


async def test_somebody_signs_in_and_out(visitor: Visitor) -> None:
    """They come to where they were going, with a new secret; signed out, they are out."""
    sent = await visitor.get("/account/password")
    assert (sent.status, sent.location) == (303, "/login?next=%2Faccount%2Fpassword")
    before = dict((await visitor.get("/login")).headers), dict(visitor.cookies)
    done = await visitor.sign_in(to="%2Faccount%2Fpassword")
    assert (done.status, done.location) == (303, "/account/password")
    assert visitor.cookies != before[1]
    account = await visitor.get("/account")
    assert "alice" in account.text
    kept = dict(visitor.cookies)
    assert (await visitor.fill(account, "/logout")).location == "/login"
    visitor.cookies = kept
    assert (await visitor.get("/account")).status == 303


async def test_a_wrong_password_says_so_and_keeps_the_name(visitor: Visitor) -> None:
    """One sentence for every cause, beside the fields; the password is not sent back."""
    wrong = await visitor.sign_in(password="guess the password")
    unknown = await visitor.sign_in(name="nobody")
    assert (wrong.status, unknown.status) == (400, 400)
    for page in (wrong, unknown):
        assert WRONG in page.text
        assert 'role="alert"' in page.text
        assert "<title>Error: Sign in" in page.text
    assert 'value="alice"' in wrong.text
    assert "guess the password" not in wrong.text


async def test_guesses_are_answered_429(visitor: Visitor) -> None:
    """With how long to wait."""
    pages = await asyncio.gather(*(visitor.sign_in(password=f"guess {one}") for one in range(12)))
    limited = [page for page in pages if page.status == 429]
    assert len(limited) == 2
    assert "Try again in" in limited[0].text


async def test_a_form_is_for_one_browser_and_one_purpose(visitor: Visitor, api: Api) -> None:
    """Without its token, with another browser's, or with another form's it does nothing."""
    page = await visitor.get("/login")
    typed = [("username", "alice"), ("password", PASSWORD)]
    stranger = Visitor(api.http, api.base_url)
    theirs = [one for one in (await stranger.get("/login")).forms["/login"] if one[0] == TOKEN]
    for token in ([], [(TOKEN, "")], [(TOKEN, "é")], theirs):
        refused = await visitor.post("/login", [*typed, *token])
        assert (refused.status, OLD in refused.text) == (403, True)
    await visitor.fill(page, "/login", username="alice", password=PASSWORD)
    logout = (await visitor.get("/account")).forms["/logout"]
    assert (await visitor.post("/account/sign-out-elsewhere", logout)).status == 403
    assert (await visitor.post("/logout", logout)).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
async def test_no_other_site_sends_a_form(visitor: Visitor, headers: dict[str, str]) -> None:
    """Whatever it carries: what the browser says of where it was decides."""
    page = await visitor.get("/login")
    fields = [*page.forms["/login"], ("username", "alice"), ("password", PASSWORD)]
    refused = await visitor.post("/login", fields, **headers)
    assert (refused.status, FOREIGN in refused.text) == (403, True)


async def test_what_is_no_form_is_refused(visitor: Visitor, api: Api) -> None:
    """JSON, too much, and what cannot be read."""
    url = f"{api.base_url}/login"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await api.http.post(url, json={})).status == 400
    assert (await api.http.post(url, data=b"a" * 300_000, headers=kind)).status == 400
    assert (await api.http.post(url, data=b"\xff", headers=kind)).status == 400
    assert (await visitor.post("/login", [("a", "b")] * 10_001)).status == 400


async def test_no_page_can_be_framed_cached_or_lead_elsewhere(visitor: Visitor) -> None:
    """The headers of every page of people, of its errors too."""
    await visitor.sign_in()
    for path in ("/account", "/account/password"):
        headers = (await visitor.get(path)).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "form-action 'self';" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
    trouble = await visitor.post("/account/password", [])
    assert "frame-ancestors 'none'" in trouble.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/account/nonsense", 404),
        ("POST", "/account/homes/nonsense", 404),
        ("GET", "/login/x", 404),
        ("GET", "/device/x", 404),
        ("GET", "/consent/x", 404),
        ("PUT", "/account", 405),
        ("DELETE", "/login", 405),
        ("PUT", "/account/homes/remove", 405),
    ],
)
async def test_who_is_lost_gets_a_page(api: Api, method: str, path: str, status: int) -> None:
    """With a way back, the methods that would be right, and the headers of every page."""
    async with api.http.request(method, api.base_url + path) as got:
        text, allowed = await got.text(), set(got.headers.get("Allow", "").split(", "))
        assert (got.status, "text/html" in got.headers["Content-Type"]) == (status, True)
        assert '<a href="/account">Go to your account</a>' in text
        assert ("POST" in allowed or "GET" in allowed) == (status == 405)
        assert "frame-ancestors 'none'" in got.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nonsense", "/oauth/nonsense", "/accounts"])
async def test_programs_are_told_in_plain_text(api: Api, path: str) -> None:
    """Elsewhere nobody looks at pages."""
    async with api.http.get(api.base_url + path) as got:
        assert (got.status, await got.text()) == (404, "Not Found")


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/logout", "/account"),
        ("/account/sign-out-elsewhere", "/account"),
        ("/account/apps/revoke", "/account"),
        ("/account/apps/leave-out", "/account"),
        ("/account/keys/revoke", "/account/keys"),
        *((f"/account/homes/{one}", "/account/homes") for one in FORMS_OF_HOMES),
    ],
)
async def test_a_form_loaded_again_is_its_page(visitor: Visitor, form: str, page: str) -> None:
    """An error leaves its address in the browser's bar; loading that changes nothing."""
    await visitor.sign_in()
    again = await visitor.get(form)
    assert (again.status, again.location) == (303, page)
    assert (await visitor.get(page)).status == 200


async def test_another_password_signs_out_everywhere_else(visitor: Visitor, api: Api) -> None:
    """It asks for the old one; other browsers are out, this one goes on."""
    other = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    await other.sign_in()
    form = await visitor.get("/account/password")
    path = "/account/password"
    wrong = await visitor.fill(form, path, current="not this one", password=ANOTHER)
    short = await visitor.fill(form, path, current=PASSWORD, password="short")
    assert ("not your password" in wrong.text, "15 to 256" in short.text) == (True, True)
    done = await visitor.fill(form, path, current=PASSWORD, password=ANOTHER)
    assert done.location == "/account"
    assert (await visitor.get("/account")).status == 200
    assert (await other.get("/account")).status == 303


async def test_guesses_of_the_password_now_are_answered_429(visitor: Visitor) -> None:
    """Who found an open browser guesses no more than anybody at the sign-in."""
    await visitor.sign_in()
    path = "/account/password"
    form = await visitor.get(path)
    for _ in range(10):
        page = await visitor.fill(form, path, current="not this one", password=ANOTHER)
        assert (page.status, NOT_YOURS in page.text) == (400, True)
    page = await visitor.fill(form, path, current=PASSWORD, password=ANOTHER)
    assert (page.status, "Try again in" in page.text) == (429, True)


async def test_signing_out_elsewhere(visitor: Visitor, api: Api) -> None:
    """The account shows how many browsers there are, and ends all but this one."""
    other = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    await other.sign_in()
    account = await visitor.get("/account")
    await visitor.fill(account, "/account/sign-out-elsewhere")
    assert (await other.get("/account")).status == 303
    assert "/account/sign-out-elsewhere" not in (await visitor.get("/account")).forms


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "account",
        "",
    ],
)
def test_no_link_leads_elsewhere(path: str) -> None:
    """Where somebody was going is a path of this site, or their account."""
    assert local(path, "/account") == "/account"


@given(st.text())
def test_whatever_is_asked_the_way_stays_here(path: str) -> None:
    """A way onward begins with one slash and holds nothing that a header or browser would twist."""
    onward = local(path, "/account")
    assert onward[0] == "/"
    assert onward[1:2] not in {"/", "\\"}
    assert onward.isprintable()


def cookie(public_url: str) -> str:
    """The cookie that a visit at a public URL is given."""
    request = Request({"type": "http", "method": "GET", "headers": []})
    visits = Visits(SimpleNamespace(), settings_for("sqlite+aiosqlite://", public_url=public_url))  # type: ignore[arg-type]  # no session is looked for
    response = Response()
    visits.keep(Visit(request, "secret", None, {}), response)
    return response.headers["Set-Cookie"]


def test_the_cookie_is_as_strict_as_the_address_allows() -> None:
    """`__Host-` and Secure on https; on loopback, where browsers keep no such, the port's own."""
    strict = cookie("https://api.example.com")
    assert strict == "__Host-latchkey=secret; HttpOnly; Path=/; SameSite=lax; Secure"
    loose = cookie("http://127.0.0.1:8123")
    assert loose == "latchkey-8123=secret; HttpOnly; Path=/; SameSite=lax"


@pytest.mark.parametrize(("client", "source"), [(("2001:db8::1", 1), "2001:db8::1"), (None, "")])
def test_a_source_is_an_address(client: tuple[str, int] | None, source: str) -> None:
    """As the server knows it."""
    request = Request({"type": "http", "method": "GET", "headers": [], "client": client})
    assert Visit(request, "", None, {}).source == source
