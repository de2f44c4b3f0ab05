"""The parameters of a request: what is read, and what is wrong with what is not."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from schema.parameters import Parameters, fault, parameters

HASH = "ab" * 32
ID = f"sha256:{HASH}"
APOLLO = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "{ a }", ID, HASH, 5, [], {}, {"a": 1}, APOLLO, {"persistedQuery": 5}, True]
)
NAMES = st.sampled_from(["query", "documentId", "operationName", "variables", "extensions", "x"])


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"query": "{ a }"}, Parameters("{ a }")),
        ({"query": ""}, Parameters("")),
        ({"query": "{ a }", "operationName": ""}, Parameters("{ a }")),
        (
            {"query": "{ a }", "operationName": "A", "variables": {"b": 1}, "extensions": {"c": 1}},
            Parameters("{ a }", "A", {"b": 1}),
        ),
        ({"documentId": ID}, Parameters(document_id=ID)),
        ({"documentId": ID, "query": None}, Parameters(document_id=ID)),
        ({"documentId": "mine", "query": "{ a }"}, Parameters("{ a }", document_id="mine")),
        ({"extensions": APOLLO}, Parameters(document_id=ID, apollo=True)),
        ({"extensions": APOLLO, "documentId": ID}, Parameters(document_id=ID, apollo=True)),
        ({"extensions": {"persistedQuery": None}, "query": "{ a }"}, Parameters("{ a }")),
    ],
)
def test_what_is_read(sent: dict[str, Any], read: Parameters) -> None:
    """A text, an id in one of two ways, or both."""
    assert fault(sent) is None
    assert parameters(sent) == read


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "query is missing"),
        ({"query": None, "documentId": None}, "query is missing"),
        ({"query": 5, "documentId": ID}, "query is missing or not a string"),
        ({"documentId": 5}, "documentId must be a string"),
        ({"query": "{ a }", "documentId": 5}, "documentId must be a string"),
        ({"query": "{ a }", "operationName": 5}, "operationName must be a string"),
        ({"query": "{ a }", "variables": "{}"}, "variables must be an object"),
        ({"documentId": ID, "extensions": []}, "extensions must be an object"),
    ],
)
def test_a_fault_is_named(sent: dict[str, Any], words: str) -> None:
    """In one sentence that says what would be right."""
    assert words in (fault(sent) or "")


@pytest.mark.parametrize(
    "named", [5, [], {}, {"version": 2, "sha256Hash": HASH}, {"version": 1, "sha256Hash": 5}]
)
def test_apollos_protocol_has_one_version(named: object) -> None:
    """Anything else under its name is refused, rather than passed over."""
    with pytest.raises(Invalid, match='"version": 1') as refused:
        parameters({"query": "{ a }", "extensions": {"persistedQuery": named}})
    assert refused.value.field == "extensions.persistedQuery"


def test_two_ids_are_one_too_many() -> None:
    """Unless they are the same."""
    with pytest.raises(Invalid, match="two documents"):
        parameters({"documentId": f"sha256:{'0' * 64}", "extensions": APOLLO})


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_is_sent_has_one_outcome(sent: dict[str, Any]) -> None:
    """A fault, a refusal, or parameters that name a document."""
    if (wrong := fault(sent)) is not None:
        assert wrong.endswith(".")
        return
    try:
        read = parameters(sent)
    except Invalid:
        return
    assert read.text is not None or read.document_id is not None
