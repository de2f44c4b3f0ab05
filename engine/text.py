"""The text of a document before it is parsed: a scan that is cheap and cannot recurse.

The scan mirrors the lexical grammar just closely enough never to count less than the parser meets
before its first error. What is no GraphQL at all is left to the parser to say.
"""

import re
from bisect import bisect_right
from functools import cached_property
from typing import Final

from graphql import Source, SourceLocation

from engine.errors import Fault, Rejected
from engine.limits import Limits

_TOKEN: Final = re.compile(
    r"""
      \#[^\n\r]*                                        # comment
    | \"\"\"(?:[^"\\]|\\\"\"\"|\\|"(?!""))*+\"\"\"      # block string
    | "(?:[^"\\\n\r]|\\.)*+"                            # string
    | (?P<open>[\[{(])
    | (?P<close>[\]})])
    | (?P<broken>")                                     # unterminated: the parser stops here
    | \.\.\. | [!$&:=@|]
    | [A-Za-z_][A-Za-z0-9_]*+
    | -?[0-9][0-9A-Za-z_.+-]*+
    """,
    re.VERBOSE,
)
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


class Text(Source):
    """A source that finds a line in logarithmic time.

    graphql-core's own splits the whole text once per location: thousands of errors over a text
    of thousands of lines would take seconds. Lines end as GraphQL says (spec 2.1.2).
    """

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self.body))]

    def get_location(self, position: int) -> SourceLocation:
        """Say the line and column of a position, both counted from 1."""
        line = bisect_right(self._starts, position)
        return SourceLocation(line, position - self._starts[line - 1] + 1)


def scan(text: str, limits: Limits) -> int:
    """Count the tokens; refuse a text that is too long, too many tokens or too deeply nested."""
    _check_length(text, limits)
    tokens = nesting = deepest = deepest_at = 0
    for match in _TOKEN.finditer(text):
        tokens += 1
        kind = match.lastgroup
        if kind == "open":
            nesting += 1
            if nesting > deepest:
                deepest, deepest_at = nesting, match.start()
        elif kind == "close":
            nesting -= 1
        elif kind == "broken":
            break
    if tokens > limits.tokens:
        raise _too_complex(
            f"The document has {tokens:,} tokens, the limit is {limits.tokens:,}:"
            " split it into several documents."
        )
    if deepest > limits.nesting:
        raise _too_complex(
            f"The document nests {deepest:,} brackets, the limit is {limits.nesting}:"
            " ask for less in one place, or write deep values as variables.",
            Text(text).get_location(deepest_at),
        )
    return tokens


def _check_length(text: str, limits: Limits) -> None:
    try:
        # Past the limit in characters, it is past it in bytes: do not encode gigabytes to know.
        size = len(text) if len(text) > limits.text_bytes else len(text.encode())
    except UnicodeEncodeError as error:
        where = Text(text).get_location(error.start)
        fault = Fault("The document has a lone surrogate, which is no Unicode character.", (where,))
        raise Rejected("GRAPHQL_PARSE_FAILED", [fault]) from None
    if size > limits.text_bytes:
        raise _too_complex(
            f"The document has {size:,} bytes or more, the limit is {limits.text_bytes:,}:"
            " split it, or pass long values as variables."
        )


def _too_complex(message: str, *locations: SourceLocation) -> Rejected:
    return Rejected("DOCUMENT_TOO_COMPLEX", [Fault(message, locations)])
