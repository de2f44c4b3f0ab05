"""Persisted documents in one process: what an id finds for whom, and what is compiled ahead."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from app.press import Press
from app.server import graph_of
from core.domain.accounts import Client, Viewer
from core.domain.documents import digest
from core.domain.errors import Invalid, Unauthenticated
from core.settings import Settings
from engine import Documents, Limits, Rejected
from resolvers.answers import settled
from schema import persisted as room, press, sdl
from schema.graph import Call, Graph
from schema.parameters import Parameters
from schema.persisted import Persisted, judge
from tests.core.services.estate import eventually
from tests.resolvers.world import World

TEXT = "{ homes { totalCount } }"
OPEN = "{ __schema { queryType { name } } }"
ID = f"sha256:{digest(TEXT)}"
BY_ID = Parameters(document_id=ID)
APOLLO = Parameters(document_id=ID, apollo=True)


class Desk:
    """The graph of the furnished house, and who asks it."""

    def __init__(self, world: World) -> None:
        """Without any document."""
        self.world = world
        self.graph: Graph = graph_of(world.house)

    async def register(self, text: str = TEXT, client_id: str = "") -> None:
        """Register a document, for the world's client if for no other."""
        client_id = client_id or self.viewer.client.id
        await self.world.house.services.documents.register(client_id, text, str)

    async def restrict(self, *, registered_only: bool = True) -> None:
        """Have the world's client run registered documents only."""
        await self.world.house.services.accounts.restrict_client(
            self.viewer.client.id, registered_only=registered_only
        )

    @property
    def viewer(self) -> Viewer:
        """The world's viewer, as of now."""
        return self.world.viewer()

    async def call(self, asked: Parameters, viewer: Viewer | None = None) -> Call:
        """A prepared operation."""
        return await settled(self.graph.prepare(asked, viewer or self.viewer, "trace"))

    async def refused(self, asked: Parameters, viewer: Viewer | None = None) -> tuple[str, str]:
        """Code and message of a document that is not found."""
        with pytest.raises(Rejected) as rejected:
            await self.call(asked, viewer)
        return rejected.value.code, str(rejected.value)


async def nobody(desk: Desk, asked: Parameters) -> Call:
    """An operation prepared for who shows no token."""
    return await settled(desk.graph.prepare(asked, None, "trace"))


@pytest.fixture
def desk(world: World) -> Desk:
    """The graph of the furnished house."""
    return Desk(world)


@pytest.mark.parametrize("asked", [BY_ID, APOLLO, BY_ID._replace(text=TEXT)])
async def test_an_id_is_the_text(desk: Desk, asked: Parameters) -> None:
    """By either way to name it, and beside the text itself."""
    await desk.register()
    assert (await desk.call(asked)).document is (await desk.call(Parameters(TEXT))).document


@pytest.mark.parametrize("named", [ID, digest(TEXT), ID.upper(), "", "x-mine:1", "ü" * 999])
async def test_an_id_that_finds_nothing(desk: Desk, named: str) -> None:
    """Another client's, and whatever is no id: the sentence says what an id is."""
    other = await desk.world.house.services.accounts.create_client("App")
    await desk.register(client_id=other.id)
    code, message = await desk.refused(Parameters(document_id=named))
    assert code == "PERSISTED_QUERY_NOT_FOUND"
    assert "64 lower-case hexadecimal digits" in message
    assert len(message) < 400


async def test_apollos_clients_know_it_by_its_message(desk: Desk) -> None:
    """Some look at the message alone, so it is theirs to the letter."""
    assert await desk.refused(APOLLO) == ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


async def test_apollos_clients_send_the_text_once(desk: Desk) -> None:
    """Then its hash finds it, for them alone and in Apollo's way alone; nothing is stored."""
    await desk.call(APOLLO._replace(text=TEXT))
    assert (await desk.call(APOLLO)).document.text == TEXT
    other = replace(desk.viewer, client=Client("client_other", "Other"))
    assert (await desk.refused(APOLLO, other))[1] == "PersistedQueryNotFound"
    assert (await desk.refused(BY_ID))[0] == "PERSISTED_QUERY_NOT_FOUND"
    assert desk.world.house.access.documents == {}


async def test_what_is_not_run_is_not_remembered(desk: Desk) -> None:
    """A text that is refused, or whose sender's token does not open it, leaves nothing."""
    bad = "{ nothing }"
    asked = Parameters(bad, document_id=f"sha256:{digest(bad)}", apollo=True)
    assert (await desk.refused(asked))[0] == "GRAPHQL_VALIDATION_FAILED"
    assert (await desk.refused(asked._replace(text=None)))[1] == "PersistedQueryNotFound"
    with pytest.raises(Unauthenticated):
        await nobody(desk, APOLLO._replace(text=TEXT))
    assert (await desk.refused(APOLLO))[1] == "PersistedQueryNotFound"


