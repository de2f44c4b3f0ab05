"""Strawberry's resolvers, as far as they can be done without.

Strawberry wraps each field's function: it makes an `Info`, converts arguments and calls field
extensions. A field with none of these is read as an attribute, or its function is called at once.
Whatever is not exactly as Strawberry makes it keeps Strawberry's own resolver.
"""

from collections.abc import Callable, Mapping
from inspect import getclosurevars, iscoroutinefunction
from keyword import iskeyword
from types import FunctionType
from typing import Any, Final

from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

_MODULE: Final = "strawberry.schema.schema_converter"
_WRAPPERS: Final = frozenset({"_resolver", "_async_resolver"})


def attribute(resolve: Callable[..., Any]) -> str | None:
    """Give the attribute that the resolver of a basic field reads; None for any other."""
    if not getattr(resolve, "_is_default", False):
        return None
    field = _enclosed(resolve).get("field")
    if type(field) is not StrawberryField or field.default_resolver is not getattr:
        return None
    name: str | None = field.python_name if field.is_basic_field else None
    return name if name is not None and name.isidentifier() and not iskeyword(name) else None


def function(resolve: Callable[..., Any]) -> Callable[..., Any] | None:
    """Give what a resolver comes to for a field without arguments; None where it does more."""
    if getattr(resolve, "__name__", None) not in _WRAPPERS:
        return None
    enclosed = _enclosed(resolve)
    inform = enclosed.get("_strawberry_info_from_graphql")
    field = _enclosed(inform).get("field")
    handled = enclosed.get("field_exception_handlers", True)
    if inform is None or type(field) is not StrawberryField or handled or field.extensions:
        return None
    resolver = field.base_resolver
    if type(resolver) is not StrawberryResolver or field.arguments:
        return None
    called = resolver.wrapped_func
    if not isinstance(called, FunctionType) or field.is_async != iscoroutinefunction(called):
        return None
    return _direct(called, resolver, inform)


def _direct(
    called: Callable[..., Any], resolver: StrawberryResolver[Any], inform: Callable[..., Any]
) -> Callable[..., Any]:
    """Call a function with its object and `Info` as Strawberry would, if it takes them."""
    sources = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]
    bound = bool(resolver.self_parameter)
    info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def informed(source: Any, info: Any) -> Any:
        named = dict.fromkeys(sources, source)
        named[str(info_name)] = inform(info)
        return called(source, **named) if bound else called(**named)

    def uninformed(source: Any, info: Any) -> Any:
        del info
        named = dict.fromkeys(sources, source)
        return called(source, **named) if bound else called(**named)

    return informed if info_name else uninformed


def _enclosed(resolve: object) -> Mapping[str, Any]:
    """Give what a function of Strawberry's own has around it."""
    if not isinstance(resolve, FunctionType) or resolve.__module__ != _MODULE:
        return {}
    return getclosurevars(resolve).nonlocals
