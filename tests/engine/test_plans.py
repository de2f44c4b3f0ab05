"""Plans: what is compiled, when, and what runs on graphql-core."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    DirectiveLocation,
    GraphQLDirective,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
)
from hypothesis import given, strategies as st

from engine import Documents, Rendering, Result, run
from engine.compiler import plan as plans
from engine.compiler.peeping import looks, reads
from engine.compiler.program import compile_program

SDL = """
directive @mine on FIELD | QUERY
type Query {
  a: Int b: Int c: Int d: Int n: N many(first: Int): [N!]
  echo(x: Int, s: String, w: Word): String
}
enum Word { exec import_os lambda }
type N { x: Int y: Int n: N slow: Int }
type Subscription { events(after: String, size: Int): N!  other: N }
"""


SIZES = 'type Query { many: [N!] @listSize(slicingArguments: ["first"]) }'
"""What is read of its published text."""


def documents(**options: Any) -> Documents:
    """Documents of a small graph."""
    return Documents(build_schema(SDL), SIZES, **options)


def asked(of: Documents, text: str, root: object = None, **given_: Any) -> Any:
    """Run a text."""
    document = of.get(text)
    return asyncio.run(run(document, document.operation(), given_, None, root)).data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ a }", "compiled"),
        ("{ a @include(if: true) ... @skip(if: false) { b } }", "compiled"),
        ("{ __typename }", "compiled"),
        ("{ __schema { queryType { name } } }", "introspection"),
        ('{ a ...F } fragment F on Query { __type(name: "N") { name } }', "introspection"),
        ("{ a @mine }", "directive"),
        ("query @mine { a }", "directive"),
        ("{ a }" + " " * 16_000, "long"),
    ],
)
def test_what_is_not_compiled_is_counted_by_its_reason(text: str, reason: str) -> None:
    """Each run is counted once, and answered either way."""
    ours = documents()
    assert asked(ours, text, {"a": 1, "b": 2})
    assert ours.runs == {reason: 1}


def test_the_reference_can_be_chosen_for_everything() -> None:
    """Then nothing is compiled."""
    ours = documents(engine="reference")
    assert asked(ours, "{ a }", {"a": 1}) == {"a": 1}
    assert ours.runs == {"reference": 1}


def test_what_is_asked_once_and_answers_little_is_not_compiled() -> None:
    """Under `auto` the second run compiles, and both answer alike."""
    ours = documents(engine="auto")
    text = "query ($s: Boolean!) { a b @skip(if: $s) many(first: 30) { x } }"
    root = {"a": 1, "b": 2, "many": [{"x": 3}]}
    answers = [asked(ours, text, root, s=False) for _ in range(3)]
    assert answers == [root] * 3
    assert (ours.runs, ours.made["programs"]) == ({"first": 1, "compiled": 2}, 1)
    assert asked(ours, text, root, s=True) == {"a": 1, "many": [{"x": 3}]}
    assert (ours.runs["first"], ours.made["programs"]) == (1, 2)


@pytest.mark.parametrize(
    "text",
    ["query ($n: Int = 31) { many(first: $n) { x } }", "subscription { other { x } }"],
)
def test_what_answers_much_is_compiled_at_once(text: str) -> None:
    """A large answer would cost more than compiling, and an event is seldom the only one."""
    ours = documents(engine="auto")
    document = ours.get(text)
    Rendering(document, document.operation(), {})
    assert ours.runs == {"compiled": 1}


def test_the_size_of_the_first_run_is_what_counts() -> None:
    """As its variables say."""
    ours = documents(engine="auto")
    text = "query ($n: Int) { many(first: $n) { x } }"
    asked(ours, text, {"many": []}, n=plans.FEW + 1)
    asked(ours, text, {"many": []}, n=1)
    assert ours.runs == {"compiled": 2}


def test_choices_of_skip_and_include_are_compiled_up_to_a_bound() -> None:
    """A client that asks for all of them in turn gets right answers, and no more memory."""
    text = """query ($p: Boolean!, $q: Boolean!, $r: Boolean!, $s: Boolean!) {
      a @skip(if: $p) b @skip(if: $q) c @skip(if: $r) d @skip(if: $s) }"""
    ours = documents()
    for number in range(16):
        given_ = {name: bool(number >> bit & 1) for bit, name in enumerate("pqrs")}
        left = {to: 1 for to, of in zip("abcd", "pqrs", strict=True) if not given_[of]}
        assert asked(ours, text, dict.fromkeys("abcd", 1), **given_) == left
    assert ours.runs == {"compiled": plans.MOST_CHOICES, "choices": 16 - plans.MOST_CHOICES}


def test_a_null_choice_is_left_to_graphql_core() -> None:
    """A variable with a default may be sent as null, which `@skip` refuses as it runs."""
    ours = documents()
    text = "query ($s: Boolean = false) { a n { x @skip(if: $s) } }"
    assert asked(ours, text, {"a": 1, "n": {"x": 1}}, s=None) == {"a": 1, "n": None}
    assert ours.runs == {"choices": 1}


def test_what_is_too_large_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Abstract types inside each other could make programs without bound."""
    monkeypatch.setattr("engine.compiler.program.MOST_FIELDS", 2)
    ours = documents()
    assert asked(ours, "{ a b c }", {"a": 1}) == {"a": 1, "b": None, "c": None}
    assert ours.runs == {"size": 1}


