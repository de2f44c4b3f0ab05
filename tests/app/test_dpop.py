"""Tokens that are bound to a key, at the API (RFC 9449 §7): over HTTP, over sockets, refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from app.address import bound
from app.compose import House
from app.server import listening
from core.domain.grants import Scope
from tests.app.conftest import Api
from tests.conftest import Run, both_engines
from tests.core.services.estate import Estate, settle
from tests.core.tokens.holder import Holder, hashed

ADA, EVE = Holder(), Holder()
QUERY = "{ homes { totalCount } }"
MANY = 50


@dataclass
class Asker:
    """Somebody with a token that is bound to a key."""

    api: Api
    token: str
    holder: Holder = ADA

    def proof(self, method: str = "POST", **claims: Any) -> str:
        """A proof for a request."""
        now = self.api.house.clock.now()
        return self.holder.proof(method, self.api.graphql_url, now, self.token, **claims)

    async def ask(
        self, *proofs: str, scheme: str = "DPoP", token: str | None = None, method: str = "POST"
    ) -> tuple[int, str, str]:
        """Status of a query, the challenge, and what was wrong."""
        headers = [("DPoP", proof) for proof in proofs]
        headers.append(("Authorization", f"{scheme} {token or self.token}"))
        asked: dict[str, Any] = {"json" if method == "POST" else "params": {"query": QUERY}}
        request = self.api.http.request(method, self.api.graphql_url, headers=headers, **asked)
        async with request as response:
            text = await response.text()
            errors = json.loads(text or "{}").get("errors", [{"message": ""}])
            challenge = response.headers.get("WWW-Authenticate", "")
            return response.status, challenge, errors[0]["message"]


def bound_token(house: House, grant: Any, jkt: str | None = ADA.jkt, seconds: int = 600) -> str:
    """A token that is bound to a key."""
    return house.tokens.issue(grant, list(Scope), seconds, jkt=jkt)


@pytest.fixture
def asker(api: Api) -> Asker:
    """Somebody at the served house."""
    return Asker(api, bound_token(api.house, api.grant))


@both_engines
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_proof_opens(asker: Asker, method: str) -> None:
    """RFC 9449 §7.1: each request with one of its own."""
    for _ in range(2):
        assert (await asker.ask(asker.proof(method), method=method))[0] == 200


async def test_a_query_in_the_url_does_not_count(asker: Asker) -> None:
    """RFC 9449 §4.3 9: neither of the request nor of the proof."""
    proof = asker.proof("GET", htu=f"{asker.api.graphql_url}?other#x")
    assert (await asker.ask(proof, method="GET"))[0] == 200


async def test_after_waiting_the_proof_is_not_asked_again(asker: Asker) -> None:
    """Access is asked again where a request has waited; its proof was shown once."""
    headers = {
        "DPoP": asker.proof(),
        "Authorization": f"DPoP {asker.token}",
        "Content-Type": "application/json",
    }

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"query": '
        await asyncio.sleep(0.4)
        yield json.dumps(QUERY).encode() + b"}"

    url = asker.api.graphql_url
    async with asker.api.http.post(url, data=slowly(), headers=headers) as response:
        assert (response.status, "errors" in await response.json()) == (200, False)


Make = Callable[[Asker], tuple[str, ...]]
BAD: dict[str, tuple[Make, str]] = {
    "§7.1 none": (lambda _: (), "Send a DPoP header"),
    "§4.3 1 two": (lambda by: (by.proof(), by.proof()), "one DPoP header"),
    "§4.3 2 no JWT": (lambda _: ("x.y.z",), "not a signed JWT"),
    "§4.3 2 empty": (lambda _: ("",), "not a signed JWT"),
    "§4.3 8 another method": (lambda by: (by.proof("GET"),), "htm"),
    "§4.3 9 another URL": (lambda by: (by.proof(htu=by.api.base_url + "/oauth/token"),), "htu"),
    "§4.3 9 a socket's": (
        lambda by: (by.proof(htu=by.api.graphql_url.replace("http", "ws")),),
        "htu",
    ),
    "§4.3 11 old": (lambda by: (by.proof(iat=by.api.house.clock.now().timestamp() - 65),), "iat"),
    "§4.3 12a no ath": (lambda by: (by.proof(ath=...),), "ath"),
    "§4.3 12a another token": (lambda by: (by.proof(ath=hashed("x")),), "ath"),
    "§4.3 12b another key": (
        lambda by: (Asker(by.api, by.token, EVE).proof(),),
        "another key than the access token",
    ),
}


@pytest.mark.parametrize("section", BAD)
async def test_a_proof_that_does_not_hold(asker: Asker, section: str) -> None:
    """RFC 9449 §7, §7.1, RFC 9700 §4.10.1: 401, and the challenge says why and what we take."""
    make, words = BAD[section]
    status, challenge, message = await asker.ask(*make(asker))
    assert (status, words in message) == (401, True), (section, message)
    bearer, _, dpop = challenge.partition(", DPoP ")
    assert "error" not in bearer
    assert 'error="invalid_dpop_proof"' in dpop
    assert 'algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"' in dpop


async def test_a_bound_token_is_no_bearers(asker: Asker) -> None:
    """RFC 9449 §7.2: however good the proof besides, it is not shown as `Bearer`."""
    for proofs in ((), (asker.proof(),)):
        status, challenge, message = await asker.ask(*proofs, scheme="Bearer")
        assert (status, "show it as `DPoP`" in message) == (401, True)
        assert challenge.startswith('Bearer realm="latchkey", error="invalid_token"')
        assert ", DPoP realm" in challenge


async def test_a_bearers_token_is_not_bound(asker: Asker) -> None:
    """RFC 9449 §7.1: a token that is bound to no key is not shown as `DPoP`."""
    plain = Asker(asker.api, asker.api.token())
    status, challenge, message = await plain.ask(plain.proof())
    assert (status, "show it as `Bearer`" in message) == (401, True)
    assert 'DPoP realm="latchkey", error="invalid_token"' in challenge


@pytest.mark.parametrize("scheme", ["dpop", "DPOP"])
async def test_a_scheme_has_no_case(asker: Asker, scheme: str) -> None:
    """RFC 9110 §11.1."""
    assert (await asker.ask(asker.proof(), scheme=scheme))[0] == 200


async def test_a_bound_token_expires_and_is_taken_back(asker: Asker) -> None:
    """As any other: with invalid_token, whatever the proof is like."""
    over = Asker(asker.api, bound_token(asker.api.house, asker.api.grant, seconds=-1))
    status, challenge, _ = await over.ask(over.proof())
    assert (status, 'error="invalid_token"' in challenge) == (401, True)
    await asker.api.house.services.grants.revoke(asker.api.grant)
    assert (await asker.ask(asker.proof()))[0] == 401


async def test_a_scope_that_is_missing(asker: Asker) -> None:
    """403 in the way that was used (RFC 6750 §3.1)."""
    token = asker.api.house.tokens.issue(asker.api.grant, [Scope.USAGE_READ], 600, jkt=ADA.jkt)
    reader = Asker(asker.api, token)
    status, challenge, _ = await reader.ask(reader.proof())
    assert status == 403
    assert challenge.startswith('DPoP realm="latchkey", error="insufficient_scope"')


async def test_a_proof_opens_once(asker: Asker) -> None:
    """RFC 9449 §11.1: the same again, or another by the same jti, is a replay."""
    proof = asker.proof(jti="one")
    assert (await asker.ask(proof))[0] == 200
    for again in (proof, asker.proof(jti="one")):
        status, challenge, message = await asker.ask(again)
        assert (status, "shown before" in message) == (401, True)
        assert 'error="invalid_dpop_proof"' in challenge


async def test_one_of_many_uses_opens_at_two_servers(database_url: str, run_house: Run) -> None:
    """RFC 9449 §11.1: fifty at once, to two processes on one database; exactly one wins."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        listeners = [stack.enter_context(bound("127.0.0.1", 0)) for _ in range(2)]
        ports = [one.getsockname()[1] for one in listeners]
        url = f"http://127.0.0.1:{ports[0]}"
        houses = []
        for listener in listeners:
            house = await stack.enter_async_context(run_house(database_url, public_url=url))
            await stack.enter_async_context(listening(house, listener))
            houses.append(house)
        estate = await settle(houses[0])
        await asyncio.sleep(0.7)  # the other process hears of it
        token = bound_token(houses[0], estate.grant)
        statuses = await _everywhere(http, ports, url, token, estate)
        assert sorted(statuses) == [200] + [401] * (MANY - 1)


