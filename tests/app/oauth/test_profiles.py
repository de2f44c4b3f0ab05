"""What a client may say of itself in JSON: RFC 7591 §2, and what must not get in by it."""

from typing import Any

import pytest

from core.domain.accounts import Flow
from core.domain.grants import Scope
from core.domain.logos import MOST_PIXELS
from tests.app.oauth.registrar import KEY, Program
from tests.app.oauth.site import BACK, Site
from tests.core.domain.pictures import data_uri, png

OWN = {"grant_types": ["client_credentials"], "redirect_uris": None}
DEVICE = {"grant_types": [Flow.DEVICE.value], "redirect_uris": None}
KEYED = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The kind of database does not matter."""
    return sqlite_url


@pytest.fixture
def program(site: Site) -> Program:
    """A partner's program."""
    return Program(site)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, {"scope": " ".join(sorted(Scope)), "grant_types": list(Flow)[:2]}),
        ({"client_name": "  Lamp\u0301 "}, {"client_name": "Lam\u1e55"}),
        ({"redirect_uris": [BACK, BACK]}, {"redirect_uris": [BACK]}),
        (OWN, {"grant_types": ["client_credentials"], "response_types": []}),
        (DEVICE, {"grant_types": ["refresh_token", Flow.DEVICE.value], "redirect_uris": []}),
        ({"token_endpoint_auth_method": "none"}, {"token_endpoint_auth_method": "none"}),
        ({"token_endpoint_auth_method": "client_secret_post"}, {"client_secret_expires_at": 0}),
        (KEYED, {"jwks": {"keys": [{**KEY, "use": "sig", "alg": "ES256"}]}}),
        ({"dpop_bound_access_tokens": True}, {"dpop_bound_access_tokens": True}),
        ({"software_id": 7, "contacts": "x", "tos_uri": {}, "client_name#de": []}, {}),
    ],
)
async def test_what_is_left_out_has_a_default(
    program: Program, sent: dict[str, Any], told: dict[str, Any]
) -> None:
    """RFC 7591 §2, §2.1, §2.2: defaults, what goes together; what is not known is ignored."""
    body = (await program.registered(**sent)).body
    assert {name: body[name] for name in told} == told
    assert not {"software_id", "contacts", "tos_uri", "client_name#de"} & set(body)
    secret = body["token_endpoint_auth_method"].startswith("client_secret")
    assert ("client_secret" in body, "client_secret_expires_at" in body) == (secret, secret)


