"""Access tokens, sealed cursors and passwords: what somebody shows and cannot forge."""

from core.tokens.access_tokens import Claims, Tokens, family_of
from core.tokens.client_keys import checked_jwks
from core.tokens.cursors import Cursors
from core.tokens.keyring import KeyRing
from core.tokens.opaque import PERSONAL, PERSONAL_LENGTH, digest, new_personal, new_secret
from core.tokens.passwords import Passwords
from core.tokens.seal import Sealer

__all__ = [
    "PERSONAL",
    "PERSONAL_LENGTH",
    "Claims",
    "Cursors",
    "KeyRing",
    "Passwords",
    "Sealer",
    "Tokens",
    "checked_jwks",
    "digest",
    "family_of",
    "new_personal",
    "new_secret",
]