async def _everywhere(
    http: aiohttp.ClientSession, ports: list[int], url: str, token: str, estate: Estate
) -> list[int]:
    proof = ADA.proof("POST", f"{url}/graphql", estate.house.clock.now(), token)
    headers = {"DPoP": proof, "Authorization": f"DPoP {token}"}

    async def ask(port: int) -> int:
        address = f"http://127.0.0.1:{port}/graphql"
        async with http.post(address, json={"query": QUERY}, headers=headers) as response:
            return response.status

    return await asyncio.gather(*(ask(ports[number % 2]) for number in range(MANY)))


async def closed(
    asker: Asker, headers: list[tuple[str, str]], payload: dict[str, str]
) -> tuple[Any, str]:
    """What becomes of a socket that is opened with these: the acknowledgement, or its end."""
    url = asker.api.graphql_url.replace("http", "ws", 1)
    protocols = ("graphql-transport-ws",)
    async with asker.api.http.ws_connect(url, protocols=protocols, headers=headers) as socket:
        await socket.send_json({"type": "connection_init", "payload": payload})
        message = await socket.receive(5)
        if message.type is aiohttp.WSMsgType.TEXT:
            return json.loads(message.data)["type"], ""
        return message.data, message.extra or ""


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize("place", ["header", "payload"])
async def test_a_socket_is_opened_with_a_proof(asker: Asker, scheme: str, place: str) -> None:
    """The proof goes with the request that opens it, by either name of its address; once."""
    proof = asker.proof("GET", htu=asker.api.graphql_url.replace("http", scheme, 1))
    shown = f"DPoP {asker.token}"
    headers = [("DPoP", proof), *([("Authorization", shown)] if place == "header" else [])]
    payload = {} if place == "header" else {"authorization": shown}
    assert (await closed(asker, headers, payload))[0] == "connection_ack"
    code, reason = await closed(asker, headers, payload)
    assert (code, "shown before" in reason) == (4403, True)
    assert (await asker.ask(proof, method="GET"))[0] == 401


