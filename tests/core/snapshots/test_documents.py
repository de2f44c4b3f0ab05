"""The register: each client's documents in every process, and texts in bounded memory."""

import asyncio
from contextlib import aclosing

import pytest

from app.compose import House
from core.domain.documents import RegisteredDocument, digest
from core.domain.errors import Unavailable
from core.snapshots import documents as room
from core.snapshots.documents import Register
from core.store.documents import Documents as Stored
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually

TEXT = "{ homes { totalCount } }"
ID = f"sha256:{digest(TEXT)}"


async def registered(house: House, client_id: str, text: str = TEXT) -> RegisteredDocument:
    """Register a document that the graph is not asked about."""
    return await house.services.documents.register(client_id, text, str)


class Unreadable(Stored):
    """A store that does not answer."""

    async def text(self, client_id: str, sha256: str) -> str | None:
        """Nothing, ever."""
        del client_id, sha256
        await asyncio.Event().wait()
        return None

    async def newest(self, limit: int) -> list[tuple[str, str]]:
        """Say so."""
        raise Unavailable(str(limit))


async def test_another_process_learns_of_it(estate: Estate, second: House) -> None:
    """Within a second, text included; and that it was removed, too."""
    client = estate.client.id
    document = await registered(estate.house, client)
    assert await estate.house.register.text(client, ID) == TEXT
    assert await eventually(lambda: second.register.has(client, ID)) < 1.5
    assert await second.register.text(client, ID) == TEXT
    await estate.house.services.documents.remove(client, document.id)
    assert await estate.house.register.text(client, ID) is None
    await eventually(lambda: not second.register.has(client, ID))
    assert await second.register.text(client, ID) is None
    assert second.access.documents == {}


async def test_a_later_process_loads_it(estate: Estate, database_url: str, run_house: Run) -> None:
    """What was registered before a start is there after it."""
    await registered(estate.house, estate.client.id)
    async with run_house(database_url) as late:
        assert await late.register.text(estate.client.id, ID) == TEXT
        assert late.access.documents == estate.house.access.documents


async def test_one_clients_documents_are_no_other_clients(estate: Estate) -> None:
    """Not even where the text is in memory already."""
    await registered(estate.house, estate.client.id)
    assert await estate.house.register.text(estate.client.id, ID) == TEXT
    assert await estate.house.register.text("client_other", ID) is None


async def test_texts_in_memory_are_bounded(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those used last stay; the others come from the store again, and a huge one is not kept."""
    monkeypatch.setattr(room, "MOST_BYTES", 3_000)
    house, client = estate.house, estate.client.id
    register = Register(house.access, Stored(house.database), house.feed)
    texts = ["# " + str(number) * 500 for number in range(6)] + ["#" * 4_000]
    documents = [await registered(house, client, text) for text in texts]
    for _ in range(2):
        read = [await register.text(client, one.id) for one in documents]
        assert read == texts
    assert list(register._texts.values()) == texts[3:6]  # noqa: SLF001 - what is kept does not show outside


async def test_news_are_the_newest_and_then_what_comes(estate: Estate) -> None:
    """Nothing between the two is missed."""
    house, client = estate.house, estate.client.id
    old = [await registered(house, client, f"# {number}") for number in range(3)]
    async with aclosing(house.register.news()) as news:
        first = await anext(news)
        fresh = await registered(house, client, "# fresh")
        told = [first, *[await anext(news) for _ in range(3)]]
    assert [one.document_id for one in told] == [one.id for one in (*reversed(old), fresh)]
    assert [one.fresh for one in told] == [False, False, False, True]


async def test_a_store_that_does_not_answer(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text is given up soon, and news go on with what comes."""
    monkeypatch.setattr(room, "SECONDS", 0.05)
    house, client = estate.house, estate.client.id
    document = await registered(house, client)
    register = Register(house.access, Unreadable(house.database), house.feed)
    with pytest.raises(Unavailable, match="send its text"):
        await register.text(client, document.id)
    async with aclosing(register.news()) as news:
        coming = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0)
        await registered(house, client, "# fresh")
        assert (await coming).fresh
