"""How large a parsed document is, measured before it is validated, in time linear in its text.

Each fragment is measured once, in the order of their use, so that fragments which spread each
other cost nothing however far they expand. Types are not looked at: validation, parts of which
grow with the expanded size, has not happened yet. What depends on types is in `cost`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from engine.errors import Rejected
from engine.fragments import Fragments, ordered
from engine.limits import Limits


class Measure(NamedTuple):
    """The size of a selection set, its fragments expanded; see `Limits` for what counts."""

    fields: int = 0
    aliases: int = 0
    depth: int = 0
    nesting: int = 0
    deepest: FieldNode | None = None


_NOTHING = Measure()


def measure(
    operations: Sequence[OperationDefinitionNode], fragments: Fragments, limits: Limits
) -> list[Measure]:
    """Measure each operation of a document; refuse what is over a limit.

    Raises:
        Rejected: over a limit; or a fragment spreads itself and has no size
            (GRAPHQL_VALIDATION_FAILED).
    """
    measured = _Measurer(limits)
    for fragment in ordered(fragments):
        measured.fragments[fragment.name.value] = measured.whole(fragment.selection_set)
    found = [measured.whole(operation.selection_set) for operation in operations]
    for operation, size in zip(operations, found, strict=True):
        _check(operation, size, limits)
    # An operation's size holds the fragments that it uses; unused ones are validated too.
    unused = measured.fragments.keys() - measured.spread
    total = sum(size.fields for size in found)
    total += sum(measured.fragments[name].fields for name in unused)
    if total > limits.fields:
        raise _too_complex(
            f"The document selects {_count(total)} fields with its fragments expanded, the limit"
            f" is {limits.fields:,}: select fewer fields, or split it.",
            *operations[:1],
        )
    return found


class _Measurer:
    """Measures selection sets; `fragments` are those measured so far, by name."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.fragments: dict[str, Measure] = {}
        self.spread: set[str] = set()

    def whole(self, selections: SelectionSetNode) -> Measure:
        """Measure the selection set of a definition; refuse one that nests too far."""
        size = self._all(selections)
        if size.nesting > self.limits.nesting:
            raise _too_complex(
                f"The document nests {size.nesting} selection sets with its fragments expanded,"
                f" the limit is {self.limits.nesting}: use fewer fragments inside fragments.",
                size.deepest or selections,
            )
        return size

    def _all(self, selections: SelectionSetNode | None) -> Measure:
        if selections is None:
            return _NOTHING
        parts = [self._one(node) for node in selections.selections]
        deepest = max(parts, key=lambda part: part.depth, default=_NOTHING)
        return Measure(
            fields=sum(part.fields for part in parts),
            aliases=sum(part.aliases for part in parts),
            depth=deepest.depth,
            nesting=max((part.nesting for part in parts), default=0),
            deepest=deepest.deepest,
        )

    def _one(self, node: SelectionNode) -> Measure:
        if isinstance(node, FieldNode):
            return self._field(node)
        if isinstance(node, FragmentSpreadNode):
            self.spread.add(node.name.value)
            below = self.fragments.get(node.name.value, _NOTHING)
        else:
            below = self._all(getattr(node, "selection_set", None))
        return below._replace(fields=below.fields + 1, nesting=below.nesting + 1)

    def _field(self, node: FieldNode) -> Measure:
        below = self._all(node.selection_set)
        if node.name.value in {"__schema", "__type"}:
            _check_introspection(node, below, self.limits)
            below = below._replace(depth=0, deepest=None)
        return Measure(
            fields=below.fields + 1,
            aliases=below.aliases + (node.alias is not None),
            depth=below.depth + 1,
            nesting=below.nesting + 1,
            deepest=below.deepest or node,
        )


def _check(operation: OperationDefinitionNode, size: Measure, limits: Limits) -> None:
    if size.depth > limits.depth:
        raise _too_complex(
            f"The operation is {size.depth} fields deep, the limit is {limits.depth}:"
            " start from a field nearer to what you want, or ask in two steps.",
            size.deepest,
        )
    if size.aliases > limits.aliases:
        raise _too_complex(
            f"The operation has {_count(size.aliases)} aliases with its fragments expanded, the"
            f" limit is {limits.aliases}: ask for lists instead of many single things.",
            operation,
        )


def _check_introspection(node: FieldNode, below: Measure, limits: Limits) -> None:
    """Bound what introspection can be made to answer, without a token, to a few times the schema.

    Lists inside lists are bounded by graphql-core's `MaxIntrospectionDepthRule`, repetition here:
    without aliases no list can be answered twice.
    """
    name = node.name.value
    aliases = below.aliases + (node.alias is not None and name == "__schema")
    if aliases:
        raise _too_complex(
            f"Introspection has {_count(aliases)} aliases at or below '{name}', the limit is 0:"
            " ask for its fields by their own names.",
            node,
        )
    if below.depth > limits.introspection_depth:
        raise _too_complex(
            f"Introspection is {below.depth} fields deep below '{name}', the limit is"
            f" {limits.introspection_depth}: ask for fewer 'ofType' inside each other.",
            below.deepest,
        )


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**9 else "billions of"


def _too_complex(message: str, *nodes: Node | None) -> Rejected:
    return Rejected.at("DOCUMENT_TOO_COMPLEX", message, *nodes)
