"""Tokens that are bound to a key (RFC 9449), at the endpoints that give them out."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from core.domain.accounts import ClientAuth
from core.domain.grants import Scope
from core.store.flows import proofs
from tests.app.oauth.site import BACK, VERIFIER, Answer, App, Site, told
from tests.core.services.estate import LeapClock
from tests.core.tokens.holder import ALGORITHMS, Holder
from tests.core.tokens.mint import parts

ADA, EVE = Holder(), Holder()
OWN = {"grant_type": "client_credentials"}
MANY = 50


def proof(site: Site, holder: Holder = ADA, path: str = "token", **claims: Any) -> str:
    """A proof for an endpoint, now."""
    now = site.estate.house.clock.now()
    return holder.proof("POST", f"{site.base_url}/oauth/{path}", now, **claims)


async def redeem(site: Site, code: str, app: App | None = None, *shown: str) -> Answer:
    """Redeem a code with proofs."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return await site.post("token", {**form, "code_verifier": VERIFIER}, app, *shown)


async def refresh(site: Site, token: str, app: App | None = None, *shown: str) -> Answer:
    """Use a refresh token with proofs."""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await site.post("token", form, app, *shown)


def key_of(answer: dict[str, Any]) -> str | None:
    """The key that an access token is bound to, by its own word and by the answer's."""
    _, claims, _ = parts(answer["access_token"])
    jkt: str | None = claims.get("cnf", {}).get("jkt")
    assert answer["token_type"] == ("DPoP" if jkt else "Bearer")
    return jkt


async def new_family(site: Site, auth: ClientAuth, *holders: Holder) -> tuple[App, dict[str, Any]]:
    """An app of a kind, and its first tokens, by a proof or none."""
    app = await site.new_app(auth)
    code, _ = await site.code(app)
    status, answer = await redeem(site, code, app, *(proof(site, one) for one in holders))
    assert status == 200, answer
    return app, answer


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
async def test_a_code_gives_a_bound_token(site: Site, auth: ClientAuth) -> None:
    """RFC 9449 §5, §6.1, RFC 9700 §2.2.1: the token names the key, the answer its type."""
    app, first = await new_family(site, auth, ADA)
    assert key_of(first) == ADA.jkt
    status, second = await refresh(site, first["refresh_token"], app, proof(site))
    assert (status, key_of(second)) == (200, ADA.jkt)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_client_for_itself(site: Site, algorithm: str) -> None:
    """RFC 9449 §5: every grant, and each algorithm that the metadata names."""
    holder = Holder(algorithm)
    status, answer = await site.post("token", OWN, None, proof(site, holder))
    assert (status, key_of(answer)) == (200, holder.jkt)


async def test_without_a_proof_all_is_as_it_was(site: Site) -> None:
    """RFC 9449 §5: whoever shows no proof gets a token for any bearer."""
    assert key_of(await site.tokens()) is None


async def test_a_public_clients_refresh_token_is_bound(site: Site) -> None:
    """RFC 9449 §5, RFC 9700 §2.2.1: for ever; another key or none is refused, and ends nothing."""
    app, first = await new_family(site, ClientAuth.NONE, ADA)
    token = first["refresh_token"]
    for shown in ((), (proof(site, EVE),)):
        status, answer = await refresh(site, token, app, *shown)
        assert (status, answer["error"]) == (400, "invalid_grant")
    status, second = await refresh(site, token, app, proof(site))
    assert status == 200
    status, answer = await refresh(site, second["refresh_token"], app, proof(site, EVE))
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert (await refresh(site, second["refresh_token"], app, proof(site)))[0] == 200


async def test_an_old_token_ends_the_family_whatever_the_key(site: Site, clock: LeapClock) -> None:
    """RFC 9700 §4.14.2: reuse is decided on before the key is."""
    app, first = await new_family(site, ClientAuth.NONE, ADA)
    _, second = await refresh(site, first["refresh_token"], app, proof(site))
    clock.leap(31)
    status, _ = await refresh(site, first["refresh_token"], app, proof(site, EVE))
    assert status == 400
    assert (await refresh(site, second["refresh_token"], app, proof(site)))[0] == 400


@pytest.mark.parametrize("seconds", [1, 31])
@pytest.mark.parametrize("key", [None, ADA])
async def test_a_thief_who_binds_what_they_took_is_found_out(
    site: Site, clock: LeapClock, key: Holder | None, seconds: float
) -> None:
    """RFC 9700 §4.14.2: the owner comes with the token that was used, and the family is over."""
    app, first = await new_family(site, ClientAuth.NONE)
    status, stolen = await refresh(site, first["refresh_token"], app, proof(site, EVE))
    assert status == 200
    clock.leap(seconds)
    shown = () if key is None else (proof(site, key),)
    assert (await refresh(site, first["refresh_token"], app, *shown))[0] == 400
    assert (await refresh(site, stolen["refresh_token"], app, proof(site, EVE)))[0] == 400


