"""Registering documents: each client's own, once, within a limit, known everywhere."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.domain.documents import RegisteredDocument, digest
from core.domain.errors import Invalid, Limited, Missing, Refused
from core.services import Documents
from core.store.documents import Documents as Stored
from core.store.ledger import ACCESS
from tests.core.services.estate import Estate

TEXT = "{ homes { totalCount } }  # é 🔑"


class Bad(Exception):
    """What the graph says of a bad document."""


def check(text: str) -> None:
    """Take whatever does not say that it is bad."""
    if "bad" in text:
        raise Bad


async def register(estate: Estate, text: str = TEXT, **more: Any) -> RegisteredDocument:
    """Register for the estate's client."""
    client = more.pop("client_id", estate.client.id)
    return await estate.house.services.documents.register(client, text, check, **more)


def limited(estate: Estate, most: int) -> Documents:
    """The service, with room for so many."""
    return Documents(estate.house.committer, Stored(estate.house.database), most)


async def test_a_document_is_registered_once(estate: Estate) -> None:
    """The same text is the same document, as it was; a byte more is another one."""
    first = await register(estate)
    again, other = await asyncio.gather(register(estate), register(estate, TEXT + "\n"))
    assert first == again == replace(first, text=TEXT, sha256=digest(TEXT))
    assert other.id != first.id
    assert estate.house.access.documents == {estate.client.id: {first.id, other.id}}
    kept = await estate.house.services.documents.of(estate.client.id)
    assert list(kept) == [other, first]


async def test_what_the_log_says_of_it(estate: Estate) -> None:
    """One entry for each change, by hash: the text would be in every process's memory."""
    before = (await estate.house.logs.heads([ACCESS]))[ACCESS]
    document = await register(estate)
    await register(estate)
    await estate.house.services.documents.remove(estate.client.id, document.id)
    told = await estate.house.logs.read(ACCESS, before, 9)
    fact = {"client_id": estate.client.id, "sha256": document.sha256}
    assert [one.body for one in told] == [  # type: ignore[union-attr]  # the access log holds no events
        {**fact, "removed": False},
        {**fact, "removed": True},
    ]


async def test_a_document_is_its_clients_own(estate: Estate) -> None:
    """What one client registered is not there for another, who may register it too."""
    other = await estate.house.services.accounts.create_client("App")
    mine, theirs = await register(estate), await register(estate, client_id=other.id)
    assert mine.id == theirs.id
    await estate.house.services.documents.remove(estate.client.id, mine.sha256)
    assert not estate.house.access.registered(estate.client.id, mine.id)
    assert estate.house.access.registered(other.id, mine.id)
    assert await estate.house.services.documents.of(estate.client.id) == []
    state = await estate.house.logs.access_state()  # as a process that starts now finds it
    assert list(state.documents) == [(other.id, theirs.sha256)]


async def test_a_bad_document_is_not_kept(estate: Estate) -> None:
    """What the graph refuses, and what PostgreSQL could not hold, whichever the database."""
    with pytest.raises(Bad):
        await register(estate, "bad")
    with pytest.raises(Invalid, match=r"U\+0000"):
        await register(estate, "# \0\n{ a }")
    assert estate.house.access.documents == {}


async def test_a_client_has_so_many_at_most(estate: Estate) -> None:
    """Also of those that come together; what is removed makes room, and old ones stay known."""
    documents, client = limited(estate, 3), estate.client.id
    works = [documents.register(client, f"{{ a{n} }}", check) for n in range(6)]
    results = await asyncio.gather(*works, return_exceptions=True)
    kept = [one for one in results if isinstance(one, RegisteredDocument)]
    assert [type(one) for one in results if one not in kept] == [Limited] * 3
    assert await documents.register(client, kept[0].text, check) == kept[0]
    await documents.remove(client, kept[0].id)
    await documents.register(client, "{ new }", check)
    with pytest.raises(Limited, match="3 registered documents"):
        await documents.register(client, "{ newer }", check)


async def test_a_restricted_client_does_not_register(estate: Estate) -> None:
    """It could run anything otherwise; an operator registers for it."""
    accounts, client = estate.house.services.accounts, estate.client.id
    assert (await accounts.restrict_client(client, registered_only=True)).registered_only
    with pytest.raises(Refused, match="latchkey document register"):
        await register(estate, by_client=True)
    await register(estate)
    assert not (await accounts.restrict_client(client, registered_only=False)).registered_only
    await register(estate, "{ other }", by_client=True)


async def test_who_or_what_is_not_there(estate: Estate) -> None:
    """An unknown client has no documents, a client none that it did not register."""
    with pytest.raises(Missing, match="no client client_none"):
        await register(estate, client_id="client_none")
    with pytest.raises(Missing, match="no registered document sha256:0"):
        await estate.house.services.documents.remove(estate.client.id, "sha256:0")
    with pytest.raises(Missing):
        await estate.house.services.accounts.restrict_client("client_none", registered_only=True)
