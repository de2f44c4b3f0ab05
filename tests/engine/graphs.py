"""Graphs made at random: a schema with every kind of type, and resolvers that do what may be done.

Everything is drawn from a seed. What a resolver gives depends on the seed and on its path alone,
so two engines that ask the same things get the same things, in whatever order they ask.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_nullable_type,
    is_list_type,
)

LEAVES = ("Int", "Float", "String", "Boolean", "ID", "E", "S")
OBJECTS = ("A", "B", "C")
ABSTRACTS = ("I", "J", "U")
ARGUMENTS = (
    "",
    "",
    "(x: Int = 3, s: String)",
    "(e: E = X, l: [Int!])",
    "(p: P, o: O)",
    "(y: Int!)",
)


class Trouble(Exception):
    """What a resolver raises."""


class Later:
    """An awaitable that is no coroutine; nobody minds if it is never awaited."""

    def __init__(self, value: object, turns: int) -> None:
        """Give the value after so many turns of the loop; raise it if it is Trouble."""
        self._value = value
        self._turns = turns

    def __repr__(self) -> str:
        """Look the same in each run: it may get into an answer."""
        return f"Later({self._value!r})"

    def __await__(self) -> Generator[None, None, Any]:
        """Wait, then give the value."""
        for _ in range(self._turns):
            yield
        if isinstance(self._value, Trouble):
            raise self._value
        return self._value


class Thing:
    """An object with attributes, whose class tells nothing."""

    def __init__(self, values: dict[str, Any]) -> None:
        """Have these attributes."""
        self.__dict__.update(values)

    def __repr__(self) -> str:
        """Look the same in each run: it may get into an answer."""
        return "Thing"


@dataclass
class Graph:
    """A schema, and the outcomes that its resolvers draw."""

    schema: GraphQLSchema
    sdl: str
    outcomes: int = 0
    calm: float = 0.8
    """How many values are as their type says."""

    lazy: float = 0.3
    """How many values have to be awaited."""

    def root(self, kind: GraphQLObjectType) -> Any:
        """A root object."""
        return self._object(kind, Random(f"root{self.outcomes}"), 0)

    def resolve(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """Draw what one field gives."""
        del source
        told = repr(sorted(arguments.items(), key=lambda each: each[0]))
        draw = Random(f"{self.outcomes}{info.path.as_list()}{info.field_name}{told}{info.context}")
        chance = draw.random()
        if chance > 0.97:
            raise Trouble(f"at {info.path.as_list()} with {told}")
        value = self.value(info.return_type, draw, 1)
        if draw.random() < self.lazy:
            return self._soon(value, draw.randrange(4))
        return value

    async def _soon(self, value: Any, turns: int) -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        if isinstance(value, Trouble):
            raise value
        return value

    def value(self, kind: Any, draw: Random, depth: int) -> Any:
        """Draw a value for a type: most are right."""
        if draw.random() < self.lazy / 3:
            return Later(self._value(kind, draw, depth), draw.randrange(4))
        return self._value(kind, draw, depth)

    def _value(self, kind: Any, draw: Random, depth: int) -> Any:
        if draw.random() > self.calm:
            return draw.choice(
                [None, None, Trouble("given"), "str", 7, 1.5, 2.0, True, [], {}, -(2**40)]
            )
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            items = [self.value(kind.of_type, draw, depth) for _ in range(draw.randrange(4))]
            return draw.choice(
                [items, items, items, tuple(items), Generated(items), Streamed(items)]
            )
        if isinstance(kind, GraphQLEnumType):
            return draw.choice([*(each.value for each in kind.values.values()), "Z"])
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)):
            return self._composite(kind, draw, depth)
        return _leaf(kind.name, draw)

    def _composite(self, kind: Any, draw: Random, depth: int) -> Any:
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, draw, depth)
        possible = self.schema.get_possible_types(kind)
        return self._object(draw.choice(possible), draw, depth)

    def _object(self, kind: GraphQLObjectType, draw: Random, depth: int) -> Any:
        values: dict[str, Any] = {"__typename": kind.name}
        for name, field in kind.fields.items():
            if field.resolve is None and depth < 3 and draw.random() < 0.95:
                values[name] = self.value(field.type, draw, depth + 1)
                if draw.random() < 0.1:
                    values[name] = Method(values[name])
        if draw.random() < 0.03:
            values["__typename"] = draw.choice(["A", "Nope", "I", 3])
        if draw.random() < 0.3:
            return Thing({"_Thing__typename": values.pop("__typename"), **values})
        return values


class Method:
    """What can be called, and gives a value."""

    def __init__(self, value: Any) -> None:
        """Give this value."""
        self._value = value

    def __call__(self, _info: object, **_arguments: Any) -> Any:
        """Give it."""
        return self._value

    def __repr__(self) -> str:
        """Look the same in each run."""
        return "Method"


class Feed:
    """An iterable of its own kind, or an async one; nothing is left behind if it is not read."""

    def __init__(self, items: list[Any]) -> None:
        """Give these items, once."""
        self._items = iter(items)

    def __repr__(self) -> str:
        """Look the same in each run."""
        return "Feed"


class Generated(Feed):
    """Items one by one."""

    def __iter__(self) -> Iterator[Any]:
        """Go on."""
        return self._items


class Streamed(Feed):
    """Items that have to be awaited."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Go on."""
        return self

    async def __anext__(self) -> Any:
        """Give the next one, in a later turn."""
        await asyncio.sleep(0)
        for item in self._items:
            return item
        raise StopAsyncIteration


