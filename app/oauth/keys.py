"""Keys that clients show to have, by proofs of DPoP, and bind codes and tokens to (RFC 9449)."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error

from app.oauth import metadata
from app.oauth.asked import Asked
from core.domain.errors import Unauthenticated
from core.tokens import read_proof

TAKEN: Final = frozenset({metadata.TOKEN, metadata.PAR})
"""Endpoints that take a proof (RFC 9449 §5 and §10.1)."""
THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidProofError(OAuth2Error):
    """The proof of a key is missing, does not hold, or was shown before (RFC 9449 §5)."""

    error = "invalid_dpop_proof"


def take_proof(path: str, asked: Asked, shown: Sequence[str], now: datetime) -> None:
    """Read the proof in the headers `shown`, before anything is looked up for it.

    Raises:
        InvalidProofError: it does not hold (RFC 9449 §4.3).
    """
    if path not in TAKEN or not shown:
        return
    try:
        asked.proof = read_proof(", ".join(shown), asked.method, (asked.url,), now)
    except Unauthenticated as error:
        raise InvalidProofError(str(error)) from error


def check_thumbprint(named: str | None, shown: str | None) -> None:
    """See that a `dpop_jkt` is one, and that of the key that is shown besides, if any is.

    Raises:
        InvalidRequestError: it is not (RFC 9449 §10, §10.1).
    """
    if named is None:
        return
    if not THUMBPRINT.fullmatch(named):
        raise InvalidRequestError("A dpop_jkt has the 43 letters of a SHA-256 in base64url.")
    if shown is not None and named != shown:
        raise InvalidRequestError("The dpop_jkt is not the thumbprint of the DPoP proof's key.")
