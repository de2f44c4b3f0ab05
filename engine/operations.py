"""A valid document and its operations: what is known of them before they run."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

from engine.compiler.plan import Plan, said
from engine.cost import Cost, Price
from engine.errors import Rejected
from engine.limits import Limits
from engine.measure import Measure
from engine.scopes import Need

Kind: TypeAlias = Literal["query", "mutation", "subscription"]

_REMEMBERED: Final = 32
"""Sets of scopes for which an operation remembers what it misses, and variables that it passed."""

_DIGESTS: Final = 64
"""Texts whose digests are remembered, and variables."""

_LONGEST: Final = 200
"""Bytes of JSON of such variables."""

_SHOWN: Final = 10
"""Names of operations that an error lists at most."""


class RenderingKey(NamedTuple):
    """What the answers to an event depend on besides the event: equal keys, equal answers."""

    document: str
    """SHA-256 of the document's text."""

    operation: str | None
    variables: str
    """SHA-256 of those that reach the selection below the root field, as sorted JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of a valid document, and what is known of it before it runs."""

    name: str | None
    kind: Kind
    node: OperationDefinitionNode
    needs: tuple[Need, ...]
    """The scopes needed, by field; empty where none are."""

    public: bool
    """Whether every root field is introspection or `__typename`, which need no token at all."""

    measure: Measure
    """Fields, aliases and depth, fragments expanded."""

    asks: frozenset[str]
    """The names of its root fields."""

    price: Price
    limits: Limits

    plan: Plan
    """How it is run."""

    text: str
    """The document's."""

    _passed: set[bytes] = field(default_factory=set)
    _missing: dict[frozenset[str], tuple[Need, ...]] = field(default_factory=dict)

    def rendering_key(self, variables: Mapping[str, Any] | None = None) -> RenderingKey:
        """Give the key under which one event is shown in one way.

        Variables that only the arguments of root fields use choose which events a subscriber
        gets; they are no part of it. Others are taken as they were sent.
        """
        given = variables or {}
        shown = {name: given[name] for name in self.plan.reach.rendering if name in given}
        return RenderingKey(
            _digest(self.text), self.name, _digest(json.dumps(shown, sort_keys=True))
        )

    def missing(self, scopes: Collection[str]) -> tuple[Need, ...]:
        """Give what these scopes do not open."""
        held = frozenset(scopes)
        missing = self._missing.get(held)
        if missing is None:
            if len(self._missing) >= _REMEMBERED:
                self._missing.clear()
            missing = tuple(need for need in self.needs if not need.met(held))
            self._missing[held] = missing
        return missing

    def nodes(self, variables: Mapping[str, Any] | None = None) -> int:
        """Count the objects that the lists of the answer may hold at most; see `cost`.

        Variables are taken as the client sent them. What cannot be coerced counts as not given:
        coercion refuses it before anything runs.
        """
        return self.price.whole.at(variables or {})[0]

    def cost(self, variables: Mapping[str, Any] | None = None) -> Cost:
        """Give what the operation costs at most with these variables, taken as for `nodes`.

        A subscription costs what showing one event of it costs, its root field included.
        """
        _, type_cost, field_cost = self.price.whole.at(variables or {})
        return Cost(type_cost, field_cost)

    def check(self, variables: Mapping[str, Any] | None = None) -> None:
        """Refuse an answer that may hold too many objects, or an operation that costs too much.

        Raises:
            Rejected: DOCUMENT_TOO_COMPLEX or COST_EXCEEDED, at the root field that has most of it.
        """
        sent = said(variables or {})
        if sent in self._passed:
            return
        self._judge(variables or {})
        if sent is not None and len(sent) <= _LONGEST:
            if len(self._passed) >= _REMEMBERED:
                self._passed.clear()
            self._passed.add(sent)

    def _judge(self, variables: Mapping[str, Any]) -> None:
        limits, found = self.limits, self.price.whole.at(variables)
        nodes, type_cost, field_cost = found
        if nodes > limits.nodes:
            node = self.price.dearest(0, variables)[0]
            raise Rejected.at(
                "DOCUMENT_TOO_COMPLEX",
                f"The answer may hold {nodes:,} objects in lists, the limit is {limits.nodes:,}:"
                " ask for smaller pages with 'first', or for fewer lists inside lists.",
                node,
            )
        if type_cost > limits.cost or field_cost > limits.cost:
            raise self._too_dear(found, variables)

    def _too_dear(self, found: Sequence[float], variables: Mapping[str, Any]) -> Rejected:
        which, name = (1, "type") if found[1] > found[2] else (2, "field")
        node, part = self.price.dearest(which, variables)
        return Rejected.at(
            "COST_EXCEEDED",
            f"The operation has a {name} cost of {found[which]:,}, the limit is"
            f" {self.limits.cost:,}; '{(node.alias or node.name).value}' has most of it, {part:,}:"
            " ask for smaller pages with 'first', select less below it, or split the operation.",
            node,
        )


@lru_cache(_DIGESTS)
def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A valid document, ready to run."""

    text: str
    schema: GraphQLSchema
    ast: DocumentNode
    operations: tuple[Operation, ...]
    """At least one."""

    weight: int
    """What it takes to keep it, with its programs, in tokens of some 550 bytes (measured)."""

    def compile(self) -> None:
        """Compile each operation ahead of its first run, as far as it is known which program runs.

        It takes a few milliseconds, 60 for the largest; what is compiled already, none.
        """
        for operation in self.operations:
            operation.plan.compile()

    def operation(self, name: str | None = None) -> Operation:
        """Choose an operation (spec 6.1, GetOperation).

        Raises:
            Rejected: GRAPHQL_VALIDATION_FAILED, there is none of this name, or several and no
                name was given.
        """
        if name is None and len(self.operations) == 1:
            return self.operations[0]
        for operation in self.operations:
            if name is not None and operation.name == name:
                return operation
        raise Rejected.at("GRAPHQL_VALIDATION_FAILED", self._which(name))

    def _which(self, name: str | None) -> str:
        names = [f"'{each.name}'" for each in self.operations if each.name is not None]
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        if name is None:
            return f"The document has several operations: set operationName to one of {shown}."
        if not names:
            return f"The document has no operation '{name:.80}', only one without a name."
        return f"The document has no operation '{name:.80}', only {shown}."
