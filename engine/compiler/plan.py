"""Plans: what the engine will do with an operation, and what it has made of it so far.

An operation is compiled at its first or second run, or ahead of both, once for each choice of its
`@skip` and `@include` that is asked for. What cannot be compiled runs on graphql-core; the reason
is one word, and counted.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import orjson
from graphql import GraphQLError, VariableDefinitionNode
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import Undefined
from graphql.type import is_non_null_type
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

from engine.compiler.program import Program, Unsupported, compile_program
from engine.compiler.reach import Reach
from engine.compiler.running import Inputs, Stage
from engine.errors import MAX_FAULTS, Rejected
from engine.sums import Sum

Engine: TypeAlias = Literal["auto", "compiled", "reference"]
"""What runs documents: programs, graphql-core, or (`auto`) each what costs less."""

FEW: Final = 30
"""Objects in the lists of an answer up to which graphql-core makes it in less time than it takes
to compile the operation and run that (measured: 40 or more, whatever is selected of them)."""

MOST_CHOICES: Final = 8
"""Choices of `@skip` and `@include` for which one operation is compiled; a client could ask for
all of them in turn. What comes later runs on graphql-core."""

MOST_KNOWN: Final = 4
"""Variables whose coerced values an operation remembers: clients send the same again and again."""

LONGEST_KNOWN: Final = 500
"""Bytes of JSON of such variables."""

_STRICT: Final = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""Nothing becomes JSON that is none: a date must not be known again by its text."""

log = logging.getLogger(__name__)


class Plan:
    """How one operation is run.

    Args:
        stage: the operation, its fragments and schema.
        unsupported: why nothing is to be compiled, in one word, if that is known already.
        whole: what the answer holds at most, where the first run may do without compiling.
        runs: counts each run, as "compiled" or by the reason why it was not.
        made: counts what is compiled, as "programs".
    """

    def __init__(
        self,
        stage: Stage,
        unsupported: str | None,
        whole: Sum | None,
        runs: Counter[str],
        made: Counter[str],
    ) -> None:
        self.stage = stage
        self.reach = Reach(stage.operation, stage.definitions)
        self.unsupported = unsupported or self.reach.unsupported
        """Why nothing of it is compiled, in one word; None where it is."""

        self.most = 0 if self.unsupported else min(MOST_CHOICES, 2 ** len(self.reach.flags))
        """How many programs it may become."""

        self._whole = whole
        self._runs = runs
        self._made = made
        self._programs: dict[tuple[object, ...], Program] = {}
        self._known: dict[bytes, Inputs] = {}
        self._variables = tuple(
            (definition, signature)
            for definition in stage.operation.variable_definitions or ()
            if not isinstance(
                signature := get_variable_signature(stage.schema, definition), GraphQLError
            )
        )

    def program(self, variables: VariableValues) -> Program | None:
        """Give what runs the operation with these variables; None where graphql-core does."""
        reason = self.unsupported
        if reason is None:
            flags = tuple(variables.coerced.get(name) for name in self.reach.flags)
            program = self._programs.get(flags)
            if program is None and self._is_first(variables):
                reason = "first"
            elif program is None:
                program, reason = self._compiled(flags)
            if program is not None:
                self._runs["compiled"] += 1
                return program
        self._runs[reason or "bug"] += 1
        return None

    def compile(self) -> None:
        """Compile it ahead, for what its `@skip` and `@include` are by default.

        Where a variable of theirs has no default, nobody knows what will be asked for.
        """
        values = VariableValues({}, {})
        for definition, signature in self._variables:
            if signature.name in self.reach.flags:
                _left_out(definition, signature, values)
        flags = tuple(values.coerced.get(name) for name in self.reach.flags)
        known = all(isinstance(each, bool) for each in flags)
        if known and self.unsupported is None and flags not in self._programs:
            self._compiled(flags)

    def _compiled(self, flags: tuple[object, ...]) -> tuple[Program | None, str | None]:
        if len(self._programs) >= MOST_CHOICES or not all(isinstance(each, bool) for each in flags):
            return None, "choices"
        try:
            known = VariableValues({}, dict(zip(self.reach.flags, flags, strict=True)))
            self._programs[flags] = compile_program(self.stage, known)
            self._made["programs"] += 1
        except Unsupported as unsupported:
            self.unsupported = str(unsupported)
        except Exception:  # a bug of ours in here must not break the request
            log.exception("An operation could not be compiled; it runs on graphql-core.")
            self.unsupported = "bug"
        return self._programs.get(flags), self.unsupported

    def _is_first(self, variables: VariableValues) -> bool:
        """Whether this is the first run, with so little to answer that compiling costs more."""
        whole, self._whole = self._whole, None
        return whole is not None and whole.at(variables.coerced)[0] <= FEW

    def inputs(self, raw: Mapping[str, Any]) -> Inputs:
        """Coerce variables, unless the same were coerced lately.

        Raises:
            Rejected: BAD_USER_INPUT, they do not fit.
        """
        sent = said(raw)
        if sent is None:
            return Inputs(self.coerce(raw))
        known = self._known.get(sent)
        if known is None:
            known = Inputs(self.coerce(raw))
            if known.lasting and len(sent) <= LONGEST_KNOWN:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[sent] = known
        return known

    def coerce(self, raw: Mapping[str, Any]) -> VariableValues:
        """Coerce variables by graphql-core's rules (spec 6.1.2).

        Raises:
            Rejected: BAD_USER_INPUT, they do not fit.
        """
        try:
            return self._coerced(raw) or self._judged(raw)
        except (RecursionError, ValueError):  # where graphql-core prints what does not fit
            message = "Variables are nested too deeply, or hold too long a number."
            raise Rejected.at("BAD_USER_INPUT", message) from None

    def _coerced(self, raw: Mapping[str, Any]) -> VariableValues | None:
        """Coerce what fits; None where something does not, or may not."""
        values = VariableValues({}, {})
        for definition, signature in self._variables:
            name = signature.name
            given = raw.get(name, Undefined)
            if given is not Undefined:
                values.sources[name] = VariableValueSource(signature, given)
                value = coerce_input_value(given, signature.type)
                if value is Undefined:
                    return None
                values.coerced[name] = value
            elif not _left_out(definition, signature, values):
                return None
        return values

    def _judged(self, raw: Mapping[str, Any]) -> VariableValues:
        stage = self.stage
        definitions = stage.operation.variable_definitions or ()
        values = get_variable_values(stage.schema, definitions, dict(raw), MAX_FAULTS)
        if isinstance(values, list):
            raise Rejected.of("BAD_USER_INPUT", values)
        return values


def said(variables: Mapping[str, Any]) -> bytes | None:
    """Write variables, which are JSON values, to know the same again; None where that fails."""
    try:
        return orjson.dumps(variables, option=_STRICT)
    except TypeError:  # an integer of more than 64 bits, nested too deeply, or no JSON
        return None


def _left_out(
    definition: VariableDefinitionNode,
    signature: GraphQLVariableSignature,
    values: VariableValues,
) -> bool:
    """Take the default of a variable that was not sent; False where that needs a judgement."""
    values.sources[signature.name] = VariableValueSource(signature)
    if not definition.default_value:
        return not is_non_null_type(signature.type)
    try:
        value = coerce_default_value(signature)
    except TypeError:
        return False
    if value is not Undefined:
        values.coerced[signature.name] = value
    return True