def test_a_bug_of_the_compiler_does_not_break_a_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once for each operation, and graphql-core answers."""

    def broken(*_: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(plans, "compile_program", broken)
    ours = documents()
    assert [asked(ours, "{ a }", {"a": 1}) for _ in range(3)] == [{"a": 1}] * 3
    assert ours.runs == {"bug": 3}
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_an_operation_is_compiled_once() -> None:
    """Its program is kept with the document."""
    ours = documents()
    operation = ours.get("{ a }").operation()
    values = operation.plan.coerce({})
    assert operation.plan.program(values) is operation.plan.program(values) is not None
    assert ours.made == {"documents": 1, "programs": 1}


HOSTILE = [
    "__import__",
    "import os",
    "execute",
    "source",
    "'); raise SystemExit(1) #",
    '"\n    raise SystemExit(1)\n',
    "{value}",
    "%s",
    "\\",
    "é\u2028",
]


NAMES = st.sampled_from(["__import__", "exec", "None", "source", "key_0", "raise_", "lambda"])
SHARED = documents()


def written(text: str, **given_: Any) -> list[str]:
    """The source of what a text is compiled to."""
    sources: list[str] = []
    plan = SHARED.get(text).operation().plan
    compile_program(plan.stage, plan.coerce(given_), sources)
    return sources


@given(NAMES, st.sampled_from(HOSTILE) | st.text(max_size=9), st.integers(-99_999, 99_999),
       st.sampled_from(["exec", "import_os", "lambda"]))  # fmt: skip
def test_no_word_of_a_document_gets_into_generated_source(
    name: str, text: str, number: int, word: str
) -> None:
    """Whatever names, strings, numbers and enum values a client chooses, the source is the same."""
    hostile = f"""query {name}_op(${name}_v: Boolean!) {{ {name}_alias: a ...{name}_fragment
      {name}_e: echo(x: {number}, s: {json.dumps(text)}, w: {word}) }}
      fragment {name}_fragment on Query {{
        {name}_f: b @skip(if: ${name}_v) {name}_n: n {{ x }} }}"""
    plain = """query ($v: Boolean!) { g: a ...F h: echo(x: 1, s: "", w: exec) }
      fragment F on Query { i: b @skip(if: $v) n { x } }"""
    assert written(hostile, **{f"{name}_v": False}) == written(plain, v=False)


def test_a_rendering_key_holds_what_reaches_the_selection() -> None:
    """Variables of the root field's arguments choose events; all others choose how they look."""
    text = """subscription ($after: String, $size: Int, $no: Boolean! = false) {
      events(after: $after, size: $size) { x ...F } } fragment F on N { y @skip(if: $no) }"""
    operation = documents().get(text).operation()
    key = operation.rendering_key({"after": "a", "size": 1, "no": True, "unknown": 1})
    assert key == operation.rendering_key({"after": "b", "no": True})
    assert key != operation.rendering_key({"after": "a", "size": 1, "no": False})
    assert key != documents().get(text + " ").operation().rendering_key({"no": True})
    assert key.variables == hashlib.sha256(b'{"no": true}').hexdigest()


