"""Documents of the published graph, run by the engine in a furnished house."""

from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

from app.press import Press
from app.server import ask_of
from core.domain.accounts import Viewer
from core.domain.seen import Seen
from engine import Document, Documents, Engine, Result, run, stream
from resolvers.asking import Ask
from schema import UNCARRIED, build, sdl
from schema.errors import formatted
from schema.mirror import Mirror
from schema.rendering import Renderer
from tests.resolvers.world import World

GRAPH = build()._schema  # noqa: SLF001 - Strawberry offers no public way to it


@cache
def documents(engine: Engine = "compiled") -> Documents:
    """The documents of the published graph on an engine."""
    return Documents(GRAPH, sdl(), uncarried=UNCARRIED, engine=engine)


def mirror_on(world: World, **more: Any) -> Mirror:
    """A mirror that shares nothing with any graph, as in a process of its own; by other settings.

    It keeps no bytes, so whatever it shows was rendered by it.
    """
    made = Press(world.house.settings.model_copy(update=more)).documents
    return Mirror(made, Renderer(0), ask_of(world.house, made, None))


def document(world: World, text: str) -> Document:
    """A document on the engine of a house."""
    return documents(world.house.settings.engine).get(text)


def payload(result: Result) -> dict[str, Any]:
    """A result as clients get it."""
    return result.payload(lambda error: formatted(error, "trace"))


async def answered(world: World, ask: Ask, text: str, **variables: Any) -> dict[str, Any]:
    """The payload of a query or mutation, whatever the viewer's scopes."""
    ask.opens = documents(world.house.settings.engine).opens
    found = document(world, text)
    return payload(await run(found, found.operation(), variables, ask))


async def asked(
    world: World, text: str, viewer: Viewer | None = None, **variables: Any
) -> dict[str, Any]:
    """The data of an operation that must succeed and that the viewer's scopes open."""
    viewer = viewer or world.viewer()
    assert not document(world, text).operation().missing(viewer.scopes)
    answer = await answered(world, world.ask(viewer), text, **variables)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def refused(world: World, text: str, **variables: Any) -> dict[str, Any]:
    """The one error of an operation that must fail."""
    (error,) = (await answered(world, world.ask(), text, **variables))["errors"]
    found: dict[str, Any] = error
    return found


def streamed(
    ask: Ask, found: Document, **variables: Any
) -> AsyncGenerator[tuple[Seen, Result], None]:
    """What a subscription answers, each event in a context of its own."""
    return stream(found, found.operation(), variables, ask, lambda seen: ask.of(seen.event))
