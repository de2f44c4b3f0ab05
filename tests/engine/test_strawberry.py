"""Strawberry's graphs on both engines: attributes, resolvers, permissions, extensions, loaders."""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from engine import Documents, Engine, Rejected, Result, run
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


def by_root_and_info(root: Thing, info: strawberry.Info, add: int = 1) -> int:
    """The object and the info first, as most functions have them."""
    return root.number + add + len(info.context["name"])


def by_info_and_root(info: strawberry.Info, root: strawberry.Parent[Thing], add: int) -> int:
    """The other way round."""
    return root.number + add + len(info.context["name"])


def by_info(info: strawberry.Info, wanted: list[Wanted]) -> str:
    """No object, and a list of inputs, with the values that nobody sent."""
    return f"{info.context['name']} {wanted}"


def by_name(*, add: int, info: strawberry.Info) -> str:
    """Nothing by position, and more of the info than its context."""
    return f"{info.field_name} {info.context['name']} {add}"


def by_root(root: Thing) -> int:
    """The object alone."""
    return root.number


def by_position(root: Thing, /) -> int:
    """The object alone, which Strawberry passes by name."""
    return root.number


def by_info_alone(root: strawberry.Info) -> str:
    """An info that is called as objects are."""
    return str(root.context["name"])


def by_default(root: Thing, add: int = 1) -> int:
    """The object, and what is seldom given."""
    return root.number + add


async def by_waiting(root: Thing) -> int:
    """The object alone, later."""
    await asyncio.sleep(0)
    return root.number


def by_keyword(*, root: Thing) -> int:
    """The object alone, but not by position."""
    return root.number


@strawberry.type
class Shapes:
    """Functions with parameters in all orders."""

    number: int = 5
    first: int = strawberry.field(resolver=by_root_and_info)
    second: int = strawberry.field(resolver=by_info_and_root)
    third: str = strawberry.field(resolver=by_info)
    fourth: str = strawberry.field(resolver=by_name)
    fifth: int = strawberry.field(resolver=by_root)
    sixth: int = strawberry.field(resolver=by_keyword)
    eighth: str = strawberry.field(resolver=by_info_alone)
    ninth: int = strawberry.field(resolver=by_default)
    tenth: int = strawberry.field(resolver=by_waiting)
    eleventh: int | None = strawberry.field(resolver=by_position)

    @strawberry.field
    def seventh(self) -> int:
        """The object alone, as a method."""
        return self.number


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

    @strawberry.field
    def shapes(self, info: strawberry.Info) -> Shapes:
        """What has a self is bound."""
        return Shapes(number=len(info.context["name"]))

    @strawberry.field(graphql_type=Thing)  # type: ignore[untyped-decorator]  # likewise
    def wrong(self) -> Any:
        """A record that Strawberry does not take for a thing."""
        return Record(1, Size.SMALL)


SCHEMA = strawberry.Schema(Query, types=[Thing])._schema  # noqa: SLF001 - Strawberry offers no public way to it


def resolver(kind: str, name: str) -> Callable[..., Any]:
    """What Strawberry has made for a field."""
    there = SCHEMA.type_map[kind]
    assert isinstance(there, GraphQLObjectType)
    found: Callable[..., Any] | None = there.fields[name].resolve
    assert found is not None
    return found


TEXTS = {
    "basic": "{ things { number size price __typename } }",
    "input": "query ($w: Wanted) { things(wanted: $w) { number size } }",
    "info": "query ($w: Wanted) { x: things(wanted: $w) { told again: told } }",
    "permission": "{ things { number secret } numbered { number } }",
    "extension": '{ things { loud other: loud(word: "ho") } }',
    "abstract": "{ numbered { number ... on Thing { size price twin { number } } } }",
    "wrong": "{ wrong { number } }",
    "shapes": "{ shapes { first again: first(add: 3) second(add: 2) fourth(add: 9) } }",
    "alone": "{ shapes { fifth sixth seventh eighth ninth tenth eleventh } }",
    "lists": "query ($w: Wanted!) { shapes { one: third(wanted: [$w, {}]) third(wanted: []) } }",
    "refused": "query ($w: Int = 2) { shapes { number second(add: $w) } }",
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
    given = {"w": {"above": 1, "size": "LARGE"}} if "Int" not in text else {"w": None}
    return await run(document, document.operation(), given, context, Query())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["somebody", "nobody"])
