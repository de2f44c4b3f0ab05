"""A document's id is its text, and nothing else."""

import re
from datetime import UTC, datetime

from hypothesis import given, strategies as st

from core.domain.documents import RegisteredDocument, digest

SPECIFIED = {
    "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}": (
        "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"
    ),
    "query($id:ID!){user(id:$id){name}}": (
        "sha256:71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b"
    ),
}


def test_ids_are_those_of_the_specification() -> None:
    """The examples of appendix A, to the last digit."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    made = {text: RegisteredDocument("c", digest(text), text, since).id for text in SPECIFIED}
    assert made == SPECIFIED


@given(st.text(), st.text())
def test_a_digest_is_the_whole_text(one: str, other: str) -> None:
    """64 lower-case digits, the same for the same text alone."""
    assert re.fullmatch(r"[0-9a-f]{64}", digest(one))
    assert (digest(one) == digest(other)) == (one == other)
