"""Clients that prove themselves with a key (RFC 7523, OIDC Core §9), at each endpoint."""

import asyncio
from typing import Any

import pytest

from app.oauth.parties import ASSERTION
from core.domain.accounts import Client, ClientAuth
from core.domain.errors import Invalid
from tests.app.oauth.site import BACK, SCOPE, Answer, App, Site
from tests.core.services.estate import LeapClock
from tests.core.tokens.holder import ALGORITHMS, Holder

OWN = {"grant_type": "client_credentials"}
SENTENCE = "The client is not known here, or did not prove who it is."
MANY = 50


class Signer:
    """An app that has a key and no secret."""

    def __init__(self, site: Site, client: Client, holder: Holder) -> None:
        self.site = site
        self.client = client
        self.app = App(client)
        self.holder = holder

    def proven(self, header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
        """The fields of a form that prove who asks, now."""
        now, audience = self.site.estate.house.clock.now(), claims.pop("aud", self.site.base_url)
        made = self.holder.assertion(self.client.id, audience, now, header, **claims)
        return {"client_assertion_type": ASSERTION, "client_assertion": made}

    async def post(self, path: str, form: dict[str, str], **claims: Any) -> Answer:
        """Post a form with a new assertion."""
        return await self.site.post(path, {**form, **self.proven(**claims)}, self.app)


async def new_signer(site: Site, algorithm: str = "ES256") -> Signer:
    """An app that was registered with a key."""
    holder, accounts = Holder(algorithm, "one"), site.estate.house.services.accounts
    auth = ClientAuth.PRIVATE_KEY
    client = await accounts.create_client(
        "Signer", redirect_uris=[BACK], auth=auth, jwks=holder.jwks
    )
    return Signer(site, client, holder)


@pytest.fixture
async def signer(site: Site) -> Signer:
    """An app with a key."""
    return await new_signer(site)


def refused(answer: Answer, status: int = 400) -> bool:
    """Whether it was refused as every client is that does not prove who it is."""
    told = {"error": "invalid_client", "error_description": SENTENCE}
    assert answer == (status, told)
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_client_proves_itself_with_a_key(site: Site, algorithm: str) -> None:
    """RFC 7523 §2.2: with each algorithm that the metadata names."""
    signer = await new_signer(site, algorithm)
    status, answer = await signer.post("token", OWN)
    assert (status, answer["token_type"]) == (200, "Bearer")


async def test_it_does_so_everywhere(signer: Signer) -> None:
    """RFC 7523 §2.2: PAR, devices, token, introspection, revocation; a whole flow and a refresh."""
    site, app = signer.site, signer.app
    status, answer = await signer.post("par", site.request(app))
    assert status == 201, answer
    status, answer = await signer.post("device", {"scope": SCOPE})
    assert status == 200, answer
    code, _ = await site.code(app)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    status, first = await signer.post("token", {**form, "code_verifier": "v" * 43})
    assert status == 200, first
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    status, second = await signer.post("token", form)
    assert status == 200, second
    token = {"token": second["access_token"]}
    assert (await signer.post("introspect", token))[1]["active"]
    assert (await signer.post("revoke", {"token": second["refresh_token"]}))[0] == 200
    assert await signer.post("introspect", token) == (200, {"active": False})


@pytest.mark.parametrize("path", ["token", "par", "introspect", "revoke"])
async def test_it_is_for_the_server_or_the_endpoint(signer: Signer, path: str) -> None:
    """RFC 7523 §3 3, RFC 9126 §2: the issuer, or the endpoint asked; at PAR the token's as well."""
    site, form = signer.site, {**OWN, "token": "x"}
    urls = {name: f"{site.base_url}/oauth/{name}" for name in ("token", "par", "introspect")}
    for audience in (site.base_url, f"{site.base_url}/oauth/{path}", [site.base_url]):
        _, answer = await signer.post(path, form, aud=audience)
        assert answer.get("error") != "invalid_client"
    also = {"token"} if path == "par" else set()
    for name in also:
        _, answer = await signer.post(path, form, aud=urls[name])
        assert answer["error"] != "invalid_client"
    others = [url for name, url in urls.items() if name not in {path, *also}]
    for other in (*others, [site.base_url, urls["token"]], "https://other.example"):
        status = 401 if path == "introspect" else 400
        assert refused(await signer.post(path, form, aud=other), status)


async def test_the_client_may_name_itself_besides(signer: Signer) -> None:
    """RFC 7521 §4.2: or not; another name is refused."""
    other = await new_signer(signer.site)
    form = {**OWN, **signer.proven()}
    url = f"{signer.site.base_url}/oauth/token"
    async with signer.site.http.post(url, data=form) as response:
        assert response.status == 200
    assert refused(await signer.site.post("token", {**OWN, **signer.proven()}, other.app))


BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "RFC 7523 §3 1 another issuer": ({}, {"iss": "client_x"}),
    "RFC 7523 §3 2 another subject": ({}, {"sub": "client_x", "iss": "client_x"}),
    "RFC 7523 §3 2 a NUL": ({}, {"sub": "client_\0", "iss": "client_\0"}),
    "RFC 7523 §3 4 over": ({}, {"exp": 1}),
    "RFC 7523 §3 4 for ever": ({}, {"exp": 2**40}),
    "RFC 7523 §3 7 no jti": ({}, {"jti": ...}),
    "RFC 7523 §3 9 unsigned": ({"alg": "none"}, {}),
    "RFC 7523 §3 9 a secret": ({"alg": "HS256"}, {}),
    "RFC 7515 §4.1.4 another key": ({"kid": "two"}, {}),
    "RFC 8725 §3.11 a proof of DPoP": ({"typ": "dpop+jwt"}, {}),
}


