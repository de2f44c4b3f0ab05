"""Sums that are known before an operation runs but for its variables, folded as far as they are.

A total has three numbers, which are counted alike: objects in lists, type cost and field cost. A
`Sum` is a constant total and the parts that need variables; most documents have no such part.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from engine.given import Variable, Variables
from engine.lengths import Length
from engine.weights import Argument

Total: TypeAlias = tuple[int, float, float]
"""Objects in lists, type cost, field cost."""

NOTHING: Final[Total] = (0, 0, 0)

BEYOND: Final = 10**15
"""Where counting stops, so that no number is beyond a float's reach or too long to be written."""

Ways: TypeAlias = tuple[tuple[tuple[Variable, bool], ...], ...]
"""Conditions, any of which is enough: variables and what each has to be."""


class Part(Protocol):
    """What depends on variables."""

    def at(self, variables: Variables) -> Total:
        """Give the total for these variables."""


class Sum(NamedTuple):
    """A constant, and parts that depend on variables."""

    constant: Total = NOTHING
    parts: tuple[Part, ...] = ()

    def at(self, variables: Variables) -> Total:
        """Give the total for these variables."""
        parts = self.parts
        if not parts:
            return self.constant
        objects, types, fields = self.constant
        for part in parts:
            more = part.at(variables)
            objects += more[0]
            types += more[1]
            fields += more[2]
        return objects, types, fields


class _Times(NamedTuple):
    """A sum for each item of a list."""

    length: Length
    each: Sum

    def at(self, variables: Variables) -> Total:
        return _times(self.length.of(variables), self.each.at(variables))


class _Most(NamedTuple):
    """The largest of several sums, each number for itself."""

    options: tuple[Sum, ...]

    def at(self, variables: Variables) -> Total:
        return _highest([option.at(variables) for option in self.options])


class _When(NamedTuple):
    """A sum where one of these conditions holds."""

    ways: Ways
    then: Sum

    def at(self, variables: Variables) -> Total:
        for way in self.ways:
            for variable, wanted in way:
                if variable.of(variables) is (not wanted):
                    break
            else:
                return self.then.at(variables)
        return NOTHING


class _Own(NamedTuple):
    """What a field itself costs: never less than nothing (spec 5.3.2.2)."""

    constant: float
    arguments: tuple[Argument, ...]

    def at(self, variables: Variables) -> Total:
        cost = self.constant
        for argument in self.arguments:
            cost += argument.cost(variables)
        return (0, 0, max(0, cost))


def own(constant: float, arguments: Iterable[Argument]) -> Sum:
    """What a field itself costs: its weight and its directives', and what its arguments cost."""
    varying = []
    for argument in arguments:
        if argument.varies:
            varying.append(argument)
        else:
            constant += argument.cost({})
    part = _Own(constant, tuple(varying))
    return Sum(parts=(part,)) if varying else Sum(part.at({}))


def plus(sums: Iterable[Sum]) -> Sum:
    """Add sums up; lists of the same length are counted together, and what is repeated once."""
    objects, types, fields = NOTHING
    lists: dict[Length, list[Sum]] = {}
    others: Counter[Part] = Counter()
    for each in sums:
        objects += each.constant[0]
        types += each.constant[1]
        fields += each.constant[2]
        for part in each.parts:
            if isinstance(part, _Times):
                lists.setdefault(part.length, []).append(part.each)
            else:
                others[part] += 1
    parts: list[Part] = [
        part if number == 1 else _Times(Length(otherwise=number), Sum(parts=(part,)))
        for part, number in others.items()
    ]
    parts.extend(
        _Times(length, some[0] if len(some) == 1 else plus(some)) for length, some in lists.items()
    )
    return Sum((objects, types, fields), tuple(parts))


def times(length: Length, each: Sum) -> Sum:
    """Count a sum for each item of a list."""
    number = length.constant
    if each == Sum() or number == 0:
        return Sum()
    if number is not None and not each.parts:
        return Sum(_times(number, each.constant))
    return Sum(parts=(_Times(length, each),))


def largest(options: Sequence[Sum]) -> Sum:
    """Give the largest of sums, of which any may come true."""
    constants = [each.constant for each in options if not each.parts]
    varying = list(dict.fromkeys(each for each in options if each.parts))
    if not varying:
        return Sum(_highest([NOTHING, *constants]))
    if constants and (largest := _highest(constants)) != NOTHING:
        varying.append(Sum(largest))
    return varying[0] if len(varying) == 1 else Sum(parts=(_Most(tuple(varying)),))


def when(ways: Ways, then: Sum) -> Sum:
    """Count a sum only where one of these conditions holds; an empty one always does."""
    if () in ways or then == Sum():
        return then
    return Sum(parts=(_When(ways, then),)) if ways else Sum()


def _times(number: int, total: Total) -> Total:
    objects, types, fields = total
    objects, types, fields = number * objects, number * types, number * fields
    if objects > BEYOND or types > BEYOND or fields > BEYOND:
        return min(objects, BEYOND), min(types, BEYOND), min(fields, BEYOND)
    return objects, types, fields


def _highest(totals: Sequence[Total]) -> Total:
    objects, types, fields = zip(*totals, strict=True)
    return max(objects), max(types), max(fields)
