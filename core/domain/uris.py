"""URIs that are to be compared: spelled in one way, however they were spelled (RFC 3986 §6.2)."""

import re
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LONGEST: Final = 2_000
FORBIDDEN: Final = frozenset(' "<>\\^`{|}')
_ESCAPED: Final = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")


def normalised(uri: str) -> str | None:
    """The URI without query and fragment, in its one spelling; None where it is none with a host.

    Syntax-based and scheme-based normalisation: letter case, escapes, dot segments, default ports.
    """
    if len(uri) > LONGEST or not (uri.isascii() and uri.isprintable()) or FORBIDDEN & set(uri):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host or {"@", "%"} & set(parts.netloc):
        return None
    named = f"[{host}]" if ":" in host else host
    usual = port is None or port == PORTS[parts.scheme]
    where = named if usual else f"{named}:{port}"
    return f"{parts.scheme}://{where}{_path(_ESCAPED.sub(_escaped, parts.path))}"


def _escaped(found: re.Match[str]) -> str:
    """What need not be escaped, plain; the rest in capitals (RFC 3986 §6.2.2.1 and §6.2.2.2)."""
    letter = chr(int(found[1], 16))
    return letter if _UNRESERVED.fullmatch(letter) else found[0].upper()


def _path(path: str) -> str:
    """Without dot segments (RFC 3986 §5.2.4); an empty one is `/` (§6.2.3)."""
    steps, kept = path.split("/")[1:] or [""], list[str]()
    for step in steps:
        if step == "..":
            kept = kept[:-1]
        elif step != ".":
            kept.append(step)
    if steps[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