@pytest.mark.parametrize("section", BAD)
async def test_an_assertion_that_does_not_hold(signer: Signer, section: str) -> None:
    """RFC 7523 §3.2: all read the same, as any client that proves nothing."""
    header, claims = BAD[section]
    assert refused(await signer.post("token", OWN, header=header, **claims)), section


async def test_one_of_many_uses_of_an_assertion_wins(signer: Signer) -> None:
    """RFC 7523 §3 7: within the transaction, so exactly one of all that come at once."""
    form = {**OWN, **signer.proven()}
    posts = (signer.site.post("token", form, signer.app) for _ in range(MANY))
    found = await asyncio.gather(*posts)
    assert sorted(status for status, _ in found) == [200] + [400] * (MANY - 1)


async def test_an_assertion_is_used_once_anywhere(signer: Signer) -> None:
    """RFC 7523 §3 7: at another endpoint, too, and by the same jti."""
    proven = signer.proven(jti="one")
    assert (await signer.site.post("token", {**OWN, **proven}, signer.app))[0] == 200
    token = {"token": "x"}
    assert refused(await signer.site.post("introspect", {**token, **proven}, signer.app), 401)
    assert refused(await signer.post("token", OWN, jti="one"))


async def test_it_is_remembered_while_it_is_good(signer: Signer, clock: LeapClock) -> None:
    """RFC 7523 §3 7: until its end at least, whoever cleans up meanwhile."""
    now = signer.site.estate.house.clock.now().timestamp()
    form = {**OWN, **signer.proven(exp=now + 290)}
    assert (await signer.site.post("token", form, signer.app))[0] == 200
    clock.leap(280)
    assert (await signer.post("token", OWN))[0] == 200
    assert refused(await signer.site.post("token", form, signer.app))


async def test_a_key_is_its_only_proof(signer: Signer) -> None:
    """OIDC Core §9: a client that registered a key is known by no secret, and not by its name."""
    site = signer.site
    secret = await site.estate.house.services.client_secrets.rotate(site.app.client.id)
    assert refused(await site.post("token", OWN, signer.app))
    assert refused(await site.post("token", {**OWN, "client_secret": secret}, signer.app))
    status, answer = await site.post("token", OWN, App(signer.client, secret))
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.POST, ClientAuth.NONE])
async def test_no_other_client_signs(site: Site, auth: ClientAuth) -> None:
    """OIDC Core §9: and none can register keys that it does not prove itself by."""
    holder, accounts = Holder(), site.estate.house.services.accounts
    with pytest.raises(Invalid, match="go together"):
        await accounts.create_client("App", auth=auth, jwks=holder.jwks)
    client = await accounts.create_client("App", auth=auth)
    assert refused(await Signer(site, client, holder).post("token", OWN))


async def test_there_is_one_proof(signer: Signer) -> None:
    """RFC 6749 §2.3: two ways at once are refused, whichever two."""
    site, form = signer.site, {**OWN, **signer.proven()}
    status, answer = await site.post("token", form)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, answer = await site.post("token", {**form, "client_secret": "x"}, signer.app)
    assert (status, answer["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion_type": ""},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion": ""},
        {"client_assertion": "é"},
        {"client_assertion": "x" * 20_000},
    ],
)
async def test_it_is_sent_as_it_is_meant(signer: Signer, changes: dict[str, str]) -> None:
    """RFC 7521 §4.2: both parameters, and of our type."""
    form = {**OWN, **signer.proven(), **changes}
    assert refused(await signer.site.post("token", form, signer.app))


async def test_a_disabled_client_proves_nothing(signer: Signer) -> None:
    """As if it were unknown."""
    await signer.site.estate.house.services.accounts.disable_client(signer.client.id)
    assert refused(await signer.post("token", OWN))


async def test_a_refused_request_uses_it_up(signer: Signer) -> None:
    """What was shown was shown, whatever became of it."""
    form = {**OWN, "scope": "devices:read", **signer.proven()}
    status, answer = await signer.site.post("token", form, signer.app)
    assert (status, answer["error"]) == (400, "invalid_scope")
    assert refused(await signer.site.post("token", form, signer.app))


async def test_the_server_says_so(site: Site) -> None:
    """RFC 8414 §2: the method at every endpoint, and what to sign with."""
    async with site.http.get(f"{site.base_url}/.well-known/oauth-authorization-server") as response:
        found = await response.json()
    for name in ("token", "revocation", "introspection"):
        assert "private_key_jwt" in found[f"{name}_endpoint_auth_methods_supported"]
        signed = found[f"{name}_endpoint_auth_signing_alg_values_supported"]
        assert signed == list(ALGORITHMS)
