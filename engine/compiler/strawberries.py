"""Strawberry's resolvers, as far as they can be done without.

Strawberry wraps each field's function: it makes an `Info`, converts arguments and calls field
extensions. A field with none of these is read as an attribute. Else its function is called at
once, with arguments that Strawberry's own function converted, and with an `Info` only where it
looks at more of it than the context. Whatever is not exactly as Strawberry makes it keeps
Strawberry's own resolver.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, getclosurevars, iscoroutinefunction, signature
from keyword import iskeyword
from types import FunctionType
from typing import Any, Final, NamedTuple, TypeAlias

from strawberry import Info
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryContainer, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.lazy_type import LazyType

from engine.compiler.peeping import looks

_MODULE: Final = "strawberry.schema.schema_converter"
_WRAPPERS: Final = frozenset({"_resolver", "_async_resolver"})

Convert: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes of coerced arguments what a function of Strawberry's takes."""


class Called(NamedTuple):
    """What a wrapper comes to: a function of the object, an info and converted arguments."""

    resolve: Callable[..., Any]
    light: bool
    """Whether the info need not have more than a context."""

    convert: Convert | None
    alone: bool = False
    """Whether the function takes the object and nothing else."""


def attribute(resolve: Callable[..., Any]) -> str | None:
    """Give the attribute that the resolver of a basic field reads; None for any other."""
    if not getattr(resolve, "_is_default", False):
        return None
    field = _enclosed(resolve).get("field")
    if type(field) is not StrawberryField or field.default_resolver is not getattr:
        return None
    name: str | None = field.python_name if field.is_basic_field else None
    return name if name is not None and name.isidentifier() and not iskeyword(name) else None


def function(resolve: Callable[..., Any]) -> Called | None:
    """Give what a resolver comes to; None where it does more."""
    if getattr(resolve, "__name__", None) not in _WRAPPERS:
        return None
    enclosed = _enclosed(resolve)
    inform = enclosed.get("_strawberry_info_from_graphql")
    converter = _enclosed(enclosed.get("_get_result_with_extensions")).get("self")
    field = _enclosed(inform).get("field")
    handled = enclosed.get("field_exception_handlers", True)
    if inform is None or type(field) is not StrawberryField or handled or field.extensions:
        return None
    resolver = field.base_resolver
    if converter is None or type(resolver) is not StrawberryResolver:
        return None
    called = resolver.wrapped_func
    if not isinstance(called, FunctionType) or field.is_async != iscoroutinefunction(called):
        return None
    if not all(_plain(argument.type, set()) for argument in field.arguments):
        return None
    return _direct(called, resolver, inform, converter, _conversion(field, converter))


def _conversion(field: StrawberryField, converter: Any) -> Convert | None:
    if not field.arguments:
        return None

    def convert(values: Mapping[str, Any]) -> dict[str, Any]:
        return convert_arguments(
            dict(values), field.arguments, converter.scalar_registry, converter.config
        )

    return convert


def _plain(kind: Any, seen: set[Any]) -> bool:
    """Whether converting to a type of Strawberry's never asks for an `Info`."""
    if isinstance(kind, LazyType):
        return _plain(kind.resolve_type(), seen)
    if isinstance(kind, StrawberryContainer):
        return _plain(kind.of_type, seen)
    if not has_object_definition(kind) or kind in seen:
        return True
    seen.add(kind)
    definition = kind.__strawberry_definition__
    return definition.from_input is None and all(
        _plain(field.resolve_type(type_definition=definition), seen) for field in definition.fields
    )


def _direct(
    called: FunctionType,
    resolver: StrawberryResolver[Any],
    inform: Callable[..., Any],
    converter: Any,
    convert: Convert | None,
) -> Called:
    """Call a function with its object and `Info` as Strawberry would, if it takes them."""
    sources = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]
    bound = bool(resolver.self_parameter)
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    ours = converter.config.info_class is Info
    light = ours and info_name is not None and not looks(called.__code__, info_name, "context")

    if light and not bound and [*sources, info_name] == _parameters(called)[:2] and sources:
        return Called(called, light, convert)
    itself = [resolver.self_parameter.name] if resolver.self_parameter else sources
    if info_name is None and len(itself) == 1 and _taken(called) == itself:
        return Called(called, light, convert, alone=True)

    def given(source: Any, info: Any, **named: Any) -> Any:
        for name in sources:
            named[name] = source
        if info_name is not None:
            named[info_name] = info if light else inform(info)
        return called(source, **named) if bound else called(**named)

    def uninformed(source: Any, info: Any, **named: Any) -> Any:
        del info
        for name in sources:
            named[name] = source
        return called(source, **named) if bound else called(**named)

    return Called(given if info_name else uninformed, light, convert)


def _parameters(called: FunctionType) -> list[str]:
    """Give the names of what can be passed by position."""
    return list(called.__code__.co_varnames[: called.__code__.co_argcount])


def _taken(called: FunctionType) -> list[str]:
    """Give the names of what a function takes, if all can be passed by position and by name.

    What is around it may take other things than it says, so the code itself is asked as well.
    """
    given = signature(called).parameters.values()
    names = [each.name for each in given if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    return names if len(names) == len(given) and names == _parameters(called) else []


def _enclosed(resolve: object) -> Mapping[str, Any]:
    """Give what a function of Strawberry's own has around it."""
    if not isinstance(resolve, FunctionType) or resolve.__module__ != _MODULE:
        return {}
    return getclosurevars(resolve).nonlocals
