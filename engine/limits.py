"""Limits: how much one document may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may ask for.

    Over any of them it is `DOCUMENT_TOO_COMPLEX`, over `cost` it is `COST_EXCEEDED`.
    """

    text_bytes: int = 100_000
    """Length of the text in UTF-8."""

    tokens: int = 4_000
    """Lexical tokens of the text, comments included."""

    nesting: int = 64
    """Brackets inside brackets, and selection sets inside each other across fragments: what
    parser and validator recurse over."""

    depth: int = 12
    """Fields inside fields, fragments expanded. What is below `__schema` and `__type` does not
    count here."""

    introspection_depth: int = 20
    """Fields inside fields below `__schema` and `__type`; the common tools need up to 15."""

    aliases: int = 50
    """Aliases of one operation, fragments expanded."""

    fields: int = 1_000
    """Fields, and uses of fragments, of all operations together, fragments expanded."""

    nodes: int = 10_000
    """Objects in lists that one answer may hold at most."""

    cost: float = 20_000
    """Type cost and field cost of one operation, each for itself; see `cost`."""

    most_page: int = 100
    """Items that a list sliced by a number may have; more is refused by whoever makes the page."""

    assumed_list: int = 10
    """Items assumed of a list of which `@listSize` says nothing, and of a list inside a list."""
