"""Reuse: the same bytes again, where nothing that they say can have changed, and only there."""

from typing import Any

import pytest

from app.compose import House
from app.press import Press
from app.server import graph_of
from core.domain.accounts import Viewer
from core.domain.grants import Scope, Share
from core.settings import Settings
from resolvers.answers import settled
from schema.graph import Answered, Call, Graph
from schema.parameters import Parameters
from tests.resolvers.world import World

DEVICES = "{ devices { nodes { id name state { brightness } } } }"
PENDING = "{ devices { nodes { id pendingCommand { status } } } }"
ONE = "query A($id: ID!) { device(id: $id) { name } } query B($id: ID!) { home(id: $id) { name } }"


class Desk:
    """The graph of a house, and who asks it."""

    def __init__(self, world: World, **more: Any) -> None:
        """With a graph of its own; settings as given."""
        self.world = world
        self.graph: Graph = graph_of(_with(world.house, **more) if more else world.house)

    async def call(
        self, text: str, viewer: Viewer | None = None, name: str | None = None, **variables: Any
    ) -> Call:
        """A prepared operation."""
        viewer = viewer or self.world.viewer()
        return await settled(self.graph.prepare(Parameters(text, name, variables), viewer, "trace"))

    async def ask(self, text: str, viewer: Viewer | None = None, **more: Any) -> bytes:
        """The answer."""
        call = await self.call(text, viewer, **more)
        return (await settled(self.graph.answer(call, 9))).body

    async def again(self, text: str, viewer: Viewer | None = None, **more: Any) -> bool:
        """Whether a second asker gets the first one's bytes; homes are in memory by then."""
        await self.world.house.homes.load([self.world.home.id])
        first = await self.ask(text, viewer, **more)
        return await self.ask(text, viewer, **more) is first


def _with(house: House, **more: Any) -> House:
    from dataclasses import replace  # noqa: PLC0415

    settings = Settings(**{**house.settings.model_dump(), **more})
    return replace(house, settings=settings, press=Press(settings))


@pytest.fixture
def desk(world: World) -> Desk:
    """The graph of the furnished house."""
    return Desk(world)


async def test_nothing_new_is_the_same_answer(desk: Desk) -> None:
    """Until something happens in one of the homes."""
    assert await desk.again(DEVICES)
    before = await desk.ask(DEVICES)
    await desk.world.report(desk.world.lamps[0], 1, brightness=3)
    after = await desk.ask(DEVICES)
    assert b'"brightness":3' in after
    assert after != before
    assert await desk.again(DEVICES)


async def test_what_no_event_carries_changes_the_answer(desk: Desk) -> None:
    """A home's name: the snapshot is loaded anew, at a new place."""
    query = "{ homes { nodes { name } } }"
    assert await desk.again(query)
    await desk.world.house.services.homes.rename(desk.world.home.id, "Oak")
    assert b"Oak" in await desk.ask(query)


async def test_each_question_has_its_own_answer(desk: Desk) -> None:
    """Another variable, another operation of the document, other scopes, another grant."""
    world = desk.world
    first, second, home = world.lamps[0].id, world.lamps[1].id, world.home.id
    assert await desk.again(ONE, name="A", id=first)
    assert b"Attic" in await desk.ask(ONE, name="A", id=first)
    assert b"Bath" in await desk.ask(ONE, name="A", id=second)
    assert b"Maple" in await desk.ask(ONE, name="B", id=home)
    less = world.viewer(scopes=[Scope.DEVICES_READ])
    kept = await desk.ask(ONE, name="A", id=first)
    assert await desk.ask(ONE, less, name="A", id=first) is not kept
    narrow = world.viewer(await world.give(Share(home, device_id=second)))
    assert b"null" in await desk.ask(ONE, narrow, name="A", id=first)


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { expiresAt } devices { totalCount } }",
        "{ events { nodes { id } } }",
        '{ node(id: "x") { id } }',
        '{ command(id: "x") { id } }',
        "{ devices(first: 1000) { nodes { id } } }",
        '{ devices(after: "x") { nodes { id } } }',
    ],
)
async def test_what_depends_on_more_is_made_anew(desk: Desk, text: str) -> None:
    """The token, the log, single records; and errors have a trace of their own."""
    assert not await desk.again(text)


async def test_open_commands_are_looked_at_each_time(desk: Desk) -> None:
    """Their deadline may come; who does not ask for them is not concerned."""
    assert await desk.again(PENDING)
    await desk.world.accept(desk.world.lamps[0], on=False)
    assert b"ACCEPTED" in await desk.ask(PENDING)
    assert not await desk.again(PENDING)
    assert await desk.again(DEVICES)


async def test_a_grant_that_changed_is_another(desk: Desk) -> None:
    """From then on nothing that was made before is found, be the grant as it was again."""
    world, grants = desk.world, desk.world.house.services.grants
    grant = await world.give(Share(world.home.id))
    before = await desk.ask(DEVICES, world.viewer(grant))
    assert await desk.again(DEVICES, world.viewer(grant))
    grant = await grants.amend(
        grant, list(Scope), [Share(world.home.id, device_id=world.lamps[1].id)]
    )
    narrow = await desk.ask(DEVICES, world.viewer(grant))
    assert b"Attic" not in narrow
    assert b"Bath" in narrow
    grant = await grants.amend(grant, list(Scope), [Share(world.home.id)])
    assert await desk.ask(DEVICES, world.viewer(grant)) == before
    await grants.revoke(grant)
    assert b"Bath" not in await desk.ask(DEVICES, world.viewer(grant))


async def test_a_home_that_moves_on_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that may be of two places is given once."""
    world, run = desk.world, desk.graph._run  # noqa: SLF001 - to have it wait
    await world.house.homes.load([world.home.id])
    orders = iter(range(1, 99))

    async def slow(*given: Any) -> dict[str, Any]:
        answer = await settled(run(*given))
        await world.report(world.lamps[0], order := next(orders), brightness=order)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(desk.graph, "_run", slow)
        for _ in range(3):
            await desk.ask(DEVICES)
    assert b'"brightness":3' in await desk.ask(DEVICES)


async def test_what_the_store_said_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only memory knows which place it speaks of."""
    assert await desk.again(DEVICES)
    monkeypatch.setattr(desk.world.house.feed, "current", lambda *_: False)
    assert not await desk.again(DEVICES)


async def test_no_more_is_kept_than_there_is_room_for(world: World) -> None:
    """What was used longest ago goes; an answer that is too large is not kept; 0 keeps none."""
    desk = Desk(world, answer_bytes=4_000)
    reuse = desk.graph._reuse  # noqa: SLF001 - what is kept does not show outside
    texts = [f"query Q{at} {DEVICES}" for at in range(9)]
    for text in texts:
        assert await desk.again(text)
    assert 1 <= len(reuse) <= 3
    newest = await desk.ask(texts[-1])
    assert await desk.ask(texts[-1]) is newest
    for most in (0, 900):
        assert not await Desk(world, answer_bytes=most).again(DEVICES)


async def test_nobody_gets_what_somebody_got(desk: Desk) -> None:
    """Without a viewer nothing is kept or found."""
    call = await settled(desk.graph.prepare(Parameters("{ __typename }"), None, "trace"))
    first = await settled(desk.graph.answer(call, 9))
    assert first == Answered(b'{"data":{"__typename":"Query"}}', errors=False)
    assert (await settled(desk.graph.answer(call, 9))).body is not first.body
