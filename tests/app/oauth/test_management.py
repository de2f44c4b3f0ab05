"""A client looks after its registration: the sections of RFC 7592."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from core.domain.audit import OPERATOR, Kind, Sought
from core.store import tables
from tests.app.oauth.registrar import KEY, Program
from tests.app.oauth.site import App, Site

KEYED = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}}
OUT = (401, "invalid_token")


@pytest.fixture
def program(site: Site) -> Program:
    """A partner's program."""
    return Program(site)


async def test_it_reads_what_it_registered(program: Program) -> None:
    """RFC 7592 §2.1: all of it but the secret, by the same token again and again."""
    said = await program.registered()
    again = await program.read(said)
    assert again.status == 200
    assert again.body == {name: one for name, one in said.body.items() if name != "client_secret"}
    assert (await program.read(said)).body == again.body


async def test_a_token_is_for_one_client(program: Program) -> None:
    """RFC 7592 §2: another's, an initial one, an unknown one, and none are all the same."""
    mine, other, initial = (
        await program.registered(),
        await program.registered(),
        await program.invited(),
    )
    others = other.body["registration_access_token"]
    for token in (others, initial, "lkr_" + "x" * 43, "x"):
        answers = [await act(mine, token) for act in (program.read, program.change, program.remove)]
        assert {said.error for said in answers} == {OUT}
    unknown = await program.send("GET", "/client_none", others)
    assert unknown.error == OUT
    bare = await program.send("GET", f"/{mine.body['client_id']}", None)
    assert (bare.error, bare.headers["WWW-Authenticate"]) == (OUT, 'Bearer realm="latchkey"')
    assert (await program.read(mine)).status == 200


async def test_all_of_it_is_replaced(program: Program, site: Site) -> None:
    """RFC 7592 §2.2: what is left out, or null, is as if it had never been said."""
    said = await program.registered(client_uri="https://app.example/", scope="devices:read")
    changed = await program.change(
        said, client_name="Lamp Singer", client_uri=None, scope=None, dpop_bound_access_tokens=True
    )
    assert changed.status == 200
    assert (changed.body["client_name"], "client_uri" in changed.body) == ("Lamp Singer", False)
    assert (changed.body["dpop_bound_access_tokens"], "client_secret" in changed.body) == (
        True,
        False,
    )
    assert len(changed.body["scope"].split()) > 1
    assert changed.body == (await program.read(said)).body
    client = site.estate.house.access.clients[said.body["client_id"]]
    assert (client.name, client.bound, client.registered) == ("Lamp Singer", True, True)
    status, answer = await site.post(
        "token", {"grant_type": "client_credentials"}, App(client, said.body["client_secret"])
    )
    assert (status, answer["error"]) == (400, "invalid_dpop_proof"), (
        "known by its secret, as before"
    )


async def test_a_secret_comes_and_goes_with_its_use(program: Program, site: Site) -> None:
    """RFC 7592 §2.2: with keys there is no secret that would still work; back, there is another."""
    said = await program.registered(grant_types=["client_credentials"])
    keyed = await program.change(said, client_secret=None, **KEYED)
    assert (keyed.status, "client_secret" in keyed.body) == (200, False)
    rows = site.estate.house.database.rows
    mine = select(tables.client_secrets).where(
        tables.client_secrets.c.client_id == said.body["client_id"]
    )
    assert list(await rows(mine)) == []
    back = await program.change(keyed, token_endpoint_auth_method="client_secret_post", jwks=None)
    assert back.body["client_secret"] != said.body["client_secret"]
    client = site.estate.house.access.clients[said.body["client_id"]]
    form = {"grant_type": "client_credentials"}
    assert (await site.post("token", form, App(client, back.body["client_secret"])))[0] == 200
    assert (await site.post("token", form, App(client, said.body["client_secret"])))[0] == 401


