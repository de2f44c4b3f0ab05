"""When a field is selected: what `@skip` and `@include` on it and around it say (spec 3.13)."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from graphql import BooleanValueNode, DirectiveNode, VariableNode

Condition: TypeAlias = frozenset[tuple[str, bool]] | None
"""Variables by name, and what each has to be, all together; None: it is never selected."""

ALWAYS: Final[Condition] = frozenset()

_WANTED: Final = {"include": True, "skip": False}


def narrowed(condition: Condition, directives: Iterable[DirectiveNode] | None) -> Condition:
    """Give the condition of what has these directives and is selected under this condition."""
    for directive in directives or ():
        wanted = _WANTED.get(directive.name.value)
        if wanted is None or condition is None:
            continue
        for argument in directive.arguments or ():
            value = argument.value
            if isinstance(value, VariableNode):
                condition = _also(condition, value.name.value, wanted=wanted)
            elif isinstance(value, BooleanValueNode) and value.value is not wanted:
                condition = None
    return condition


def _also(condition: Condition, name: str, *, wanted: bool) -> Condition:
    if condition is None or (name, not wanted) in condition:
        return None
    return condition | {(name, wanted)}