async def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used longest ago is asked for again."""
    monkeypatch.setattr(room, "MOST_SENT", 1)
    desk = Desk(world)
    await desk.call(APOLLO._replace(text=TEXT))
    text = TEXT + " "
    await desk.call(Parameters(text, document_id=f"sha256:{digest(text)}", apollo=True))
    assert (await desk.refused(APOLLO))[1] == "PersistedQueryNotFound"


@pytest.mark.parametrize("asked", [BY_ID, APOLLO])
async def test_a_hash_of_another_text(desk: Desk, asked: Parameters) -> None:
    """It is refused before anything runs, whether or not the hash is registered."""
    await desk.register()
    with pytest.raises(Invalid, match="is not that of query"):
        await desk.call(asked._replace(text=TEXT + " "))


async def test_nobody_has_documents(desk: Desk) -> None:
    """An id needs a token; Apollo's clients may come with a text that needs none."""
    with pytest.raises(Unauthenticated, match="send an access token"):
        await nobody(desk, BY_ID)
    asked = Parameters(document_id=f"sha256:{digest(OPEN)}", apollo=True)
    with pytest.raises(Rejected, match="PersistedQueryNotFound"):
        await nobody(desk, asked)
    assert (await nobody(desk, asked._replace(text=OPEN))).operation.public


async def test_a_restricted_client_runs_what_it_registered(desk: Desk) -> None:
    """By id or as text, byte for byte, and what needs no token at all; then anything again."""
    await desk.register()
    await desk.restrict()
    for asked in (BY_ID, APOLLO, Parameters(TEXT), Parameters(OPEN), Parameters("{__typename}")):
        await desk.call(asked)
    code, message = await desk.refused(Parameters(TEXT + " "))
    assert (code, "registered documents only" in message) == ("PERSISTED_QUERY_NOT_FOUND", True)
    await desk.restrict(registered_only=False)
    await desk.call(Parameters(TEXT + " "))


async def test_a_restricted_client_teaches_nothing(desk: Desk) -> None:
    """What it sent before it was restricted is no more found, and no text is taken by its hash."""
    await desk.call(APOLLO._replace(text=TEXT))
    await desk.restrict()
    assert (await desk.refused(APOLLO))[1] == "PersistedQueryNotFound"
    assert "registered documents only" in (await desk.refused(APOLLO._replace(text=TEXT)))[1]


async def test_what_is_open_does_not_open_the_rest(desk: Desk) -> None:
    """In a document of several operations, the one that is asked for is judged."""
    await desk.restrict()
    text = f"query A {OPEN} query B {TEXT}"
    await desk.call(Parameters(text, "A"))
    assert (await desk.refused(Parameters(text, "B")))[0] == "PERSISTED_QUERY_NOT_FOUND"


def counted(documents: Documents) -> list[str]:
    """The texts of documents that are compiled, as they come."""
    seen, get = list[str](), documents.get

    def watched(text: str) -> Any:
        seen.append(text)
        return get(text)

    documents.get = watched  # type: ignore[method-assign]  # to see who asks
    return seen


async def warming(world: World, documents: Documents) -> "asyncio.Task[None]":
    """Warm these documents until cancelled."""
    warm = Persisted(world.house.register, world.house.clock).warm(documents)
    return asyncio.create_task(warm)


@pytest.mark.parametrize("engine", ["compiled"])
async def test_documents_are_ready_before_they_are_asked_for(desk: Desk) -> None:
    """The newest first, then each that is registered; a text that is unfit costs a warning."""
    texts = [TEXT, "{ nothing }", "{ home(id: 1) { name } }"]
    for text in texts:
        await desk.register(text)
    documents = Press(desk.world.house.settings).documents
    seen = counted(documents)
    task = await warming(desk.world, documents)
    await eventually(lambda: seen == texts[::-1])
    await desk.register("{ __typename }")
    await eventually(lambda: seen[3:] == ["{ __typename }"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for text in (TEXT, texts[2], "{ __typename }"):
        assert documents.get(text).operation().plan._programs  # noqa: SLF001 - it does not show outside


async def test_an_unfit_document_is_told(desk: Desk) -> None:
    """With its id and client, so that the partner can be told."""
    await desk.register("{ nothing }")
    with structlog.testing.capture_logs() as lines:
        task = await warming(desk.world, Press(desk.world.house.settings).documents)
        await eventually(lambda: len(lines) == 1)
    task.cancel()
    assert lines[0]["event"] == "registered_document_unfit"
    assert lines[0]["client_id"] == desk.viewer.client.id
    assert lines[0]["document_id"] == f"sha256:{digest('{ nothing }')}"


async def test_making_ready_pushes_nothing_out(desk: Desk) -> None:
    """At the start it ends where there is no more room; what is new takes its place."""
    for number in range(4):
        await desk.register(f"query Q{number} {TEXT}")
    house = desk.world.house
    documents = Documents(press(Limits()).schema, sdl(), capacity=2)
    seen = counted(documents)
    task = await warming(desk.world, documents)
    await eventually(lambda: len(seen) == 2)
    await desk.register(f"query New {TEXT}")
    await eventually(lambda: len(seen) == 3)
    task.cancel()
    names = [text.split()[1] for text in seen]
    assert (names, house.dead) == (["Q3", "Q2", "New"], [])


def test_a_document_is_judged_as_a_request_would_be() -> None:
    """For all its operations; one with variables may ask for less than it could."""
    documents = Press(Settings()).documents
    deep = "{ devices(first: 100) { nodes { home { devices(first: 100) { nodes { home { devices"
    wide = deep + "(first: 100) { totalCount nodes { id } } } } } } } } }"
    judge(documents, TEXT)
    with pytest.raises(Rejected, match="objects in lists"):
        judge(documents, f"query A {TEXT} query B {wide}")
    judge(documents, f"query ($n: Int!) {wide.replace('first: 100', 'first: $n')}")
