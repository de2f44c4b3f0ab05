"""Settings from the environment, in which a slip does not pass unseen."""

import os
from collections.abc import Mapping
from difflib import get_close_matches

from core.domain.errors import Invalid
from core.settings import Settings


def read_settings(ours: Mapping[str, object] | None = None) -> Settings:
    """The environment's settings, with `ours` where it says nothing.

    Raises:
        Invalid: the environment names a setting that there is not; a slip must not pass unseen.
    """
    known = {f"LATCHKEY_{name.upper()}": name for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("LATCHKEY_") and name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            sentence = f"There is no setting {name}{hint}"
            raise Invalid(sentence)
    given = {known[name] for name in known if name in os.environ}
    left = {name: value for name, value in (ours or {}).items() if name not in given}
    return Settings(**left)  # type: ignore[arg-type]  # pydantic checks what it is given