async def test_a_socket_without_a_proof_is_closed(asker: Asker) -> None:
    """4403: no proof, one of another request, two, a bound token as a bearer's, or a plain one."""
    bound_, plain = f"DPoP {asker.token}", asker.api.token()
    good = ("DPoP", asker.proof("GET"))
    cases: list[tuple[list[tuple[str, str]], str]] = [
        ([], bound_),
        ([("DPoP", asker.proof("POST"))], bound_),
        ([good, ("DPoP", asker.proof("GET"))], bound_),
        ([good], f"Bearer {asker.token}"),
        ([("DPoP", Asker(asker.api, plain).proof("GET"))], f"DPoP {plain}"),
        ([("Authorization", bound_), good], f"Bearer {asker.token}"),
    ]
    for headers, shown in cases:
        code, reason = await closed(asker, headers, {"authorization": shown})
        assert code == 4403, (headers, reason)


async def test_a_bound_socket_ends_with_its_access(asker: Asker) -> None:
    """What opened it is taken back: 4401, as for any other."""
    url = asker.api.graphql_url.replace("http", "ws", 1)
    headers = {"Authorization": f"DPoP {asker.token}", "DPoP": asker.proof("GET")}
    protocols = ("graphql-transport-ws",)
    async with asker.api.http.ws_connect(url, protocols=protocols, headers=headers) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await asker.api.house.services.grants.revoke(asker.api.grant)
        message = await socket.receive(5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4401)