def _leaf(name: str, draw: Random) -> Any:
    values: dict[str, list[Any]] = {
        "Int": [0, 1, -5, 2**31 - 1, 2**31, 3.0, True, "12", "x"],
        "Float": [0.5, 1e300, 3, float("nan"), "1.5", "x", True],
        "String": ["", "text", "é\u2028", 5, True, 1.5, [], Thing({})],
        "Boolean": [True, False, 1, 0.0, "x"],
        "ID": ["id", 5, 7.0, 1.5, True],
        "S": ["short", "longer than eight", 3, None, [1]],
    }
    usual = {"Int": 1, "Float": 0.5, "String": "text", "Boolean": True, "ID": "id", "S": "short"}
    return draw.choice([usual[name]] * 12 + values[name])


def _serialized(value: Any) -> Any:
    """Write the custom scalar: much of what a scalar may do wrong, it does."""
    if isinstance(value, str) and len(value) > 8:
        raise ValueError(f"{value} is too long")
    if isinstance(value, int):
        return None if value % 2 else Later(value, 1)
    return {"s": value}


def graph(seed: int) -> Graph:
    """Draw a schema."""
    draw = Random(f"schema{seed}")
    sdl = _sdl(draw)
    made = Graph(build_schema(sdl), sdl)
    schema = made.schema
    schema.type_map["S"].coerce_output_value = _serialized  # type: ignore[attr-defined]
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                if draw.random() < 0.4:
                    field.resolve = made.resolve
        if isinstance(kind, GraphQLObjectType) and draw.random() < 0.4 and kind.name in OBJECTS:
            kind.is_type_of = _is_type_of(kind.name, lazy=draw.random() < 0.3)
        if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)) and draw.random() < 0.5:
            kind.resolve_type = _resolve_type(lazy=draw.random() < 0.3)
    return made


def _typename(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("__typename")
    return getattr(value, "_Thing__typename", None)


def _is_type_of(name: str, *, lazy: bool) -> Any:
    def is_type_of(value: Any, info: Any) -> Any:
        if value == 7:
            raise Trouble(f"no type at {info.path.as_list()}")
        right = _typename(value) == name
        return Later(right, 1) if lazy else right

    return is_type_of


def _resolve_type(*, lazy: bool) -> Any:
    def resolve_type(value: Any, info: Any, _abstract: Any) -> Any:
        if value == 7:
            raise Trouble(f"no type at {info.path.as_list()}")
        name = _typename(value)
        return Later(name, 1) if lazy else name

    return resolve_type


def _sdl(draw: Random) -> str:
    def output() -> str:
        base = draw.choice(LEAVES if draw.random() < 0.5 else OBJECTS + ABSTRACTS)
        for _ in range(draw.choice([0, 0, 0, 1, 1, 2])):
            base = f"[{base}{draw.choice(['', '', '!'])}]"
        return base + draw.choice(["", "", "!"])

    def fields(names: str) -> dict[str, str]:
        return {name: f"{name}{draw.choice(ARGUMENTS)}: {output()}" for name in names}

    def block(head: str, *parts: dict[str, str]) -> str:
        lines = {name: line for part in parts for name, line in part.items()}
        return head + " {\n  " + "\n  ".join(lines.values()) + "\n}"

    one, two = fields("ab"), fields("cd")
    return "\n".join([
        "enum E { X Y }",
        "scalar S",
        "input P { n: Int! m: Int = 4 e: E = Y deep: P l: [Float] }",
        "input O @oneOf { n: Int e: E }",
        block("interface I", one),
        block("interface J", two),
        "union U = A | C",
        block("type A implements I & J", one, two, fields("fg")),
        block("type B implements I", one, fields("fh")),
        block("type C implements J", two, fields("gh")),
        block("type Query", fields("abcdefgh")),
        block("type Mutation", fields("abcd")),
        block("type Subscription", fields("abcd")),
        "directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT",
    ])  # fmt: skip
