"""Keys of clients: the public keys by which one proves itself (RFC 7523 §2.2), as a JWK Set."""

import json
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from core.domain.errors import Invalid

LONGEST: Final = 16_000
MOST: Final = 10
PUBLIC: Final = frozenset({"EC", "RSA", "OKP"})
WRONG: Final = (
    f"jwks is a JWK Set (RFC 7517, section 5) with 1 to {MOST} public keys (EC, RSA or OKP), none "
    f"private, in at most {LONGEST} bytes of JSON"
)


def checked_jwks(text: str) -> str:
    """A JWK Set of public keys, in compact JSON.

    Raises:
        Invalid: it is none, or holds what is to be kept secret.
    """
    try:
        told = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        told = None
    keys = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST or not all(map(_public, keys)):
        sentence = f"{WRONG}."
        raise Invalid(sentence, "jwks")
    return json.dumps({"keys": keys}, separators=(",", ":"))


def _public(key: Any) -> bool:
    if not isinstance(key, dict) or str(key.get("kty")) not in PUBLIC:
        return False
    try:
        return not JWKRegistry.import_key(key).is_private
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
