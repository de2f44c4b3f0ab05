"""Proofs of DPoP that endpoints refuse (RFC 9449), and what they tell and allow beforehand."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.app.oauth.site import CHALLENGE, Site, told
from tests.app.oauth.test_dpop import ADA, EVE, proof, redeem
from tests.core.tokens.holder import ALGORITHMS


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough for what is decided before it is asked."""
    return sqlite_url


Make = Callable[[Site], tuple[str, ...]]
BAD: dict[str, Make] = {
    "§4.3 1 two headers": lambda site: (proof(site), proof(site)),
    "§4.3 1 two in one": lambda site: (f"{proof(site)}, {proof(site)}",),
    "§4.3 2 no JWT": lambda _: ("x",),
    "§4.3 2 empty": lambda _: ("",),
    "§4.3 4 another type": lambda site: (
        ADA.proof("POST", _url(site), _now(site), None, {"typ": "JWT"}),
    ),
    "§4.3 5 unsigned": lambda site: (
        ADA.proof("POST", _url(site), _now(site), None, {"alg": "none"}),
    ),
    "§4.3 6 another's key": lambda site: (
        ADA.proof("POST", _url(site), _now(site), None, {"jwk": EVE.public}),
    ),
    "§4.3 7 a private key": lambda site: (
        ADA.proof(
            "POST", _url(site), _now(site), None, {"jwk": dict(ADA.key.as_dict(private=True))}
        ),
    ),
    "§4.3 8 another method": lambda site: (proof(site, htm="GET"),),
    "§4.3 9 another endpoint": lambda site: (proof(site, path="par"),),
    "§4.3 9 another server": lambda site: (proof(site, htu="https://other.example/oauth/token"),),
    "§4.3 11 an old one": lambda site: (proof(site, iat=_now(site).timestamp() - 70),),
    "§4.3 11 one of the future": lambda site: (proof(site, iat=_now(site).timestamp() + 30),),
}


def _url(site: Site) -> str:
    return f"{site.base_url}/oauth/token"


def _now(site: Site) -> Any:
    return site.estate.house.clock.now()


@pytest.mark.parametrize("section", BAD)
async def test_a_proof_that_does_not_hold(site: Site, section: str) -> None:
    """RFC 9449 §5: 400 and invalid_dpop_proof, before the code is touched."""
    code, _ = await site.code()
    status, answer = await redeem(site, code, None, *BAD[section](site))
    assert (status, answer["error"]) == (400, "invalid_dpop_proof"), section
    assert (await redeem(site, code))[0] == 200


@pytest.mark.parametrize("jkt", ["x", "!" * 43, CHALLENGE + "A", CHALLENGE + "\n", "é" * 43])
async def test_a_key_is_named_by_its_thumbprint(site: Site, jkt: str) -> None:
    """RFC 9449 §10: anything else is told to the app, with its state."""
    _, location, _ = await site.authorize(site.request(dpop_jkt=jkt))
    answer = told(location)
    assert (answer["error"], answer["state"]) == ("invalid_request", "state-1")


async def test_a_pushed_request_has_one_key(site: Site) -> None:
    """RFC 9449 §10.1: a parameter and a proof of different keys are refused, and bad proofs."""
    request = site.request(dpop_jkt=EVE.jkt)
    status, answer = await site.post("par", request, None, proof(site, path="par"))
    assert (status, answer["error"]) == (400, "invalid_request")
    for shown in ((proof(site),), (proof(site, path="par"), proof(site, path="par"))):
        status, answer = await site.post("par", site.request(), None, *shown)
        assert (status, answer["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("name", ["authorization-server", "protected-resource"])
async def test_the_server_tells_what_it_takes(site: Site, name: str) -> None:
    """RFC 9449 §5.1, RFC 9728 §2."""
    async with site.http.get(f"{site.base_url}/.well-known/oauth-{name}") as response:
        found = await response.json()
    assert found["dpop_signing_alg_values_supported"] == list(ALGORITHMS)
    assert found.get("dpop_bound_access_tokens_required", False) is False


@pytest.mark.parametrize("path", ["oauth/token", "oauth/par", "graphql"])
async def test_pages_may_send_a_proof(site: Site, path: str) -> None:
    """A browser asks first whether the header may go along (CORS)."""
    asking = {
        "Origin": "https://spa.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "dpop, authorization",
    }
    async with site.http.options(f"{site.base_url}/{path}", headers=asking) as response:
        assert response.status == 200
        assert "DPoP" in response.headers["Access-Control-Allow-Headers"]
