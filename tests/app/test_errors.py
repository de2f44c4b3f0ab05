"""What errors are over HTTP."""

from app import errors
from core.domain.errors import Limited


def test_who_is_limited_is_told_how_long() -> None:
    """429, with the seconds to wait where they are known."""
    assert errors.status(Limited("Wait.", 7)) == 429
    assert errors.headers(Limited("Wait.", 7), shown=False, metadata="m") == {"Retry-After": "7"}
    assert errors.headers(Limited("Wait."), shown=False, metadata="m") == {}
