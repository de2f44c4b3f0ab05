"""Registration by program: the sections of RFC 7591, and what must not get in."""

import asyncio

import pytest
from sqlalchemy import select

from core.domain.accounts import Flow
from core.services.attempts import RULES
from core.store import tables
from tests.app.oauth.registrar import KEY, Program
from tests.app.oauth.site import BACK, App, Site
from tests.core.domain.pictures import data_uri, png
from tests.core.services.estate import LeapClock

OWN = {"grant_types": ["client_credentials"], "redirect_uris": None}
DEVICE = {"grant_types": [Flow.DEVICE.value], "redirect_uris": None}
KEYED = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}}
LOGO = data_uri(png(64, 64))


@pytest.fixture
def program(site: Site) -> Program:
    """A partner's program."""
    return Program(site)


async def test_an_app_registers_and_runs(program: Program, site: Site) -> None:
    """RFC 7591 §3.2.1, RFC 7592 §3: all that is registered is told, and good for a whole flow."""
    said = await program.registered(
        scope="devices:read devices:control", client_uri="https://app.example/", logo_uri=LOGO
    )
    body = said.body
    secrets = {body.pop("client_secret"), body["registration_access_token"]}
    assert (len(secrets), body["registration_access_token"][:4]) == (2, "lkr_")
    assert abs(body.pop("client_id_issued_at") - site.estate.house.clock.now().timestamp()) < 60
    assert body == {
        "client_id": body["client_id"],
        "client_secret_expires_at": 0,
        "registration_access_token": body["registration_access_token"],
        "registration_client_uri": f"{site.base_url}/oauth/register/{body['client_id']}",
        "client_name": "Lamp Whisperer",
        "redirect_uris": [BACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "devices:control devices:read",
        "client_uri": "https://app.example/",
        "logo_uri": LOGO,
        "dpop_bound_access_tokens": False,
    }
    client = site.estate.house.access.clients[body["client_id"]]
    assert (client.registered, client.verified) == (True, False)
    (secret,) = secrets - {body["registration_access_token"]}
    tokens = await site.tokens(App(client, secret))
    assert await site.ask(tokens["access_token"]) == 200


async def test_nobody_registers_uninvited(program: Program, clock: LeapClock) -> None:
    """RFC 7591 §3, RFC 6750 §3: unknown, used up, expired and missing read the same."""
    used, old = await program.invited(uses=1), await program.invited(days=2)
    registered = await program.register(used)
    clock.leap(2 * 86_400)
    own = registered.body["registration_access_token"]
    for token in ("lki_" + "x" * 43, used, old, own, "x", "lki_" + "\u00e9" * 43):
        said = await program.register(token)
        assert said.error == (401, "invalid_token")
        assert 'error="invalid_token"' in said.headers["WWW-Authenticate"]
    nothing = await program.register(None)
    assert nothing.error == (401, "invalid_token")
    assert nothing.headers["WWW-Authenticate"] == 'Bearer realm="latchkey"'


async def test_there_are_never_more_clients_than_uses(program: Program, site: Site) -> None:
    """Fifty at once with seven uses: seven clients, each with its token, and none left."""
    token, before = await program.invited(uses=7), len(site.estate.house.access.clients)
    found = await asyncio.gather(*(program.register(token) for _ in range(50)))
    made = [said for said in found if said.status == 201]
    assert {said.error for said in found if said.status != 201} == {(401, "invalid_token")}
    rows = site.estate.house.database.rows
    (left,) = [row.left for row in await rows(select(tables.initial_tokens))]
    kept = await rows(select(tables.registration_tokens))
    counts = (len(made), len(kept), len(site.estate.house.access.clients) - before, left)
    assert counts == (7, 7, 7, 0)
    assert {said.status for said in [await program.read(one) for one in made]} == {200}


async def test_who_guesses_waits(program: Program) -> None:
    """RFC 7591 §5: many that do not hold from one place, and the next is not even looked at."""
    token, guess = await program.invited(), "lki_" + "x" * 43
    for _ in range(RULES["client"].burst - 1):
        program.site.estate.house.throttle.count("client", "127.0.0.1")
    assert (await program.register(guess)).status == 401
    said = await program.register(token)
    assert said.error == (429, "temporarily_unavailable")
    assert int(said.headers["Retry-After"]) >= 1