async def test_strawberry_answers_alike_on_both_engines(text: str, name: str) -> None:
    """Whatever Strawberry puts into its resolvers works as it does on graphql-core."""
    ours = await answered("compiled", TEXTS[text], name, [])
    theirs = await answered("reference", TEXTS[text], name, [])
    assert ours.data == theirs.data
    assert [each.formatted for each in ours.errors] == [each.formatted for each in theirs.errors]
    assert ours.data is not None or name == "nobody" or text in {"wrong", "refused"}


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
    assert strawberries.attribute(resolver("Thing", name)) == expected


@pytest.mark.parametrize(
    ("name", "direct"),
    [("told", True), ("twin", True), ("secret", False), ("loud", False), ("number", False)],
)
def test_functions_are_called_without_wrapper_where_nothing_is_lost(
    name: str, *, direct: bool
) -> None:
    """Permissions and extensions need Strawberry's own resolver."""
    assert (strawberries.function(resolver("Thing", name)) is not None) is direct


@pytest.mark.parametrize(
    ("name", "light", "whole"),
    [
        ("first", True, True),
        ("second", True, False),
        ("third", True, False),
        ("fourth", False, False),
    ],
)
def test_an_info_is_made_for_who_looks_at_it(name: str, *, light: bool, whole: bool) -> None:
    """Not for the context alone; and a function that takes what resolvers take is the resolver."""
    called = strawberries.function(resolver("Shapes", name))
    assert called is not None
    assert called.light is light
    assert (called.resolve is by_root_and_info) is whole


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("fifth", True),
        ("sixth", False),
        ("seventh", True),
        ("eighth", False),
        ("ninth", False),
        ("tenth", True),
        ("eleventh", False),
    ],
)
def test_who_takes_the_object_alone_is_called_with_it(name: str, *, alone: bool) -> None:
    """By position, where Strawberry could pass it so, and passes nothing else."""
    called = strawberries.function(resolver("Shapes", name))
    assert called is not None
    assert called.alone is alone


async def test_a_type_that_goes_by_class_is_asked_once() -> None:
    """Where its check says so; and a record of another class is still refused."""
    asked = []

    @strawberry.type
    class Part:
        number: int

        @classmethod
        def is_type_of(cls, value: object, info: object) -> bool:
            del info
            asked.append(value)
            return isinstance(value, Record)

        is_type_of.__func__.by_class = True  # type: ignore[attr-defined]

    @strawberry.type
    class Root:
        @strawberry.field(graphql_type=list[Part | None])  # type: ignore[untyped-decorator]  # Strawberry's
        def parts(self) -> Any:
            return [Record(1, Size.SMALL), Record(2, Size.SMALL), "no part", Record(3, Size.SMALL)]

    schema = strawberry.Schema(Root)._schema  # noqa: SLF001 - as above
    document = Documents(schema, "scalar Nothing", engine="compiled").get("{ parts { number } }")
    result = await run(document, document.operation(), None, None, Root())
    assert result.data == {"parts": [{"number": 1}, {"number": 2}, None, {"number": 3}]}
    assert [type(one) for one in asked] == [Record, str]
    assert [error.path for error in result.errors] == [["parts", 2]]


async def test_the_same_variables_are_coerced_once() -> None:
    """By what was sent; and a value that a resolver could change is made anew for each request."""
    text = "query ($n: Int, $w: Wanted) { things(wanted: $w) { number } shapes { first(add: $n) } }"
    plan = documents("compiled").get(text).operation().plan
    assert plan.inputs({"n": 1}) is plan.inputs({"n": 1})
    assert plan.inputs({"n": 1}) is not plan.inputs({"n": 1.0})
    assert plan.inputs({"w": {"above": 1}}) is not plan.inputs({"w": {"above": 1}})
    assert plan.inputs({"n": 1, "x": "y" * 600}) is not plan.inputs({"n": 1, "x": "y" * 600})
    for n in range(20):
        assert plan.inputs({"n": n}).variables.coerced == {"n": n}


async def test_values_that_no_client_sends_are_not_known_again() -> None:
    """A date is not its text, and a number too long for JSON's readers is refused each time."""
    plan = (
        documents("compiled").get("query ($n: Int) { shapes { first(add: $n) } }").operation().plan
    )
    for odd in (datetime(2026, 1, 1, tzinfo=UTC), Record(1, Size.SMALL), 2**70):
        for _ in range(2):
            with pytest.raises(Rejected):
                plan.inputs({"n": odd})
