"""What a refusal keeps, and what it never does."""

from graphql import GraphQLError, parse
from hypothesis import given, strategies as st

from engine.errors import Fault, Rejected


@given(st.text(st.characters(codec=None), max_size=1_000))
def test_a_message_is_short_and_can_be_encoded(message: str) -> None:
    """Whatever graphql-core says, its message fits into an answer."""
    [error] = Rejected.of("BAD_USER_INPUT", [GraphQLError(message)]).errors
    assert len(error.message.encode()) <= 4 * 400


def test_only_the_first_faults_are_named() -> None:
    """Thousands of errors become ten."""
    many = [GraphQLError(str(number)) for number in range(1_000)]
    rejected = Rejected.of("BAD_USER_INPUT", many)
    assert [error.message for error in rejected.errors] == [str(number) for number in range(10)]


def test_an_error_keeps_places_but_not_the_document() -> None:
    """The nodes, and with them the whole document, are left behind."""
    field = parse("{\n  a }").definitions[0]
    [error] = Rejected.at("GRAPHQL_VALIDATION_FAILED", "No.", field).errors
    assert error.formatted == {
        "message": "No.",
        "locations": [{"line": 1, "column": 1}],
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
    }
    assert error.nodes is None
    assert error.source is None


def test_errors_are_fresh_for_each_refusal() -> None:
    """Who adds to the extensions of one refusal adds to no other."""
    faults = [Fault("No.")]
    one, other = Rejected("BAD_USER_INPUT", faults), Rejected("BAD_USER_INPUT", faults)
    assert one.errors[0].extensions is not None
    one.errors[0].extensions["traceId"] = "1"
    assert other.errors[0].extensions == {"code": "BAD_USER_INPUT"}


def test_an_error_made_while_handling_another_keeps_no_frames() -> None:
    """A refusal inside an `except` does not hold the frames of what it handles."""
    kept: list[object] = ["something"]
    try:
        parse("{")
    except GraphQLError as error:
        kept = [each.__traceback__ for each in Rejected.of("BAD_USER_INPUT", [error]).errors]
    assert kept == [None]