@pytest.mark.parametrize(
    ("changed", "stays"),
    [
        ({}, True),
        ({"scope": "devices:read"}, True),
        ({"client_name": "Bank"}, False),
        ({"redirect_uris": ["https://evil.example/"]}, False),
    ],
)
async def test_another_face_is_verified_no_more(
    program: Program, site: Site, changed: dict[str, Any], *, stays: bool
) -> None:
    """Nobody is verified under one name and then goes by another."""
    said = await program.registered()
    house, client_id = site.estate.house, said.body["client_id"]
    await house.services.accounts.verify_client(client_id, verified=True)
    assert (await program.change(said, **changed)).status == 200
    assert house.access.clients[client_id].verified is stays


async def test_who_is_removed_is_out_at_once(program: Program, site: Site) -> None:
    """RFC 7592 §2.3, §5: tokens, secret, grants, and the registration token itself."""
    said = await program.registered()
    client = site.estate.house.access.clients[said.body["client_id"]]
    app = App(client, said.body["client_secret"])
    tokens = await site.tokens(app)
    gone = await program.remove(said)
    assert (gone.status, gone.body) == (204, {})
    assert await site.ask(tokens["access_token"]) == 401
    assert (await site.refresh(tokens["refresh_token"], app))[1]["error"] == "invalid_client"
    for act in (program.read, program.change, program.remove):
        assert (await act(said)).error == OUT
    kept = select(tables.registration_tokens)
    assert list(await site.estate.house.database.rows(kept)) == []


async def test_who_is_disabled_cannot_look_after_themselves(program: Program, site: Site) -> None:
    """RFC 7592 §2: what an operator decided, no registration token undoes."""
    said = await program.registered()
    await site.estate.house.services.accounts.disable_client(said.body["client_id"])
    for act in (program.read, program.change, program.remove):
        assert (await act(said)).error == OUT
    assert site.estate.house.access.clients[said.body["client_id"]].disabled


async def test_changes_and_a_removal_at_once(program: Program, site: Site) -> None:
    """Whatever their order, it is gone in the end, and no change comes after."""
    said = await program.registered()
    changes = (program.change(said, client_name=f"App {n}") for n in range(8))
    answers = await asyncio.gather(*changes, program.remove(said))
    assert {answer.status for answer in answers} <= {200, 204, 401}
    assert site.estate.house.access.clients[said.body["client_id"]].disabled
    assert (await program.read(said)).error == OUT


async def test_nobody_changes_all_the_time(program: Program) -> None:
    """Each change is a fact that stays, so there are only so many a minute."""
    said = await program.registered()
    statuses = [(await program.change(said, client_name=f"App {n}")).status for n in range(11)]
    assert statuses == [200] * 10 + [429]


async def test_what_is_done_is_in_the_audit(program: Program, site: Site) -> None:
    """The invitation, and by the client itself what came of it, refusals included. No name."""
    said = await program.registered()
    await program.change(said, client_name="Lamp Singer")
    await program.change(said, client_name="Latchkey")
    await program.remove(said)
    await program.remove(said)
    audit, client_id = site.estate.house.services.audit, said.body["client_id"]
    await audit.close()
    found = [row.content for row in await audit.listed(Sought(who=client_id), 20)]
    assert [(one["kind"], one["outcome"]) for one in reversed(found)] == [
        (Kind.CLIENT_CREATE, "allowed"),
        (Kind.CLIENT_CHANGE, "allowed"),
        (Kind.CLIENT_CHANGE, "refused"),
        (Kind.CLIENT_DISABLE, "allowed"),
    ]
    (invited,) = await audit.listed(Sought(kind=Kind.CLIENT_INVITE, who=OPERATOR.id), 20)
    assert invited.content is not None
    assert found[-1] is not None
    whence = json.loads(invited.content["detail"])["token_id"]
    assert json.loads(found[-1]["detail"])["token_id"] == whence
    assert "Lamp" not in repr(found)
