"""Access tokens, sealed cursors and passwords: what somebody shows and cannot forge."""

from core.tokens.access_tokens import Claims, Tokens, family_of
from core.tokens.assertions import ShownAssertion
from core.tokens.cursors import Cursors
from core.tokens.keyring import KeyRing
from core.tokens.opaque import PERSONAL, PERSONAL_LENGTH, digest, new_personal, new_secret
from core.tokens.passwords import Passwords
from core.tokens.proofs import Proof, read_proof
from core.tokens.public_keys import ALGORITHMS, checked_jwks
from core.tokens.seal import Sealer

__all__ = [
    "ALGORITHMS",
    "PERSONAL",
    "PERSONAL_LENGTH",
    "Claims",
    "Cursors",
    "KeyRing",
    "Passwords",
    "Proof",
    "Sealer",
    "ShownAssertion",
    "Tokens",
    "checked_jwks",
    "digest",
    "family_of",
    "new_personal",
    "new_secret",
    "read_proof",
]
