"""From the text of a document to what can be run: scan, parse, measure, validate, expand. Cached.

The order is that of cost: what is cheap and bounded comes first, so that nothing expensive sees a
document that an attacker made expensive. Whatever the text, the outcome is a `Document` or one
`Rejected`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode as _Operation,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from engine.compiler.plan import Engine, Plan
from engine.compiler.running import Stage
from engine.cost import Pricer
from engine.errors import MAX_FAULTS, Code, Fault, Rejected
from engine.fragments import Fragments, fragments_of
from engine.limits import Limits
from engine.measure import Measure, measure
from engine.merging import check_merging
from engine.operations import Document, Operation
from engine.scopes import Requirements, exists
from engine.selections import Expander, Group, is_introspection, owners
from engine.shelf import Shelf
from engine.sizes import Sizes
from engine.text import Text, scan
from engine.weights import Weights

_CACHED_CHARACTERS: Final = 16_000
"""A longer text is parsed each time."""

_CACHED_TOKENS: Final = 120_000
"""What the cached documents weigh together: about 64 MB, at some 550 bytes each (measured)."""

_PROGRAM: Final = 4
"""Tokens that a field of a compiled program is worth (2 KB, measured)."""

_ROOM: Final = 1_000
"""What an ordinary document weighs, with its programs, at most."""

_REFUSED: Final = 256
"""Refused texts that are remembered."""

# Overlapping fields are checked by `merging`, in less time.
_RULES: Final = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
_EXPANSIONS: Final = 10
"""Times the limit on fields that `merging` may expand before it gives up."""


class Documents:
    """The documents of one schema, each parsed and validated once.

    Good documents are kept by their whole text, so nobody can pass one off as another. Refused
    texts are remembered too, for clients that repeat a mistake in a loop, but on a shelf of their
    own and as sentences only: whoever sends bad documents pushes out bad documents.

    Args:
        schema: graphql-core's; of a Strawberry schema its `_schema`.
        sdl: the published text of the same schema, with its `@requiresScopes`, `@cost` and
            `@listSize`.
        limits: how much one document may ask for.
        capacity: documents to keep at most.
        uncarried: fields that cannot be selected in a subscription, by coordinate
            (`Home.rooms`), each with what to do instead, as the rest of a sentence.
        engine: `compiled`; or `reference` to run everything on graphql-core; or `auto`, which
            compiles from the second run on what answers little.

    Raises:
        ValueError: the SDL or `uncarried` name what the schema does not have, or a directive of
            the SDL does not say what it has to.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        sdl: str,
        limits: Limits = Limits(),  # noqa: B008  frozen
        capacity: int = 1_000,
        uncarried: Mapping[str, str] = MappingProxyType({}),
        engine: Engine = "compiled",
    ) -> None:
        self.schema = schema
        self.runs: Counter[str] = Counter()
        """Runs so far: "compiled", and those on graphql-core by the reason (docs/engine.md)."""

        self.made: Counter[str] = Counter()
        """Made so far, each at some cost: "documents", "refusals" of texts, and "programs"."""

        self._engine: Engine = engine
        self.limits = limits
        self.requirements = Requirements.from_sdl(sdl)
        self.requirements.check(schema)
        weights, sizes = Weights.from_sdl(sdl, schema), Sizes.from_sdl(sdl, schema)
        self._pricer = Pricer(schema, weights, sizes, limits)
        if unknown := [each for each in uncarried if not exists(schema, each)]:
            raise ValueError(f"uncarried names {unknown[0]}, unknown to the schema.")
        self._uncarried = dict(uncarried)
        self._good: Shelf[Document] = Shelf(capacity, _CACHED_TOKENS)
        self._bad: Shelf[tuple[Code, tuple[Fault, ...]]] = Shelf(_REFUSED, _REFUSED)

    @property
    def kept(self) -> Mapping[str, int]:
        """How many "documents" and "refusals" are kept."""
        return {"documents": len(self._good), "refusals": len(self._bad)}

    def opens(self, name: str, scopes: Collection[str]) -> bool:
        """Whether an object of the type of this name may be shown to who holds these scopes.

        Raises:
            KeyError: the schema has no such type.
        """
        return self.requirements.opens(self.schema.type_map[name], scopes)

    @property
    def room(self) -> bool:
        """Whether an ordinary document can be kept without another one having to go."""
        return self._good.free >= _ROOM

    def get(self, text: str) -> Document:
        """Give the document of a text.

        Raises:
            Rejected: GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED or DOCUMENT_TOO_COMPLEX,
                and nothing else, whatever the text.
        """
        short = len(text) <= _CACHED_CHARACTERS
        if short and (document := self._good.get(text)):
            return document
        if short and (refused := self._bad.get(text)):
            raise Rejected(*refused)
        try:
            document = self._prepare(text)
        except Rejected as rejected:
            self.made["refusals"] += 1
            if short:
                self._bad.put(text, (rejected.code, rejected.faults), 1)
            raise
        except RecursionError:  # not remembered: the limits are far from it, the caller was not
            self.made["refusals"] += 1
            raise Rejected.at(
                "DOCUMENT_TOO_COMPLEX", "The document is nested too deeply: nest it less."
            ) from None
        self.made["documents"] += 1
        if short:
            self._good.put(text, document, document.weight)
        return document

    def _prepare(self, text: str) -> Document:
        try:
            tokens = scan(text, self.limits)
            ast = parse(Text(text), max_tokens=self.limits.tokens)
            operations = [node for node in ast.definitions if isinstance(node, _Operation)]
            fragments = fragments_of(ast)
            sizes = measure(operations, fragments, self.limits)
            self._validate(ast)
            expander = Expander(self.schema, fragments, self.limits.fields * _EXPANSIONS)
            ready = [
                self._operation(text, node, size, expander.groups(node), fragments)
                for node, size in zip(operations, sizes, strict=True)
            ]
            weight = tokens + sum(_PROGRAM * each.measure.fields * each.plan.most for each in ready)
            return Document(text, self.schema, ast, tuple(ready), weight)
        except GraphQLSyntaxError as error:
            raise Rejected.of("GRAPHQL_PARSE_FAILED", [error]) from None

    def _validate(self, ast: DocumentNode) -> None:
        if errors := validate(self.schema, ast, _RULES, max_errors=MAX_FAULTS):
            raise Rejected.of("GRAPHQL_VALIDATION_FAILED", errors)

    def _operation(
        self,
        text: str,
        node: _Operation,
        size: Measure,
        groups: tuple[Group, ...],
        fragments: Fragments,
    ) -> Operation:
        check_merging(groups)
        price = self._pricer.price(node, groups)
        at_once = self._engine == "compiled" or node.operation.value == "subscription"
        if node.operation.value == "subscription":
            self._check_carried(groups)
        return Operation(
            name=node.name.value if node.name else None,
            kind=node.operation.value,
            node=node,
            needs=self.requirements.needs(groups),
            public=all(is_introspection(each) for group in groups for each in group.selected),
            measure=size,
            asks=frozenset(group.selected[0].node.name.value for group in groups),
            price=price,
            limits=self.limits,
            plan=Plan(
                Stage(self.schema, fragments, node),
                self._uncompiled(text, node),
                None if at_once else price.whole,
                self.runs,
                self.made,
            ),
            text=text,
        )

    def _uncompiled(self, text: str, node: _Operation) -> str | None:
        """Say why an operation is not to be compiled, whatever is in it."""
        if self._engine == "reference":
            return "reference"
        once = len(text) > _CACHED_CHARACTERS and node.operation.value != "subscription"
        return "long" if once else None

    def _check_carried(self, groups: Iterable[Group]) -> None:
        """Refuse a subscription that selects what its events cannot answer."""
        for each in (each for root in groups for group in root.walk() for each in group.selected):
            for owner in owners(each.parent, each.possible):
                coordinate = f"{owner.name}.{each.node.name.value}"
                if coordinate in self._uncarried:
                    message = (
                        f"A subscription cannot select {coordinate}: {self._uncarried[coordinate]}"
                    )
                    raise Rejected.at("GRAPHQL_VALIDATION_FAILED", message, each.node)
