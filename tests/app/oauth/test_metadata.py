"""What programs read of the server is so (RFC 8414, RFC 9728, RFC 7517)."""

from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from app.oauth.routes import routes
from core.domain.grants import Scope
from tests.app.oauth.site import Site


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The kind of database does not matter."""
    return sqlite_url


async def told(site: Site, path: str) -> Any:
    """A document, as any page may read it."""
    headers = {"Origin": "https://spa.example"}
    async with site.http.get(site.base_url + path, headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        return await response.json()


async def test_the_server_tells_of_itself(site: Site) -> None:
    """RFC 8414 §3.3, RFC 9700 §2.1.1: under its issuer's URL; every endpoint named is there."""
    found = await told(site, "/.well-known/oauth-authorization-server")
    assert found["issuer"] == site.base_url
    assert found["code_challenge_methods_supported"] == ["S256"]
    for name in ("token", "device_authorization", "revocation", "introspection"):
        async with site.http.post(found[f"{name}_endpoint"]) as response:
            assert response.status in {400, 401}
    async with site.http.get(found["authorization_endpoint"]) as response:
        assert response.status == 400


@pytest.mark.parametrize("suffix", ["", "/graphql"])
async def test_the_api_tells_of_itself(site: Site, suffix: str) -> None:
    """RFC 9728 §2, RFC 9728 §3.1, RFC 9728 §3.3: what it is, who gives tokens, which scopes."""
    found = await told(site, f"/.well-known/oauth-protected-resource{suffix}")
    assert found["resource"] == f"{site.base_url}/graphql"
    assert found["authorization_servers"] == [site.base_url]
    assert found["scopes_supported"] == [scope.value for scope in Scope]


async def test_the_keys_verify_tokens(site: Site) -> None:
    """RFC 7517 §5: anybody can check a token by them; none of them is private."""
    token = (await site.tokens())["access_token"]
    keys = await told(site, "/oauth/jwks.json")
    assert all("d" not in key for key in keys["keys"])
    claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"]).claims
    assert (claims["iss"], claims["client_id"]) == (site.base_url, site.app.client.id)


async def test_the_documents_are_whole(site: Site) -> None:
    """RFC 8414 §2, §3.2, RFC 8628 §4, RFC 9126 §5: what is required is there, nothing is empty."""
    found = await told(site, "/.well-known/oauth-authorization-server")
    required = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
    required |= {"response_types_supported", "pushed_authorization_request_endpoint"}
    required |= {"device_authorization_endpoint", "registration_endpoint"}
    assert required <= found.keys()
    assert all(found.values())
    assert all(value.startswith(site.base_url) for name, value in found.items() if "_uri" in name)
    resource = await told(site, "/.well-known/oauth-protected-resource")
    assert not [one for one in resource.values() if one in ([], "", None)], "RFC 9728 §3.2"


def test_a_path_stands_behind_the_well_known_name(site: Site) -> None:
    """RFC 8414 §3.1, RFC 9728 §3.1: where the public URL has one."""
    house = site.estate.house
    settings = house.settings.model_copy(update={"public_url": "https://a.example/homes"})
    paths = {route.path for route in routes(replace(house, settings=settings))}
    assert "/.well-known/oauth-authorization-server/homes" in paths
    assert "/.well-known/oauth-protected-resource/homes/graphql" in paths
