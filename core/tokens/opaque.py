"""Opaque secrets: random texts that stand for something in the store, which keeps their digest.

They have 256 random bits, so a plain SHA-256 is enough: nobody can guess what it was made of.
"""

import hashlib
import secrets
from typing import Final

BYTES = 32
PERSONAL: Final = "lkp_"
"""What personal access tokens begin with: whoever finds one where it should not be knows it."""
PERSONAL_LENGTH: Final = len(PERSONAL) + 43


def new_secret() -> str:
    """A fresh secret of 256 random bits, in URL-safe text."""
    return secrets.token_urlsafe(BYTES)


def new_personal() -> str:
    """A fresh personal access token."""
    return PERSONAL + new_secret()


def digest(secret: str) -> str:
    """What is stored of a secret: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()
