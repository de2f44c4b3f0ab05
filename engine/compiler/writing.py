"""Writing: the source of the function that answers the selection of one object type.

The source holds words of ours and numbers, and of the schema the names of attributes. Whatever
comes from a document - response keys, arguments, even names of its own - is reached by numbered
names in the function's globals, so no document can steer what is written here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from graphql import GraphQLLeafType, get_nullable_type, is_leaf_type

from engine.awaiting import PLAIN, awaits
from engine.compiler import running
from engine.compiler.leaves import BOUNDS, WRITTEN, Leaf
from engine.compiler.spots import Spot

Leaves: TypeAlias = Callable[[GraphQLLeafType], Leaf]
"""Says of a type of leaf how its values are recognised."""

FILE: Final = "<compiled GraphQL>"
"""The file name of generated functions in tracebacks."""


class Constant(NamedTuple):
    """A key of the response whose value is known: `__typename`."""

    key: str
    value: str


class Written(NamedTuple):
    """A function that answers an object, and its source."""

    function: Callable[..., Any]
    source: str


def write(fields: Sequence[Spot | Constant], leaf: Leaves) -> Written:
    """Write and make the function that answers these fields of an object, in their order.

    `leaf` says how the values of a type of leaf are recognised.
    """
    names: dict[str, Any] = {**BOUNDS, **_OURS}
    lines: list[str] = []
    for number, field in enumerate(fields):
        names[f"key_{number}"] = field.key
        if isinstance(field, Constant):
            names[f"value_{number}"] = field.value
            lines.append(f"answer[key_{number}] = value_{number}")
        else:
            lines += _field(field, number, names, leaf)
    reader = any(isinstance(field, Spot) and field.default for field in fields)
    source = _function(lines, reader=reader)
    # The text is this module's own: see its docstring, and the test that feeds it hostile names.
    exec(compile(source, FILE, "exec"), names)  # noqa: S102
    return Written(names["execute"], source)


def _function(lines: list[str], *, reader: bool) -> str:
    head = ["answer = {}", "waits = False", "spot = None"]
    if reader:
        head.append("read = source.get if source.__class__ is dict else reader(source)")
    body = [
        *head,
        "try:",
        *_indented(lines or ["pass"]),
        "except Exception as error:",
        "    abandon(run, answer)",
        "    if spot is None:",  # the error could not be made
        "        raise",
        "    fail(run, error, spot, at)",
        "return pending(answer) if waits else answer",
    ]
    return "\n".join(["def execute(source, run, at, info):", *_indented(body), ""])


def _field(spot: Spot, number: int, names: dict[str, Any], leaf: Leaves) -> list[str]:
    """Write one field; an error of a nullable one is caught at once, of another below all."""
    names[f"spot_{number}"] = spot
    lines = [*_fetched(spot, number, names), *_completed(spot, number, names, leaf)]
    if spot.non_null:
        lines.insert(0, f"spot = spot_{number}")
    else:
        caught = ["spot = None", f"value = fail(run, error, spot_{number}, at)"]
        lines = ["try:", *_indented(lines), "except Exception as error:", *_indented(caught)]
    return [*lines, f"answer[key_{number}] = value"]


def _fetched(spot: Spot, number: int, names: dict[str, Any]) -> list[str]:
    fetch = spot.fetch
    if fetch.attribute is not None:
        return [f"value = source.{fetch.attribute}"]
    if fetch.resolve is None:
        names[f"name_{number}"] = spot.nodes[0].name.value
        return [f"value = read(name_{number})"]
    names[f"resolve_{number}"] = fetch.resolve
    if fetch.alone:
        return [f"value = resolve_{number}(source)"]
    given = f"**arguments(run, spot_{number})"
    if fetch.constant is not None:
        names[f"constant_{number}"] = fetch.constant
        given = f"**constant_{number}" if fetch.constant else ""
    if not fetch.informed:
        info = "run" if fetch.light else "None"
        return [f"value = resolve_{number}(source, {info}, {given})"]
    return [
        f"info = inform(run, spot_{number}, at)",
        f"value = resolve_{number}(source, info, {given})",
    ]


def _info(spot: Spot, number: int) -> str:
    if spot.fetch.resolve is not None and spot.fetch.informed:
        return "info"
    return f"inform(run, spot_{number}, at)" if spot.informed else "None"


def _completed(spot: Spot, number: int, names: dict[str, Any], leaf: Leaves) -> list[str]:
    kind = get_nullable_type(spot.type)
    if is_leaf_type(kind):
        return _leaf(leaf(kind), spot, number, names)
    names[f"complete_{number}"] = spot.plain
    info = _info(spot, number)
    return [
        "if value.__class__ in plain:",
        f"    value = complete_{number}(value, run, at, {info})",
        "    if value.__class__ not in plain and awaits(value):",
        f"        value = guard(run, spot_{number}, at, value)",
        "        waits = True",
        _unless_null(spot),
        f"    value = odd(run, spot_{number}, at, value{_known(spot)})",
        "    waits = True",
    ]


def _leaf(leaf: Leaf, spot: Spot, number: int, names: dict[str, Any]) -> list[str]:
    odd = [f"    value = odd(run, spot_{number}, at, value{_known(spot)})", "    waits = True"]
    nullable = "" if spot.non_null else " and value is not None"
    if leaf.test is not None:
        return [f"if not ({leaf.test.format('value')}){nullable}:", *odd]
    if leaf.names is not None:
        names[f"name_of_{number}"] = leaf.names.get
        return [
            f"name = name_of_{number}(id(value))",
            "if name is not None:",
            "    value = name",
            _unless_null(spot),
            *odd,
        ]
    names[f"write_{number}"] = leaf.write
    return [
        "if value.__class__ in plain:",
        f"    written = write_{number}(value)",
        "    if written.__class__ not in written_kinds:",
        f"        written = again(run, spot_{number}, at, value, written)",
        "        waits = True",
        "    value = written",
        _unless_null(spot),
        *odd,
    ]


def _unless_null(spot: Spot) -> str:
    return "else:" if spot.non_null else "elif value is not None:"


def _known(spot: Spot) -> str:
    return ", info" if spot.fetch.resolve is not None and spot.fetch.informed else ""


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


_OURS: Final = {
    "abandon": running.abandon,
    "again": running.again,
    "arguments": running.arguments,
    "awaits": awaits,
    "fail": running.fail,
    "guard": running.guard,
    "inform": running.inform,
    "odd": running.odd,
    "pending": running.pending,
    "plain": PLAIN,
    "reader": running.reader,
    "written_kinds": WRITTEN,
}
