"""Documents drawn at random for a graph, most of them valid, and variables that mostly fit."""

from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_union_type,
)

DEFINITIONS = {
    "$t": "Boolean!",
    "$f": "Boolean! = false",
    "$n": "Int",
    "$m": "Int!",
    "$e": "E = Y",
    "$p": "P",
    "$q": "Float = 2.5",
}


class Writer:
    """Writes one document."""

    definitions = DEFINITIONS
    """The variables that its documents may use, with their types."""

    def __init__(self, schema: GraphQLSchema, draw: Random) -> None:
        """Write for this schema by these draws."""
        self._schema = schema
        self._draw = draw
        self._used: dict[str, None] = {}
        self._fragments: dict[str, str] = {}

    def document(self, kind: str) -> str:
        """One operation of this kind."""
        root = {
            "query": self._schema.query_type,
            "mutation": self._schema.mutation_type,
            "subscription": self._schema.subscription_type,
        }[kind]
        fields = self._set(root, 0, 1 if kind == "subscription" else None)
        used = ", ".join(f"{name}: {self.definitions[name]}" for name in self._used)
        variables = f" ({used})" if used else ""
        return "\n".join([f"{kind} Op{variables} {fields}", *self._fragments.values()])

    def _set(self, kind: Any, depth: int, count: int | None = None) -> str:
        draw = self._draw
        if count:
            return (
                "{ " + self._field(kind, draw.choice(list(kind.fields)), depth, plain=True) + " }"
            )
        parts = [
            self._selection(kind, depth) for _ in range(draw.randint(1, 5 if depth < 2 else 2))
        ]
        return "{ " + " ".join(parts) + " }"

    def _selection(self, kind: Any, depth: int) -> str:
        draw, chance = self._draw, self._draw.random()
        if chance < 0.08:
            return f"{draw.choice(['', 'x: ', 'y: '])}__typename{self._directive()}"
        if chance < 0.2 or (is_union_type(kind) and chance < 0.9):
            named = self._narrower(kind)
            on = f" on {named.name}" if named is not kind or draw.random() < 0.5 else ""
            return f"...{on}{self._directive()} {self._set(named, depth + 1)}"
        if chance < 0.28 and depth < 4:
            return self._spread(kind, depth)
        if is_union_type(kind):
            return "__typename"
        return self._field(kind, draw.choice(list(kind.fields)), depth)

    def _narrower(self, kind: Any) -> Any:
        if is_object_type(kind):
            return self._draw.choice([kind, *kind.interfaces])
        possible = self._schema.get_possible_types(kind)
        return self._draw.choice([kind, *possible])

    def _spread(self, kind: Any, depth: int) -> str:
        name = f"F{self._draw.randrange(3)}{kind.name}{depth}"
        if name not in self._fragments:
            self._fragments[name] = ""
            self._fragments[name] = f"fragment {name} on {kind.name} {self._set(kind, depth + 1)}"
            if f"...{name}" in self._fragments[name]:
                self._fragments[name] = f"fragment {name} on {kind.name} {{ __typename }}"
        return f"...{name}{self._directive()}"

    def _field(self, kind: Any, name: str, depth: int, *, plain: bool = False) -> str:
        field = kind.fields[name]
        named = get_named_type(field.type)
        if is_composite_type(named) and depth >= 4:
            return "__typename"
        arguments = self._arguments(field.args)
        alias = ""
        if arguments or self._draw.random() < 0.3:
            alias = f"{kind.name.lower()}{name}{self._draw.randrange(999)}: "
        below = f" {self._set(named, depth + 1)}" if is_composite_type(named) else ""
        return f"{alias}{name}{arguments}{'' if plain else self._directive()}{below}"

    def _arguments(self, arguments: dict[str, GraphQLArgument]) -> str:
        given = []
        for name, argument in arguments.items():
            if is_non_null_type(argument.type) or self._draw.random() < 0.6:
                given.append(f"{name}: {self._literal(argument.type, 0)}")
        return f"({', '.join(given)})" if given else ""

    def _literal(self, kind: Any, depth: int) -> str:
        draw = self._draw
        required = is_non_null_type(kind)
        if not required and draw.random() < 0.1:
            return "null"
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            return (
                "["
                + ", ".join(self._literal(kind.of_type, 1) for _ in range(draw.randrange(3)))
                + "]"
            )
        if is_input_object_type(kind):
            return self._input(kind, depth)
        choices = {
            "Int": ["1", "-7", "$m", "$m" if required else "$n"],
            "E": ["X", "Y", "$e"],
            "Float": ["1", "2.5", "$q"],
        }
        literal = draw.choice(choices.get(kind.name, ['"text"', '"#"']))
        if literal in DEFINITIONS:
            self._used[literal] = None
        return literal

    def _input(self, kind: Any, depth: int) -> str:
        draw = self._draw
        if kind.name == "O":
            return draw.choice(["{n: 1}", "{e: X}"])
        if draw.random() < 0.3:
            self._used["$p"] = None
            return "$p"
        parts = [f"n: {self._literal(kind.fields['n'].type, 1)}"]
        chosen = [name for name in ("m", "e", "l") if draw.random() < 0.3]
        parts += [f"{name}: {self._literal(kind.fields[name].type, 1)}" for name in chosen]
        if draw.random() < 0.2 and depth < 2:
            parts.append(f"deep: {self._input(kind, depth + 1)}")
        return "{" + ", ".join(parts) + "}"

    def _directive(self) -> str:
        if self._draw.random() < 0.85:
            return ""
        condition = self._draw.choice(["true", "false", "$t", "$f"])
        if condition in DEFINITIONS:
            self._used[condition] = None
        return f" @{self._draw.choice(['skip', 'include'])}(if: {condition})"


def variables(draw: Random) -> dict[str, Any]:
    """Variables that mostly fit."""
    given: dict[str, Any] = {"t": draw.random() < 0.5, "m": draw.randrange(9)}
    choices: dict[str, list[Any]] = {
        "f": [True, False],
        "n": [None, 5, 7],
        "e": ["X", None, "Nope"] if draw.random() < 0.1 else ["X", "Y"],
        "p": [None, {"n": 1}, {"n": 2, "e": "X", "l": [1, None], "deep": {"n": 3}}],
        "q": [None, 1, 0.5],
    }
    for name, values in choices.items():
        if draw.random() < 0.5:
            given[name] = draw.choice(values)
    return given