async def test_the_first_key_of_a_public_client_stays(site: Site) -> None:
    """RFC 9449 §5: a family that began without one is bound from the first proof on."""
    app, first = await new_family(site, ClientAuth.NONE)
    status, second = await refresh(site, first["refresh_token"], app, proof(site))
    assert (status, key_of(second)) == (200, ADA.jkt)
    for shown in ((), (proof(site, EVE),)):
        assert (await refresh(site, second["refresh_token"], app, *shown))[0] == 400
    assert (await refresh(site, second["refresh_token"], app, proof(site)))[0] == 200


async def test_a_confidential_client_may_change_its_key(site: Site) -> None:
    """RFC 9449 §5: its refresh tokens are bound to what it proves itself by, and to no other."""
    app, answer = await new_family(site, ClientAuth.BASIC, ADA)
    for shown, jkt in (((proof(site, EVE),), EVE.jkt), ((), None), ((proof(site),), ADA.jkt)):
        status, answer = await refresh(site, answer["refresh_token"], app, *shown)
        assert (status, key_of(answer)) == (200, jkt)


async def test_a_bound_client_needs_a_proof(site: Site) -> None:
    """RFC 9449 §5.2: and loses nothing by forgetting it."""
    services = site.estate.house.services
    client = await services.accounts.create_client(
        "Bound", redirect_uris=[BACK], auth=ClientAuth.BASIC, bound=True
    )
    app = App(client, await services.client_secrets.rotate(client.id))
    code, _ = await site.code(app)
    status, answer = await redeem(site, code, app)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    status, answer = await redeem(site, code, app, proof(site))
    assert (status, key_of(answer)) == (200, ADA.jkt)
    for form in (OWN, {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}):
        status, refused = await site.post("token", form, app)
        assert (status, refused["error"]) == (400, "invalid_dpop_proof")
    assert (await site.post("revoke", {"token": answer["access_token"]}, app))[0] == 200


async def test_one_of_many_uses_of_a_proof_wins(site: Site) -> None:
    """RFC 9449 §11.1: within the transaction, so exactly one of all that come at once."""
    shown = proof(site)
    found = await asyncio.gather(*(site.post("token", OWN, None, shown) for _ in range(MANY)))
    assert sorted(status for status, _ in found) == [200] + [400] * (MANY - 1)
    errors = {answer["error"] for status, answer in found if status == 400}
    assert errors == {"invalid_dpop_proof"}


async def test_a_replayed_request_burns_nothing(site: Site) -> None:
    """RFC 9449 §11.1: a request that is sent again is refused before its code is looked at."""
    code, _ = await site.code()
    shown = proof(site)
    _, first = await redeem(site, code, None, shown)
    status, answer = await redeem(site, code, None, shown)
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")
    assert (await refresh(site, first["refresh_token"]))[0] == 200


async def test_who_proves_nothing_stores_nothing(site: Site) -> None:
    """A proof is remembered for a client that is known, so nobody else can fill the table."""
    wrong = App(site.app.client, "wrong")
    status, answer = await site.post("token", OWN, wrong, proof(site))
    assert (status, answer["error"]) == (401, "invalid_client")
    rows = await site.estate.house.database.rows(select(func.count()).select_from(proofs))
    assert rows[0][0] == 0


@pytest.mark.parametrize("pushed", ["parameter", "header", "both", "by the browser"])
async def test_a_code_is_bound(site: Site, pushed: str) -> None:
    """RFC 9449 §10, §10.1: however the key was named, only its holder redeems the code."""
    for holder, expected in ((None, 400), (EVE, 400), (ADA, 200)):
        code = await _bound_code(site, pushed)
        shown = () if holder is None else (proof(site, holder),)
        status, answer = await redeem(site, code, None, *shown)
        assert status == expected, answer
        assert expected == 200 or answer["error"] == "invalid_grant"


async def _bound_code(site: Site, pushed: str) -> str:
    named = {} if pushed == "header" else {"dpop_jkt": ADA.jkt}
    request = site.request(**named)
    if pushed != "by the browser":
        shown = () if pushed == "parameter" else (proof(site, path="par"),)
        status, answer = await site.post("par", request, None, *shown)
        assert status == 201, answer
        request = {"client_id": site.app.client.id, "request_uri": answer["request_uri"]}
    _, location, _ = await site.authorize(request)
    grant, services = await site.grant(), site.estate.house.services
    scopes = [Scope.DEVICES_READ]
    asked = told(location)["request"]
    back = await services.authorizations.approve(asked, grant.user_id, grant, scopes)
    return told(back)["code"]


async def test_a_bound_token_says_so(site: Site) -> None:
    """RFC 9449 §6.2: introspection tells the key and the type."""
    _, answer = await site.post("token", OWN, None, proof(site))
    _, found = await site.post("introspect", {"token": answer["access_token"]})
    assert (found["active"], found["token_type"]) == (True, "DPoP")
    assert found["cnf"] == {"jkt": ADA.jkt}
    _, found = await site.post("introspect", {"token": (await site.tokens())["access_token"]})
    assert found["token_type"] == "Bearer"
    assert "cnf" not in found
