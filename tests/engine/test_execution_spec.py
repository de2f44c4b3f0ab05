"""Section 6 of the specification (October 2021), a test for each rule, on both engines."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from engine import Documents, Engine, Rejected, Result, run, stream

SDL = """
enum Color { RED BLUE }
scalar Even
input Point { x: Int! y: Int = 2 }
input One @oneOf { number: Int color: Color }
interface Named { name: String }
type Dog implements Named { name: String barks: Boolean! owner: Person }
type Person implements Named { name: String dogs: [Dog!] strict: Dog! }
union Found = Dog | Person
type Query {
  a: Int b: String! c(x: Int = 7, s: String, p: Point, one: One): String
  color: Color even: Even float: Float bool: Boolean id: ID
  dog: Dog dogs: [Dog] named: Named found: [Found!] strict: Dog!
  numbers: [Int!] maybe: [Int] matrix: [[Int!]!]
}
type Mutation { one: Int two: Int strict: Int! }
type Subscription { ticks(upto: Int): Query }
"""

Ask = Callable[..., Result]


@pytest.fixture(params=["compiled", "reference"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both engines."""
    name: Engine = request.param
    return name


@pytest.fixture
def schema() -> GraphQLSchema:
    """A graph whose fields are keys of dicts."""
    return build_schema(SDL)


@pytest.fixture
def ask(engine: Engine, schema: GraphQLSchema) -> Ask:
    """Run a text on a root."""
    documents = Documents(schema, "scalar Nothing", engine=engine)

    def answer(text: str, root: object = None, /, name: str | None = None, **given: Any) -> Result:
        document = documents.get(text)
        return asyncio.run(run(document, document.operation(name), given, None, root))

    return answer


def told(result: Result) -> list[tuple[str, Any]]:
    """Messages and paths of the errors."""
    return [(error.message, error.path) for error in result.errors]


