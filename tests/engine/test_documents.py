"""The pipeline from text to document: it never fails but by refusing, and it remembers."""

import inspect
import sys
import time

import pytest
from graphql import get_introspection_query, parse, validate
from hypothesis import given, settings, strategies as st

from engine import Documents, Limits, Rejected
from tests.engine.world import SDL, documents, refusal, schema
from tests.engine.writing import SOUP, operations

CODES = {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "DOCUMENT_TOO_COMPLEX"}
DOCUMENTS = documents()


def repeat(count: int, pattern: str) -> str:
    """Repeat a pattern, its # numbered."""
    return " ".join(pattern.replace("#", str(each)) for each in range(count))


def chain(count: int, body: str) -> str:
    """Write fragments, the # in the body of each being the number of the next one."""
    bodies = (body.replace("#", str(each + 1)) for each in range(count))
    return "".join(f"fragment F{each} on Query {inner} " for each, inner in enumerate(bodies))


def bomb(count: int, end: str) -> str:
    """Write fragments each of which spreads the next one twice."""
    return chain(count, "{ ...F# ...F# }") + f"fragment F{count} on Query {{ {end} }}"


ALL = repeat(40, "...F#")
HORRORS = {
    "empty": "",
    "nothing but space": " " * 99_000,
    "nothing but commas": "," * 99_000,
    "nothing but comments": "#\n" * 49_000,
    "nothing but quotes": '"' * 99_000,
    "nothing but backslashes": '"""' + "\\" * 99_000,
    "endless string": '{ echo(text: "' + "\\" * 99_000,
    "endless block string": '{ echo(text: """' + 'a"' * 45_000,
    "too long": "{ admin }" + " " * 10**7,
    "NUL": "{ admin\0 }",
    "lone surrogate": '{ echo(text: "\ud800") }',
    "escaped lone surrogate": '{ echo(text: "\\ud800") }',
    "lone surrogate far out": "\udfff" * 99_000,
    "10,000 aliases": "{ " + repeat(10_000, "a#:b") + " }",
    "1,000 aliases": "{ " + repeat(1_000, "a#: admin") + " }",
    "10,000 directives": "{ admin " + "@skip " * 10_000 + "}",
    "1,300 directives": "{ admin " + "@a @b @c " * 1_300 + "}",
    "500 directives": "{ admin " + "@skip(if: true) " * 500 + "}",
    "1,000 same fields": "{" + " admin" * 1_000 + "}",
    "1,000 same fields inside": "{ books { nodes {" + " title" * 990 + "} } }",
    "3,000 unknown fields": "{" + repeat(3_000, "f#") + "}",
    "fields with arguments": "{" + " echo(int: 3, ids: [1])" * 350 + "}",
    "fields with long arguments": "{" + (" echo(ids: [" + "1 " * 90 + "])") * 40 + "}",
    "1,300 same arguments": "{ echo(" + "int: 1 " * 1_300 + ") }",
    "1,300 input fields": "{ echo(filter: {" + "tag: OLD " * 1_300 + "}) }",
    "900 variables": "query (" + repeat(900, "$v#: Int") + ") { admin }",
    "900 unknown types": "query (" + repeat(900, "$v#: Imt#") + ") { admin }",
    "500 operations": repeat(500, "query Q# { admin }"),
    "900 nameless operations": "{ admin } " * 900,
    "operations times fragment": repeat(300, "query Q# { ...F }")
    + "fragment F on Query {" + " admin" * 800 + "}",
    "type definitions": "type A { b: Int } " * 500,
    "deep fields": "{ author(id: 1) " * 3_000,
    "deep brackets": "{" * 99_000,
    "deep lists": "{ echo(ids: " + "[" * 3_000,
    "deep input": "{ echo(filter: " + "{ inner: " * 60 + "{}" + "}" * 60 + ") }",
    "deep types": "query ($a: " + "[" * 3_000,
    "deep inline fragments": "{" + " ... {" * 60 + " admin" * 900 + " }" * 61,
    "fragment bomb": "{ ...F0 } " + bomb(60, "admin"),
    "fragment bomb without a field": "{ ...F0 } " + bomb(60, "...Nowhere"),
    "fragment bomb in introspection": "{ admin } " + bomb(50, "__schema { types { name } }"),
    "long fragment chain": "{ ...F0 }" + chain(400, "{ ...F# }"),
    "fragment cycle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "all fragments in all": "{ ...F0 }" + repeat(40, f"fragment F# on Query {{ {ALL} }}"),
    "lines and errors": "subscription {" + "\n" * 60_000 + " added { id }" * 300 + "}",
    "long name": "{ " + "a" * 99_000 + " }",
    "long type name": "query ($a: " + "A" * 99_000 + ") { admin }",
    "long enum": "{ books { nodes { title(case: " + "A" * 99_000 + ") } } }",
    "huge int": "{ echo(int: " + "9" * 99_000 + ") }",
    "huge ids": "{ nodes(ids: [" + "9" * 99_000 + "]) { id } }",
    "huge page": "{ books(first: " + "9" * 99_000 + ") { totalCount } }",
    "huge float": "{ echo(float: 1e" + "9" * 90_000 + ") }",
    "deep introspection": '{ __type(name: "A") {' + " ofType {" * 40 + "name" + "}" * 42,
}  # fmt: skip