GIVEN = st.dictionaries(
    st.sampled_from(["no", "after"]), st.sampled_from([True, 1, 1.0, None, "1"])
)


@given(GIVEN, GIVEN)
def test_equal_keys_mean_equal_variables(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Values that Python takes for equal, such as 1 and true, are told apart."""
    text = "subscription ($after: String, $no: Boolean!) {"
    text += " events(after: $after) { x @skip(if: $no) } }"
    operation = SHARED.get(text).operation()
    same = repr(one.get("no", "absent")) == repr(two.get("no", "absent"))
    assert (operation.rendering_key(one) == operation.rendering_key(two)) is same


def test_an_event_whose_resolvers_do_not_wait_is_shown_at_once() -> None:
    """Rendering awaits nothing, and its answers are those of its key, whatever was subscribed."""
    document = documents().get("subscription ($a: String) { events(after: $a) { x n { y } } }")
    operation = document.operation()
    event = {"events": {"x": 1, "n": {"y": 2}}}
    shown = [Rendering(document, operation, {"a": each}) for each in ("p", "q")]
    assert shown[0].key == shown[1].key
    for rendering in shown:
        answer = rendering.answer(event, None)
        assert isinstance(answer, Result)
        assert answer.data == event


async def test_an_event_that_has_to_wait_is_awaited() -> None:
    """Whatever a resolver needs, the answer is right."""
    document = documents().get("subscription { events { slow } }")

    async def slow(_info: object) -> int:
        await asyncio.sleep(0)
        return 7

    answer = Rendering(document, document.operation(), {}).answer({"events": {"slow": slow}}, None)
    assert isinstance(answer, Awaitable)
    assert (await answer).data == {"events": {"slow": 7}}


def test_an_operation_belongs_to_its_document() -> None:
    """To run one of another document is a mistake of the caller."""
    ours = documents()
    with pytest.raises(ValueError, match="not of this document"):
        Rendering(ours.get("{ a }"), ours.get("{ b }").operation(), {})


def test_infos_are_those_of_graphql_core() -> None:
    """Whoever takes `info` finds in it what graphql-core would have put there."""

    def told(engine: Any) -> list[Any]:
        found: list[Any] = []

        def note(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            shown = {**info._asdict(), "variable_values": info.variable_values.coerced}
            found.append((source, arguments, shown))
            return {"x": 1} if info.field_name == "n" else 1

        graph = build_schema(SDL)
        for name in ("Query", "N"):
            for field in graph.type_map[name].fields.values():  # type: ignore[attr-defined]
                field.resolve = note
        ours = Documents(graph, "scalar Nothing", engine=engine)
        text = "query ($x: Int) { a n { again: x n { y } } echo(x: $x) ...F }"
        text += " fragment F on Query { b }"
        assert asked(ours, text, {"root": 1}, x=5)
        return [(source, arguments, _plain(info)) for source, arguments, info in found]

    assert told("compiled") == told("reference")


def _plain(info: Any) -> list[str]:
    kept = {"schema", "fragments", "operation", "field_nodes", "is_awaitable", "async_helpers"}
    return [
        f"{name}: {type(value).__name__ if name in kept else value!r}"
        for name, value in info.items()
    ]


def test_a_resolver_that_does_not_look_at_info_gets_none() -> None:
    """It is told by the resolver's code; every way to see an argument counts as looking."""

    def blind(_source: object, info: object) -> int:
        del info
        return 1

    def bare(source: object, info: object) -> tuple[object, object]:
        return source, info

    def peeping(source: object, info: object) -> object:
        del source
        return locals()

    def nested(source: object, info: object) -> object:
        return lambda: (source, info)

    class Kind:
        @classmethod
        def of(cls, value: object, info: object) -> bool:
            del info
            return bool(value)

    assert not reads(blind, 1)
    assert not reads(Kind.of, 1)
    assert all(reads(each, 1) for each in (bare, peeping, nested, print, lambda *given: given))


def test_a_load_that_is_fused_with_another_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later Pythons have one instruction for a store and a load, or for two loads."""

    def resolve(source: object, info: object) -> object:
        del info
        return source

    for name in (
        "STORE_FAST_LOAD_FAST",
        "LOAD_FAST_LOAD_FAST",
        "LOAD_FAST_BORROW_LOAD_FAST_BORROW",
    ):
        step = SimpleNamespace(opname=name, argval=("source", "info"))
        monkeypatch.setattr("engine.compiler.peeping.dis.get_instructions", lambda _, s=step: [s])
        looks.cache_clear()
        assert looks(resolve.__code__, "info")
        assert not looks(resolve.__code__, "other")
    looks.cache_clear()


def test_a_directive_of_the_schema_is_no_choice() -> None:
    """A custom directive that is not used changes nothing."""
    graph = GraphQLSchema(
        build_schema(SDL).query_type,
        directives=[GraphQLDirective("other", [DirectiveLocation.FIELD])],
    )
    ours = Documents(graph, "scalar Nothing")
    assert asked(ours, "{ a }", {"a": 1}) == {"a": 1}
    assert ours.runs == {"compiled": 1}


@pytest.mark.parametrize(
    ("text", "variables", "ahead", "later"),
    [
        ("{ a }", {}, 1, 0),
        ("query ($x: Int!) { echo(x: $x) }", {"x": 1}, 1, 0),
        ("query ($p: Boolean = true) { a @include(if: $p) }", {}, 1, 0),
        ("query ($p: Boolean! = false) { a @skip(if: $p) }", {}, 1, 0),
        ("query ($p: Boolean = true) { a @include(if: $p) }", {"p": False}, 1, 1),
        ("query ($p: Boolean!) { a @include(if: $p) }", {"p": True}, 0, 1),
    ],
)
def test_what_is_known_ahead_is_compiled_ahead(
    text: str,
    variables: dict[str, Any],
    ahead: int,
    later: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the defaults of `@skip` and `@include`, once, and it counts as no run."""
    compiled = list[object]()

    def counted(*given_: Any) -> Any:
        compiled.append(given_)
        return compile_program(*given_)

    monkeypatch.setattr(plans, "compile_program", counted)
    ours = documents()
    for _ in range(2):
        ours.get(text).compile()
    assert (len(compiled), ours.runs) == (ahead, {})
    asked(ours, text, {"a": 1, "echo": None}, **variables)
    assert (len(compiled), ours.runs) == (ahead + later, {"compiled": 1})


@pytest.mark.parametrize("text", ["{ __schema { queryType { name } } }", "{ a @mine }"])
def test_what_cannot_be_compiled_is_not_compiled_ahead(text: str) -> None:
    """It runs on graphql-core, as it would have."""
    ours = documents()
    ours.get(text).compile()
    assert asked(ours, text, {"a": 1})
    assert list(ours.runs) in (["introspection"], ["directive"])


def test_every_operation_of_a_document_is_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is run, it waits for nothing."""
    ours = documents()
    document = ours.get("query A { a } query B { b } subscription C { events { x } }")
    document.compile()
    monkeypatch.setattr(plans, "compile_program", None)
    for operation in document.operations[:2]:
        assert asyncio.run(run(document, operation, {}, None, {"a": 1, "b": 1})).data
    assert ours.runs == {"compiled": 2}


def test_there_is_room_until_there_is_none() -> None:
    """Room for documents is a matter of how many there are, and of how heavy they are."""
    ours = documents(capacity=2)
    seen = []
    for text in ("{ a }", "{ b }", "{ c }"):
        seen.append(ours.room)
        ours.get(text)
    assert seen == [True, True, False]