async def later(value: Any, turns: int = 1) -> Any:
    """Give a value after some turns; raise it if it is an error."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def soon(value: Any, turns: int = 1) -> Callable[..., Any]:
    """A resolver that does so."""
    return lambda _info, **_arguments: later(value, turns)


def echo(_info: object, **arguments: Any) -> str:
    """A resolver that shows its arguments."""
    return str(arguments)


def test_6_1_get_operation_chooses_by_name(ask: Ask) -> None:
    """6.1 GetOperation: the named one of several runs."""
    text = "query A { a } query B { b }"
    assert ask(text, {"b": "x"}, name="B").data == {"b": "x"}
    with pytest.raises(Rejected, match="several operations"):
        ask(text)


def test_6_1_2_coerce_variable_values(ask: Ask) -> None:
    """6.1.2: defaults hold where nothing is sent, null is a value, and what is absent is absent."""
    text = "query ($x: Int = 5, $s: String) { c(x: $x, s: $s) }"
    assert ask(text, {"c": echo}).data == {"c": "{'x': 5}"}
    assert ask(text, {"c": echo}, x=None, s=None).data == {"c": "{'x': None, 's': None}"}
    with pytest.raises(Rejected, match="non-null"):
        ask("query ($x: Int!) { c(x: $x) }", {"c": echo})


def test_6_2_1_a_query_is_answered_from_the_initial_value(ask: Ask) -> None:
    """6.2.1 ExecuteQuery: root fields get the initial value as their object."""
    assert ask("{ a b }", {"a": 1, "b": "x"}).data == {"a": 1, "b": "x"}


def test_6_2_2_a_mutation_runs_its_fields_one_after_the_other(ask: Ask) -> None:
    """6.2.2 ExecuteMutation: the next field starts when the one before is complete."""
    seen: list[str] = []

    def step(name: str, turns: int) -> Callable[..., Any]:
        async def resolve(_info: object) -> int:
            seen.append(f"{name} starts")
            await later(None, turns)
            seen.append(f"{name} ends")
            return len(seen)

        return resolve

    root = {"one": step("one", 3), "two": step("two", 0)}
    assert ask("mutation { one two again: one }", root).data == {"one": 2, "two": 4, "again": 6}
    assert seen == [f"{name} {did}" for name in ("one", "two", "one") for did in ("starts", "ends")]


def test_6_2_2_an_error_ends_a_mutation_only_where_null_may_not_be(ask: Ask) -> None:
    """6.2.2 with 6.4.4: what comes after a non-null field that failed does not run."""
    root = {"one": soon(LookupError("no")), "two": 2, "strict": soon(None)}
    assert ask("mutation { one two }", root).data == {"one": None, "two": 2}
    assert ask("mutation { strict two }", root).data is None


async def ticks(upto: int, closed: list[int]) -> AsyncGenerator[dict[str, Any], None]:
    """Count."""
    try:
        for number in range(upto):
            yield {"ticks": {"a": number}}
    finally:
        closed.append(upto)


async def test_6_2_3_a_subscription_maps_its_source_to_responses(
    engine: Engine, schema: GraphQLSchema
) -> None:
    """6.2.3 MapSourceToResponseEvent and Unsubscribe: each event is answered, closing closes."""
    closed: list[int] = []
    assert schema.subscription_type
    field = schema.subscription_type.fields["ticks"]
    field.subscribe = lambda _root, _info, upto: ticks(upto, closed)
    document = Documents(schema, "scalar Nothing", engine=engine).get(
        "subscription ($n: Int, $no: Boolean!) { ticks(upto: $n) { a b @skip(if: $no) } }"
    )
    given = {"n": 5, "no": True}
    answers = stream(document, document.operation(), given, None, lambda _: None)
    async with aclosing(answers):
        shown = [(await anext(answers))[1].data for _ in range(2)]
    assert shown == [{"ticks": {"a": 0}}, {"ticks": {"a": 1}}]
    assert closed == [5]


def test_6_3_keys_of_the_response_are_in_the_order_of_the_document(ask: Ask) -> None:
    """6.3 Response ordering: by first appearance, fragments expanded, whoever ends first."""
    text = "{ b ...F a } fragment F on Query { x: float a bool }"
    root = {"a": 1, "b": soon("b", 5), "float": soon(1.0), "bool": True}
    assert list(ask(text, root).data or ()) == ["b", "x", "a", "bool"]


def test_6_3_1_fields_of_a_query_run_side_by_side(ask: Ask) -> None:
    """6.3.1 normal execution: no field waits for another."""
    running = [0, 0]

    async def resolve(_info: object) -> str:
        running[0] += 1
        running[1] = max(running)
        await asyncio.sleep(0)
        running[0] -= 1
        return "x"

    ask("{ a: b b c: b }", {"b": resolve})
    assert running == [0, 3]


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("include", [True, False])
def test_6_3_2_skip_and_include(ask: Ask, skip: bool, include: bool) -> None:  # noqa: FBT001 - drawn
    """6.3.2 CollectFields: a field is there if it is not skipped and is included."""
    text = """query ($s: Boolean!, $i: Boolean!) {
      a @skip(if: $s) @include(if: $i)  ... @skip(if: $s) { b }  ...F @include(if: $i)
      never: a @skip(if: true)
    } fragment F on Query { float }"""
    data = ask(text, {"a": 1, "b": "b", "float": 1.0}, s=skip, i=include).data or {}
    expected = {"a": include and not skip, "b": not skip, "float": include}
    assert set(data) == {name for name, there in expected.items() if there}


def test_6_3_2_fragments_apply_by_the_type_of_the_object(ask: Ask) -> None:
    """6.3.2 DoesFragmentTypeApply: object types, interfaces and unions; each fragment once."""
    text = """{ found { ...N ... on Dog { barks } ... on Person { dogs { name } } ...N } }
      fragment N on Named { name ... on Found { __typename } }"""
    dog = {"__typename": "Dog", "name": "Rex", "barks": True}
    person = {"__typename": "Person", "name": "Ann", "dogs": [dog]}
    assert ask(text, {"found": [dog, person]}).data == {
        "found": [
            {"name": "Rex", "__typename": "Dog", "barks": True},
            {"name": "Ann", "__typename": "Person", "dogs": [{"name": "Rex"}]},
        ]
    }


def test_6_4_1_coerce_argument_values(ask: Ask) -> None:
    """6.4.1: literals, variables inside literals, defaults of arguments and of input fields."""
    text = 'query ($n: Int!) { c(s: "#\\n", p: {x: $n}, one: {color: BLUE}) }'
    told_ = "{'x': 7, 's': '#\\n', 'p': {'x': 3, 'y': 2}, 'one': {'color': 'BLUE'}}"
    assert ask(text, {"c": echo}, n=3).data == {"c": told_}


def test_6_4_1_an_argument_that_cannot_be_coerced_is_an_error_of_its_field(ask: Ask) -> None:
    """6.4.1 with 6.4.4: a null variable where the schema allows none fails the field alone."""
    text = "query ($x: Int = 1) { a c(p: {x: $x}) }"
    result = ask(text, {"a": 1, "c": echo}, x=None)
    assert result.data == {"a": 1, "c": None}
    [(message, path)] = told(result)
    assert path == ["c"]
    assert "non-null" in message


def test_6_4_2_a_value_may_be_awaited(ask: Ask) -> None:
    """6.4.2 ResolveFieldValue: awaited values are as good as others."""
    assert ask("{ a dog { name } }", {"a": soon(1), "dog": soon({"name": "x"})}).data == {
        "a": 1,
        "dog": {"name": "x"},
    }


def test_6_4_3_null_is_complete_where_it_is_allowed(ask: Ask) -> None:
    """6.4.3 CompleteValue, rule 2: null stays null; for a non-null type, rule 1, it is an error."""
    assert ask("{ a dog { name } }", {"a": None}).data == {"a": None, "dog": None}
    result = ask("{ b }", {"b": None})
    assert result.data is None
    assert told(result) == [("Cannot return null for non-nullable field Query.b.", ["b"])]


def test_6_4_3_lists_are_completed_item_by_item(ask: Ask) -> None:
    """6.4.3 rule 3: any iterable, items awaited too; what is no list is an error."""
    root = {"maybe": (each for each in (1, None, soon(3)(None))), "matrix": [(1,), []]}
    assert ask("{ maybe matrix }", root).data == {"maybe": [1, None, 3], "matrix": [[1], []]}
    message = "Expected Iterable, but did not find one for field 'Query.maybe'."
    assert told(ask("{ maybe }", {"maybe": "123"})) == [(message, ["maybe"])]


async def counted() -> AsyncIterator[int]:
    """Give two numbers."""
    yield 1
    yield 2


def test_6_4_3_lists_may_be_asynchronous(ask: Ask) -> None:
    """6.4.3 rule 3, for graphql-core's lists that come item by item."""
    assert ask("{ maybe }", {"maybe": counted()}).data == {"maybe": [1, 2]}


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("a", True, 1),
        ("a", 3.0, 3),
        ("a", "12", 12),
        ("float", 2, 2.0),
        ("float", "1.5", 1.5),
        ("bool", 0, False),
        ("id", 7, "7"),
        ("color", "RED", "RED"),
        ("a", 2**31, "Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("a", "x", "Int cannot represent non-integer value: 'x'"),
        ("float", float("nan"), "Float cannot represent non numeric value: nan"),
        ("bool", "x", "Boolean cannot represent a non boolean value: 'x'"),
        ("id", [], "ID cannot represent value: []"),
        ("color", "GREEN", "Enum 'Color' cannot represent value: 'GREEN'"),
    ],
)
def test_6_4_3_result_coercion_of_leaves(ask: Ask, field: str, value: Any, written: Any) -> None:
    """6.4.3 CoerceResult: the value that the type writes, or a field error in its words."""
    result = ask(f"{{ {field} }}", {field: value})
    outcome = result.errors[0].message if result.errors else (result.data or {})[field]
    assert outcome == written
    assert type(outcome) is type(written)