def check_outcome(text: str) -> None:
    """Prepare a text twice: what is said can be sent, and the second time it is the same."""
    first, again = (refusal(lambda: DOCUMENTS.get(text)) for _ in range(2))
    assert (first and (first.code, first.faults)) == (again and (again.code, again.faults))
    if first:
        assert first.code in CODES
        assert 1 <= len(first.errors) <= 10
        assert all(len(error.message.encode()) < 2_000 for error in first.errors)


@settings(max_examples=300, deadline=None)
@given(SOUP | st.text(st.characters(codec=None)) | operations() | st.binary().map(repr))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    """No text makes `get` raise anything else; what it says can be sent, and it says it again."""
    check_outcome(text)


@settings(deadline=None)
@given(operations(), st.data())
def test_a_damaged_document_is_a_document_or_refused(text: str, data: st.DataObject) -> None:
    """Neither does a valid text with a piece cut out or put in."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    check_outcome(text[:start] + data.draw(SOUP) + text[end:])


@pytest.mark.parametrize("name", HORRORS)
def test_a_horror_is_answered_in_bounded_time(name: str) -> None:
    """What attackers send costs no more than the largest honest documents do."""

    def cost() -> float:
        ours = documents()
        start = time.process_time()
        rejected = refusal(lambda: ours.get(HORRORS[name]))
        spent = time.process_time() - start
        assert rejected is None or rejected.code in CODES
        return spent

    # The best of three, for the collector may look at all that other tests have left.
    assert min(cost() for _ in range(3)) < 0.5  # an idle machine: under 0.07


@settings(deadline=None)
@given(operations())
def test_what_graphql_core_finds_valid_is_a_document(text: str) -> None:
    """Within the limits, the pipeline accepts and refuses as all rules of the spec do."""
    invalid = validate(DOCUMENTS.schema, parse(text))
    wide = documents(Limits(aliases=10**6, fields=10**6))
    assert bool(refusal(lambda: wide.get(text))) == bool(invalid)


def test_a_document_refused_on_a_full_stack_is_accepted_later() -> None:
    """A stack without room refuses even the smallest document, but only then."""
    ours = documents()

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        else:
            ours.get("{ author(id: 1) { books { nodes { author { name } } } } }")

    room = sys.getrecursionlimit() - len(inspect.stack(0))
    with pytest.raises(Rejected, match="nested too deeply"):
        deep(room - 20)
    deep(0)


def test_a_document_is_prepared_once() -> None:
    """The same text is the same document."""
    ours = documents()
    assert ours.get("{ admin }") is ours.get("{ admin }")
    assert ours.get("{ admin }") is not ours.get("{ admin  }")


def test_bad_documents_push_out_bad_documents_only() -> None:
    """A flood of refused texts leaves the good ones where they are."""
    ours = documents()
    good = ours.get("{ admin }")
    for each in range(1_000):
        with pytest.raises(Rejected):
            ours.get(f"{{ nothing{each} }}")
    assert ours.get("{ admin }") is good


def test_a_refusal_is_remembered_with_its_places() -> None:
    """The second answer is the first one, from memory."""
    ours = documents()
    for _ in range(2):
        with pytest.raises(Rejected, match="Cannot query field 'nothing'") as caught:
            ours.get("{\n nothing }")
        assert caught.value.errors[0].locations == [(2, 2)]


def test_long_texts_are_not_kept() -> None:
    """A text over the bound is prepared each time."""
    ours = documents()
    text = "{ admin }" + " " * 16_000
    assert ours.get(text) is not ours.get(text)


@pytest.mark.parametrize(
    ("text", "code", "words", "place"),
    [
        ("{ admin", "GRAPHQL_PARSE_FAILED", "Expected Name, found <EOF>", (1, 8)),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing'", (1, 3)),
        ("{ x: admin x: __typename }", "GRAPHQL_VALIDATION_FAILED", "'x' conflict", (1, 3)),
        ("subscription { added { id } events { id } }", "GRAPHQL_VALIDATION_FAILED",
         "must select only one top level field", (1, 29)),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED",
         "must not select an introspection top level field", (1, 16)),
        ("subscription ($s: Boolean!) { added @skip(if: $s) { id } }",
         "GRAPHQL_VALIDATION_FAILED", "must not use `@skip`", (1, 37)),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
         "GRAPHQL_VALIDATION_FAILED", "Maximum introspection depth exceeded", (1, 3)),
    ],
)  # fmt: skip
def test_a_refusal_names_code_reason_and_place(
    text: str, code: str, words: str, place: tuple[int, int]
) -> None:
    """Each kind of refusal, from the first step to the last."""
    with pytest.raises(Rejected, match=words) as caught:
        documents().get(text)
    assert caught.value.code == code
    assert (caught.value.errors[0].locations or [])[0] == place


def test_the_standard_introspection_is_public() -> None:
    """GraphiQL's query passes every limit and needs no token."""
    text = get_introspection_query(specified_by_url=True, one_of=True, input_value_deprecation=True)
    operation = documents().get(text).operation()
    assert operation.public
    assert operation.needs == ()
    assert operation.nodes() == 0


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("{ __typename }", True),
        ('{ t: __typename ...F } fragment F on Query { __type(name: "Book") { name } }', True),
        ("mutation { __typename }", True),
        ("{ __typename authors { id } }", False),
        ("{ authors { id } }", False),
        ("subscription { added { id } }", False),
    ],
)
def test_public_is_what_asks_only_about_the_graph(text: str, *, public: bool) -> None:
    """A single root field of the graph's own makes an operation need a token."""
    assert documents().get(text).operation().public is public


