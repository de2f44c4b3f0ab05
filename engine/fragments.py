"""The fragments of a document, before it is validated: by name, and in the order of their use.

graphql-core has rules for names and cycles too, but others of its rules take a time that has no
bound where fragments spread each other, so this comes first.
"""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    SelectionSetNode,
)

from engine.errors import Rejected

Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]


def fragments_of(document: DocumentNode) -> Fragments:
    """Collect the fragments of a document.

    Raises:
        Rejected: GRAPHQL_VALIDATION_FAILED, two share a name (spec 5.5.1.1).
    """
    found: dict[str, FragmentDefinitionNode] = {}
    for node in document.definitions:
        if isinstance(node, FragmentDefinitionNode):
            other = found.setdefault(node.name.value, node)
            if other is not node:
                raise Rejected.at(
                    "GRAPHQL_VALIDATION_FAILED",
                    f"There can be only one fragment named '{node.name.value}'.",
                    other.name,
                    node.name,
                )
    return found


def ordered(fragments: Fragments) -> Iterator[FragmentDefinitionNode]:
    """Order fragments so that each comes after those that it spreads.

    Raises:
        Rejected: GRAPHQL_VALIDATION_FAILED, one spreads itself (spec 5.5.2.2).
    """
    graph = {name: list(_spreads(node.selection_set)) for name, node in fragments.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        first = min(cycle, key=list(fragments).index)
        raise Rejected.at(
            "GRAPHQL_VALIDATION_FAILED",
            f"Fragment '{first}' spreads itself"
            + (f" via {_names(set(cycle) - {first})}." if len(set(cycle)) > 1 else "."),
            fragments[first],
        ) from None
    return (fragments[name] for name in order if name in fragments)


def _spreads(selections: SelectionSetNode) -> Iterator[str]:
    waiting: list[SelectionSetNode] = [selections]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                yield node.name.value
            elif below := getattr(node, "selection_set", None):
                waiting.append(below)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