def test_6_4_3_a_custom_scalar_writes_its_values(ask: Ask, schema: GraphQLSchema) -> None:
    """6.4.3 CoerceResult: by the scalar's own function; that it writes nothing is an error."""
    schema.type_map["Even"].coerce_output_value = lambda value: None if value % 2 else value // 2  # type: ignore[attr-defined]
    assert ask("{ even }", {"even": 4}).data == {"even": 2}
    [(message, path)] = told(ask("{ even }", {"even": 3}))
    assert path == ["even"]
    assert "to return non-nullable value, returned: None" in message


def test_6_4_3_resolve_abstract_type(ask: Ask) -> None:
    """6.4.3 ResolveAbstractType: it must be one of the possible object types."""
    text = "{ named { __typename name } }"
    dog = {"__typename": "Dog", "name": "Rex"}
    assert ask(text, {"named": dog}).data == {"named": dog}
    for name, words in {
        "Query": "Runtime Object type 'Query' is not a possible type for 'Named'.",
        "Nope": "that does not exist inside the schema",
        "Named": "was resolved to a non-object type 'Named'",
        None: "must resolve to an Object type at runtime for field 'Query.named'",
    }.items():
        [(message, path)] = told(ask(text, {"named": {"__typename": name}}))
        assert path == ["named"]
        assert words in message


