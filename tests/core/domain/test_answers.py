"""What an answer means."""

import pytest
from hypothesis import given, strategies as st

from core.domain.answers import Answer, Attempt, explained, meaning
from tests.fakes import START

MEANINGS = {
    None: Answer.AGAIN,
    100: Answer.AGAIN,
    200: Answer.TAKEN,
    202: Answer.TAKEN,
    204: Answer.TAKEN,
    299: Answer.TAKEN,
    301: Answer.AGAIN,
    304: Answer.AGAIN,
    307: Answer.AGAIN,
    400: Answer.REFUSED,
    401: Answer.REFUSED,
    403: Answer.REFUSED,
    404: Answer.REFUSED,
    408: Answer.AGAIN,
    410: Answer.GONE,
    413: Answer.REFUSED,
    422: Answer.REFUSED,
    425: Answer.AGAIN,
    429: Answer.AGAIN,
    499: Answer.REFUSED,
    500: Answer.AGAIN,
    502: Answer.AGAIN,
    503: Answer.AGAIN,
    504: Answer.AGAIN,
    599: Answer.AGAIN,
    600: Answer.AGAIN,
    999: Answer.AGAIN,
}


@pytest.mark.parametrize(("status", "answer"), MEANINGS.items())
def test_a_status_means_one_thing(status: int | None, answer: Answer) -> None:
    """The table."""
    assert meaning(status) is answer
    assert Attempt(1, START, 0.1, status).answer is answer


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (200, ""),
        (302, "redirects are not followed; give the endpoint the URL it leads to."),
        (404, "The receiver answered 404; 200 to 299 would be right."),
        (410, "it wants no more, so the endpoint is disabled. Resume it to go on."),
        (429, "The receiver answered 429: it cannot take more now."),
        (500, "The receiver answered 500; 200 to 299 would be right."),
    ],
)
def test_what_went_wrong_is_said(status: int, sentence: str) -> None:
    """With what would be right."""
    assert explained(status).endswith(sentence)


def test_no_answer_is_explained_by_who_waited_for_it() -> None:
    """The sender knows whether it was a timeout or a name that does not resolve."""
    assert Attempt(1, START, 15.0, error="No answer within 15 s.").said == "No answer within 15 s."
    assert Attempt(1, START, 15.0).said == "No answer came."


@given(st.none() | st.integers(100, 999))
def test_every_failure_has_a_sentence(status: int | None) -> None:
    """And a success has none."""
    said = explained(status)
    assert (said == "") == (meaning(status) is Answer.TAKEN)
    assert not said or said.endswith(".")


@given(st.none() | st.integers(100, 999))
def test_a_wait_is_asked_for_with_two_statuses(status: int | None) -> None:
    """With any other, the header is not for us."""
    attempt = Attempt(1, START, 0.1, status, asked=60.0)
    assert attempt.retry_after == (60.0 if status in {429, 503} else None)
