"""What every kind of error is in GraphQL."""

from collections.abc import Iterator

import pytest
import structlog
from graphql import GraphQLError
from hypothesis import given, strategies as some

from core.domain import errors as domain
from schema import errors


def located(error: Exception) -> GraphQLError:
    """An error as graphql-core gives it, raised by a resolver."""
    return GraphQLError(str(error), path=["field"], original_error=error)


def kinds() -> Iterator[type[domain.LatchkeyError]]:
    """Every kind of expected error."""
    for value in vars(domain).values():
        if isinstance(value, type) and issubclass(value, domain.LatchkeyError):
            yield value


def test_every_kind_has_a_code() -> None:
    """All but the root, which nobody raises."""
    assert set(errors.CODES) == set(kinds()) - {domain.LatchkeyError}


@pytest.mark.parametrize("kind", errors.CODES)
def test_a_refusal_is_said_as_it_is(kind: type[domain.LatchkeyError]) -> None:
    """Message, code and trace; subclasses have the code of their kind."""
    special = type("Special", (kind,), {})
    form = errors.formatted(located(special("What was wrong.")), "t1")
    assert form == {
        "message": "What was wrong.",
        "path": ["field"],
        "extensions": {"code": errors.CODES[kind], "traceId": "t1"},
    }
    assert errors.refusal(special("What was wrong.")) == {
        "message": "What was wrong.",
        "extensions": {"code": errors.CODES[kind]},
    }


def test_bad_input_names_its_field() -> None:
    """As the domain does."""
    form = errors.formatted(located(domain.Invalid("Wrong.", "state.on")), "t1")
    assert form["extensions"]["field"] == "state.on"


def test_what_the_engine_refused_keeps_its_code() -> None:
    """The document was wrong, not what it asked for."""
    refused = GraphQLError("Cannot parse.", extensions={"code": "GRAPHQL_PARSE_FAILED"})
    form = errors.formatted(refused, "t1")
    assert form["extensions"] == {"code": "GRAPHQL_PARSE_FAILED", "traceId": "t1"}
    assert form["message"] == "Cannot parse."


@pytest.mark.parametrize(
    "error",
    [
        located(RuntimeError("a secret")),
        located(GraphQLError("a secret")),
        GraphQLError("a secret"),
        GraphQLError("a secret", extensions={"code": "NOT_FOUND"}, original_error=KeyError()),
    ],
    ids=["bug", "value", "plain", "coded"],
)
def test_a_bug_is_masked_and_logged_once(error: GraphQLError) -> None:
    """The client gets a trace id, and the log the cause under the same."""
    with structlog.testing.capture_logs() as lines:
        form = errors.formatted(error, "t1")
    assert "secret" not in str(form)
    assert form["extensions"] == {"code": "INTERNAL", "traceId": "t1"}
    (line,) = lines
    assert (line["event"], line["trace_id"]) == ("internal_error", "t1")
    assert line["exc_info"] is not None


@given(some.text(max_size=50))
def test_a_message_can_always_be_encoded(text: str) -> None:
    """Whatever a client put into it."""
    message = errors.refusal(domain.Missing(text + "\ud800"))["message"]
    assert message.encode()
    assert message.startswith(text)


def test_a_message_has_an_end() -> None:
    """However much a client put into it."""
    assert len(errors.refusal(domain.Missing("x" * 100_000))["message"]) == errors.LONGEST
