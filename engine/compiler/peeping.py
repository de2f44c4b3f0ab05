"""Peeping: whether a function may look at a parameter that is dear to make. Read off its code."""

import dis
from collections.abc import Callable
from functools import lru_cache
from inspect import CO_VARARGS
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

_PEEPING: Final = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack"}
)
"""What a function could see its own parameters by, besides their names."""


def reads(function: Callable[..., Any], position: int) -> bool:
    """Whether a function may look at the argument at this position."""
    if isinstance(function, MethodType):
        return reads(function.__func__, position + 1)
    if not isinstance(function, FunctionType):
        return True
    code = function.__code__
    if position >= code.co_argcount or code.co_flags & CO_VARARGS:
        return True
    return looks(code, code.co_varnames[position])


@lru_cache(1_000)
def looks(code: CodeType, name: str, attribute: str | None = None) -> bool:
    """Whether code may look at a parameter of its own, or at more of it than one attribute."""
    if name in code.co_cellvars or not _PEEPING.isdisjoint(code.co_names):
        return True
    steps = list(dis.get_instructions(code))
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if "LOAD_FAST" not in step.opname:  # also fused with others, as STORE_FAST_LOAD_FAST
            continue
        if step.argval == name:
            if attribute is None or following is None:
                return True
            if following.opname != "LOAD_ATTR" or following.argval != attribute:
                return True
        elif isinstance(step.argval, tuple) and name in step.argval:
            return True
    return False
