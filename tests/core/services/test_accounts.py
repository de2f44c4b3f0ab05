"""Users, clients and keys: each change is a fact of the access log."""

import json

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from core.domain.accounts import EXPLORER, ClientAuth
from core.domain.audit import Kind, Sought
from core.domain.errors import Conflict, Invalid, Missing
from core.store import tables
from core.store.ledger import ACCESS
from core.tokens import checked_jwks
from tests.core.services.estate import Estate


async def kinds(estate: Estate, after: int) -> list[str]:
    """What the access log says after a place."""
    return [entry.kind for entry in await estate.house.logs.read(ACCESS, after, 99)]  # type: ignore[union-attr]  # the access log holds no events


async def head(estate: Estate) -> int:
    """The access log's newest place."""
    return (await estate.house.logs.heads([ACCESS]))[ACCESS]


async def test_accounts_are_told(estate: Estate) -> None:
    """Whoever is made or disabled is told whole, and known in this process at once."""
    accounts, access, before = (
        estate.house.services.accounts,
        estate.house.access,
        await head(estate),
    )
    user, client = await accounts.create_user("Bob"), await accounts.create_client("App")
    assert (access.users[user.id], access.clients[client.id]) == (user, client)
    gone, off = await accounts.disable_user(user.id), await accounts.disable_client(client.id)
    assert (gone.disabled, off.disabled) == (True, True)
    assert (access.users[user.id], access.clients[client.id]) == (gone, off)
    assert await kinds(estate, before) == ["user", "client", "user", "client"]


async def test_names_of_users_differ(estate: Estate) -> None:
    """A name is taken once; names of clients may be the same."""
    accounts = estate.house.services.accounts
    with pytest.raises(Conflict, match="There is already a user named 'Ada'"):
        await accounts.create_user("Ada")
    assert await accounts.create_client("Partner") != estate.client


async def test_who_is_not_there_cannot_be_disabled(estate: Estate) -> None:
    """Neither a user nor a client."""
    with pytest.raises(Missing):
        await estate.house.services.accounts.disable_user("user_none")
    with pytest.raises(Missing):
        await estate.house.services.accounts.disable_client("client_none")


async def test_when_an_account_was_made_stays_so(estate: Estate) -> None:
    """Disabling does not make an account younger."""
    database, accounts = estate.house.database, estate.house.services.accounts
    made = [select(table.c.created_at) for table in (tables.users, tables.clients)]
    before = [await database.rows(query) for query in made]
    await accounts.disable_user(estate.user.id)
    await accounts.disable_client(estate.client.id)
    assert [await database.rows(query) for query in made] == before


async def test_operators_are_made_and_unmade(estate: Estate) -> None:
    """It is a fact of the access log, so every process knows."""
    accounts, access = estate.house.services.accounts, estate.house.access
    made = await accounts.set_operator(estate.user.id, operator=True)
    assert access.users[estate.user.id] == made
    assert made.operator
    await accounts.set_operator(estate.user.id, operator=False)
    assert not access.users[estate.user.id].operator
    with pytest.raises(Missing):
        await accounts.set_operator("user_none", operator=True)


async def test_keys_rotate(estate: Estate) -> None:
    """A new key comes and the one before is retired, in one transaction; both verify."""
    access, before = estate.house.access, await head(estate)
    (old,) = access.keys.values()
    new = await estate.house.services.accounts.rotate_keys()
    assert await kinds(estate, before) == ["key", "key"]
    assert access.keys[new.id].retired_at is None
    assert access.keys[old.id].retired_at is not None
    assert all(estate.house.ring.verifying(one.id) for one in (old, new))


async def test_a_client_that_signs_has_keys(estate: Estate) -> None:
    """Public ones, checked as they come in; it has no secret besides."""
    services, auth = estate.house.services, ClientAuth.PRIVATE_KEY
    key = ECKey.generate_key("P-256")
    public, private = (json.dumps({"keys": [key.as_dict(private=one)]}) for one in (False, True))
    for wrong in (None, "{}", private):
        with pytest.raises(Invalid, match="jwks"):
            await services.accounts.create_client("Signer", auth=auth, jwks=wrong)
    client = await services.accounts.create_client("Signer", auth=auth, jwks=public)
    assert client.jwks == checked_jwks(public)
    with pytest.raises(Conflict, match="has no secret: it proves itself by private_key_jwt"):
        await services.client_secrets.rotate(client.id)


async def test_the_explorer_is_kept(estate: Estate) -> None:
    """Made once; a second start changes nothing, another address does, and is in the audit."""
    accounts, access = estate.house.services.accounts, estate.house.access
    await accounts.keep_explorer("https://a.example/graphql")
    await accounts.verify_client(EXPLORER, verified=False)
    before = access._place  # noqa: SLF001 - that nothing is said shows nowhere else
    kept = await accounts.keep_explorer("https://a.example/graphql")
    assert (access._place, kept.verified) == (before, False)  # noqa: SLF001 - likewise
    await accounts.disable_client(EXPLORER)
    moved = await accounts.keep_explorer("https://b.example/graphql")
    assert (moved.redirect_uris, moved.disabled) == (("https://b.example/graphql",), True)
    audit = estate.house.services.audit
    rows = await audit.listed(Sought(kind=Kind.CLIENT_CHANGE), 9)
    assert f'"client_id": "{EXPLORER}"' in (rows[0].content or {})["detail"]
