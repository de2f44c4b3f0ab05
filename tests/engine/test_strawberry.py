"""Strawberry's graphs on both engines: attributes, resolvers, permissions, extensions, loaders."""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from engine import Documents, Engine, Result, run
from engine.compiler import strawberries


@strawberry.enum
class Size(enum.Enum):
    """A Python enum, whose members Strawberry writes by name."""

    SMALL = "s"
    LARGE = "l"


class Allowed(BasePermission):
    """Lets nobody in who is called nobody."""

    message = "Not for you."

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        """Ask the context."""
        return bool(info.context["name"] != "nobody")


class Shouting(FieldExtension):
    """Makes text loud."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Resolve, and shout."""
        return str(next_(source, info, **kwargs)).upper()


@strawberry.input
class Wanted:
    """Which things."""

    size: Size = Size.SMALL
    above: int | None = strawberry.UNSET


@strawberry.interface
class Numbered:
    """What has a number."""

    number: int


@strawberry.type
class Thing(Numbered):
    """A thing."""

    size: Size
    price: float | None = None

    @strawberry.field
    async def twin(self, info: strawberry.Info) -> "Thing | None":
        """The same thing by a loader."""
        found: Thing | None = await info.context["things"].load(self.number)
        return found

    @strawberry.field
    def told(self, info: strawberry.Info, root: strawberry.Parent["Thing"]) -> str:
        """All that info says."""
        fields = sorted(each.name for each in info.selected_fields)  # type: ignore[union-attr]
        said = (info.field_name, info.python_name, info.path, info.return_type, fields)
        return f"{said} {info.variable_values} {root is self}"

    @strawberry.field(permission_classes=[Allowed])  # type: ignore[untyped-decorator]  # Strawberry's, with arguments
    def secret(self) -> str:
        """For some."""
        return "secret"

    @strawberry.field(extensions=[Shouting()])  # type: ignore[untyped-decorator]  # likewise
    def loud(self, word: str = "hey") -> str:
        """In capitals."""
        return word


@dataclass
class Record:
    """A record of another layer, shown as a thing."""

    number: int
    size: Size
    price: Any = None


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    def things(self, wanted: Wanted | None = None) -> list[Thing]:
        """Some things."""
        least = wanted.above if wanted and wanted.above is not strawberry.UNSET else 0
        size = wanted.size if wanted else Size.LARGE
        return [Thing(number=each, size=size) for each in range(least or 0, 3)]

    @strawberry.field
    async def numbered(self) -> Numbered:
        """A thing by its interface."""
        return Thing(number=1, size=Size.SMALL, price=2.5)

    @strawberry.field(graphql_type=Thing)  # type: ignore[untyped-decorator]  # likewise
    def wrong(self) -> Any:
        """A record that Strawberry does not take for a thing."""
        return Record(1, Size.SMALL)


SCHEMA = strawberry.Schema(Query, types=[Thing])._schema  # noqa: SLF001 - Strawberry offers no public way to it
TEXTS = {
    "basic": "{ things { number size price __typename } }",
    "input": "query ($w: Wanted) { things(wanted: $w) { number size } }",
    "info": "query ($w: Wanted) { x: things(wanted: $w) { told again: told } }",
    "permission": "{ things { number secret } numbered { number } }",
    "extension": '{ things { loud other: loud(word: "ho") } }',
    "abstract": "{ numbered { number ... on Thing { size price twin { number } } } }",
    "wrong": "{ wrong { number } }",
}


def documents(engine: Engine) -> Documents:
    """The documents of the graph."""
    return Documents(SCHEMA, "scalar Nothing", engine=engine)


async def answered(engine: Engine, text: str, name: str, batches: list[list[int]]) -> Result:
    """Run a text."""

    async def load(keys: list[int]) -> list[Thing | None]:
        batches.append(keys)
        await asyncio.sleep(0)
        return [Thing(number=key, size=Size.SMALL) if key else None for key in keys]

    context = {"name": name, "things": DataLoader(load)}
    document = documents(engine).get(text)
    given = {"w": {"above": 1, "size": "LARGE"}}
    return await run(document, document.operation(), given, context, Query())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["somebody", "nobody"])
async def test_strawberry_answers_alike_on_both_engines(text: str, name: str) -> None:
    """Whatever Strawberry puts into its resolvers works as it does on graphql-core."""
    ours = await answered("compiled", TEXTS[text], name, [])
    theirs = await answered("reference", TEXTS[text], name, [])
    assert ours.data == theirs.data
    assert [each.formatted for each in ours.errors] == [each.formatted for each in theirs.errors]
    assert ours.data is not None or name == "nobody" or text == "wrong"


@pytest.mark.parametrize("engine", ["compiled", "reference"])
async def test_loaders_see_siblings_and_items_together(engine: Engine) -> None:
    """Everything that waits at one level is asked for in one turn."""
    batches: list[list[int]] = []
    text = "{ a: things { twin { number twin { size } } } b: things { twin { number } } }"
    result = await answered(engine, text, "somebody", batches)
    assert result.errors == ()
    assert batches == [[0, 1, 2]]  # the loader remembers, so the second level asks for nothing


@pytest.mark.parametrize(
    ("name", "expected"),
    [("number", "number"), ("size", "size"), ("twin", None), ("secret", None)],
)
def test_basic_fields_are_read_as_attributes(name: str, expected: str | None) -> None:
    """What has no resolver costs one access; everything else is called."""
    field = SCHEMA.type_map["Thing"].fields[name]  # type: ignore[attr-defined]
    assert strawberries.attribute(field.resolve) == expected


@pytest.mark.parametrize(
    ("name", "direct"),
    [("told", True), ("twin", True), ("secret", False), ("loud", False), ("number", False)],
)
def test_functions_are_called_without_wrapper_where_nothing_is_lost(
    name: str, *, direct: bool
) -> None:
    """Permissions, extensions and arguments need Strawberry's own resolver."""
    field = SCHEMA.type_map["Thing"].fields[name]  # type: ignore[attr-defined]
    assert (strawberries.function(field.resolve) is not None) is direct