def test_6_4_3_an_object_must_be_of_its_type(ask: Ask, schema: GraphQLSchema) -> None:
    """6.4.3 rule 5, with graphql-core's `is_type_of`, awaited where it has to be."""
    schema.type_map["Dog"].is_type_of = lambda value, _info: later("barks" in value)  # type: ignore[attr-defined]
    assert ask("{ dog { barks } }", {"dog": {"barks": True}}).data == {"dog": {"barks": True}}
    message = "Expected value of type 'Dog' but got: {}."
    assert told(ask("{ dog { barks } }", {"dog": {}})) == [(message, ["dog"])]


def test_6_4_3_merge_selection_sets(ask: Ask) -> None:
    """6.4.3 MergeSelectionSets: fields of one key are answered once, all below them together."""
    text = "{ dog { name } dog { owner { name } } ... { dog { owner { dogs { name } } } } }"
    dog = {"name": "Rex", "owner": {"name": "Ann", "dogs": []}}
    assert ask(text, {"dog": dog}).data == {"dog": dog}


def test_6_4_4_an_error_becomes_null_with_its_path(ask: Ask) -> None:
    """6.4.4: the field is null; path and location name it, by alias and by index."""
    result = ask(
        "{ dogs { it: name } }", {"dogs": [{"name": "Rex"}, {"name": soon(LookupError("no"))}]}
    )
    assert result.data == {"dogs": [{"it": "Rex"}, {"it": None}]}
    [error] = result.errors
    assert (error.message, error.path, error.locations) == ("no", ["dogs", 1, "it"], [(1, 10)])


@pytest.mark.parametrize("wait", [lambda value: value, soon])
def test_6_4_4_null_goes_up_to_what_allows_it(ask: Ask, wait: Callable[[Any], Any]) -> None:
    """6.4.4: through non-null fields and items, in or out of turn, with one error."""
    dog = {"name": "Rex", "barks": wait(None), "owner": None}
    root = {"dog": {"owner": {"name": "Ann", "dogs": [dog], "strict": dog}}, "a": 1}
    for text, expected in {
        "{ a dog { owner { name dogs { barks } } } }": {"owner": {"name": "Ann", "dogs": None}},
        "{ a dog { owner { name strict { barks } } } }": {"owner": None},
    }.items():
        result = ask(text, root)
        assert result.data == {"a": 1, "dog": expected}
        assert len(result.errors) == 1
        assert (result.errors[0].path or [])[-1] == "barks"


def test_6_4_4_all_the_way_up_makes_data_null(ask: Ask) -> None:
    """6.4.4: where no field around allows null, `data` is null; one error is told per field."""
    result = ask("{ strict { barks } b }", {"strict": {"barks": soon(None)}, "b": None})
    assert result.data is None
    assert told(result)[-1] == ("Cannot return null for non-nullable field Query.b.", ["b"])