def test_an_operation_is_chosen_by_name() -> None:
    """The only one needs no name; of several each is found by its own."""
    document = documents().get('query A { admin } mutation B { rename(id: 1, title: "") { id } }')
    assert document.operation("A").kind == "query"
    assert document.operation("B").kind == "mutation"
    assert documents().get("query A { admin }").operation().name == "A"
    assert documents().get("{ admin x: admin }").operation().asks == {"admin"}


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("query A { admin } query B { admin }", None, "set operationName to one of 'A', 'B'"),
        ("query A { admin } query B { admin }", "C", "has no operation 'C', only 'A', 'B'"),
        ("{ admin }", "C", "has no operation 'C', only one without a name"),
        (repeat(20, "query Q# { admin }"), "C", "'Q9', …"),
        ("{ admin }", "\ud800", "has no operation"),
    ],
)
def test_an_operation_that_is_not_there_is_refused(text: str, name: str | None, words: str) -> None:
    """The sentence names those that are."""
    with pytest.raises(Rejected, match=words) as caught:
        documents().get(text).operation(name)
    assert caught.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert caught.value.errors[0].message.encode()


@pytest.mark.parametrize(
    ("coordinate", "text"),
    [
        ("Shelf.books", "subscription { added { shelf { books { totalCount } } } }"),
        ("Shelf.books", ("subscription { ...F } fragment F on Subscription {"
         " events { shelf { ... on Node { ... on Shelf { x: books { totalCount } } } } } }")),
        ("Event.shelf", "subscription { added { shelf { id } } }"),
        ("Added.id", "subscription { events { id } }"),
    ],
)  # fmt: skip
def test_a_subscription_cannot_select_what_is_uncarried(coordinate: str, text: str) -> None:
    """Directly, through fragments, through an interface, or as an implementation of one."""
    with pytest.raises(Rejected, match=r"cannot select \w+\.\w+: query it instead\.") as caught:
        documents(uncarried=coordinate).get(text)
    assert caught.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert coordinate in str(caught.value)
    assert caught.value.errors[0].locations


def test_a_query_can_select_what_subscriptions_cannot() -> None:
    """Only subscriptions are bound to what events carry."""
    ours = documents(uncarried="Shelf.books")
    assert ours.get("{ shelves { books { totalCount } } }").operations
    assert ours.get("subscription { added { shelf { id } } }").operations


def test_a_schema_and_its_sdl_have_to_agree() -> None:
    """A coordinate that the schema does not have is a mistake of ours, found at the start."""
    with pytest.raises(ValueError, match=r"uncarried names Home\.rooms"):
        Documents(schema(), SDL, uncarried={"Home.rooms": ""})
    with pytest.raises(ValueError, match="requires scopes of X"):
        Documents(schema(), SDL + 'type X @requiresScopes(scopes: [["a"]]) { y: Int }')