METADATA, REDIRECT = "invalid_client_metadata", "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (METADATA, {"client_name": None}),
        (METADATA, {"client_name": ""}),
        (METADATA, {"client_name": 7}),
        (METADATA, {"client_name": "\u202egnp"}),
        (METADATA, {"client_name": "\ud800"}),
        (METADATA, {"client_name": "x" * 61}),
        (METADATA, {"client_name": "Latchkey"}),
        (REDIRECT, {"redirect_uris": None}),
        (REDIRECT, {"redirect_uris": []}),
        (REDIRECT, {"redirect_uris": ["http://app.example/cb"]}),
        (REDIRECT, {"redirect_uris": [f"{BACK}#x"]}),
        (REDIRECT, {"redirect_uris": ["javascript:alert(1)"]}),
        (REDIRECT, {"redirect_uris": [BACK, "\ud800\u202e"]}),
        (REDIRECT, {"redirect_uris": [f"{BACK}/{n}" for n in range(21)]}),
        (METADATA, {"redirect_uris": BACK}),
        (METADATA, {"redirect_uris": [7]}),
        (METADATA, {"redirect_uris": {}}),
        (METADATA, {"token_endpoint_auth_method": "tls_client_auth"}),
        (METADATA, {"token_endpoint_auth_method": ["none"]}),
        (METADATA, {"grant_types": ["implicit"]}),
        (METADATA, {"grant_types": ["password"]}),
        (METADATA, {"grant_types": []}),
        (METADATA, {"grant_types": ["refresh_token"]}),
        (METADATA, {"grant_types": "authorization_code"}),
        (METADATA, {**OWN, "token_endpoint_auth_method": "none"}),
        (METADATA, {"response_types": ["token"]}),
        (METADATA, {"response_types": []}),
        (METADATA, {**OWN, "response_types": ["code"]}),
        (METADATA, {"scope": "admin"}),
        (METADATA, {"scope": ""}),
        (METADATA, {"scope": ["devices:read"]}),
        (METADATA, {"client_uri": "http://app.example/"}),
        (METADATA, {"client_uri": "javascript:alert(1)"}),
        (METADATA, {"client_uri": 1}),
        (METADATA, {"logo_uri": "https://app.example/logo.png"}),
        (METADATA, {"logo_uri": "data:image/svg+xml;base64,PHN2Zy8+"}),
        (METADATA, {"logo_uri": data_uri(b"\x89PNG\r\n\x1a\n")}),
        (METADATA, {"logo_uri": data_uri(png(MOST_PIXELS + 1, 1))}),
        (METADATA, {"logo_uri": {}}),
        (METADATA, {"jwks_uri": "https://app.example/jwks.json"}),
        (METADATA, {"jwks": {"keys": [KEY]}}),
        (METADATA, {**KEYED, "jwks": None}),
        (METADATA, {**KEYED, "jwks": {"keys": []}}),
        (METADATA, {**KEYED, "jwks": {"keys": [{**KEY, "d": "x"}]}}),
        (METADATA, {**KEYED, "jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}),
        (METADATA, {**KEYED, "jwks": [KEY]}),
        (METADATA, {**KEYED, "jwks": "{}"}),
        (METADATA, {"dpop_bound_access_tokens": "true"}),
        (METADATA, {"dpop_bound_access_tokens": 1}),
        ("unapproved_software_statement", {"software_statement": "a.b.c"}),
        ("invalid_software_statement", {"software_statement": {}}),
    ],
)
async def test_what_cannot_be_is_refused(
    program: Program, site: Site, error: str, sent: dict[str, Any]
) -> None:
    """RFC 7591 §2, §3.2.2, §5: which, in a sentence that can be shown; no use is lost by it."""
    token = await program.invited(uses=1)
    said = await program.register(token, **sent)
    assert said.error == (400, error)
    sentence = said.body["error_description"]
    assert sentence.isascii()
    assert not set(sentence) & set('"\\')
    assert not {"javascript", "evil", "admin"} & set(sentence.split())
    assert (await program.register(token)).status == 201
    assert len(site.estate.house.access.clients) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b"\xff{}",
        b'{"client_name": "a", "client_name": "b"}',
        b'{"client_name": "a", "jwks": {"keys": [], "keys": []}}',
        b'{"client_name": NaN}',
        b'{"x": ' + b"9" * 5_000 + b"}",
        b"[" * 50_000,
        b'{"client_name": "' + b"x" * 100_000 + b'"}',
        b"client_name=App",
    ],
)
async def test_what_is_no_object_is_refused(program: Program, body: bytes) -> None:
    """RFC 7591 §3.1: broken, doubtful, too deep or too large is a 400 or a 413, never more."""
    token = await program.invited()
    kind = {"Content-Type": "application/json"}
    said = await program.send("POST", "", token, data=body, headers=kind)
    assert said.status == (413 if len(body) > 100_000 else 400)
    form = await program.send("POST", "", token, data=b"{}", headers={"Content-Type": "text/plain"})
    assert form.error == (400, METADATA)


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        ((400, METADATA), {"client_id": None}),
        ((400, METADATA), {"client_id": "client_other"}),
        ((400, METADATA), {"client_id": 7}),
        ((400, METADATA), {"client_secret": "wrong"}),
        ((400, METADATA), {"client_secret": "\u00e9"}),
        ((400, METADATA), {"client_secret": 7}),
        ((400, METADATA), {"registration_access_token": "x"}),
        ((400, METADATA), {"registration_client_uri": "x"}),
        ((400, METADATA), {"client_secret_expires_at": 0}),
        ((400, METADATA), {"client_id_issued_at": 0}),
        ((400, METADATA), {"client_name": "Latchkey"}),
        ((400, METADATA), {"jwks_uri": "https://app.example/"}),
        ((400, "invalid_redirect_uri"), {"redirect_uris": ["http://app.example"]}),
        ((400, "unapproved_software_statement"), {"software_statement": "a.b.c"}),
    ],
)
async def test_what_cannot_be_changes_nothing(
    program: Program, error: tuple[int, str], sent: dict[str, Any]
) -> None:
    """RFC 7592 §2.2: what only the server says, another's id or secret, and what RFC 7591 bars."""
    said = await program.registered()
    assert (await program.change(said, **sent)).error == error
    assert (await program.read(said)).body["client_name"] == "Lamp Whisperer"


async def test_other_origins_have_no_part_in_it(program: Program, site: Site) -> None:
    """A page elsewhere is told nothing: no CORS."""
    headers = {"Origin": "https://spa.example"}
    said = await program.send("POST", "", None, json={}, headers=headers)
    assert "Access-Control-Allow-Origin" not in said.headers
    url = f"{site.base_url}/.well-known/oauth-authorization-server"
    async with site.http.get(url) as response:
        endpoint = (await response.json())["registration_endpoint"]
    assert endpoint == f"{site.base_url}/oauth/register"
