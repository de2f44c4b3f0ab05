"""What programs read of the server is so (RFC 8414, RFC 9728, RFC 7517)."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

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
    """RFC 8414 §3.3: the issuer is the URL it was read from; every endpoint named is there."""
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
    """RFC 9728 §3: what it is, who gives tokens for it, and which scopes there are."""
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
