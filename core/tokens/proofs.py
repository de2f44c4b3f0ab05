"""Proofs of DPoP: that whoever asks has the private key of a public one (RFC 9449 §4).

What a proof says is checked here; that it is shown once, by whoever knows what was shown before.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Final

from core.domain.errors import Unauthenticated
from core.domain.uris import normalised
from core.tokens.opaque import digest
from core.tokens.public_keys import BadKeyError, public_key
from core.tokens.statements import BadStatementError, Statement

TYPE: Final = "dpop+jwt"
OLDEST_SECONDS: Final = 60
NEWEST_SECONDS: Final = 5
"""How far another clock may be ahead of ours."""
KEPT: Final = timedelta(seconds=2 * OLDEST_SECONDS)
"""For so long after it was made a proof is remembered: longer than any process takes it for new."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: the thumbprint of its key, and until when its digest has to be known."""

    jkt: str
    digest: str
    until: datetime


def read_proof(
    shown: str, method: str, uris: Sequence[str], now: datetime, token: str | None = None
) -> Proof:
    """The proof that is shown for a request by `method` to the first of `uris`.

    The others are more names of it. A request for a resource brings the access `token`.

    Raises:
        Unauthenticated: it does not hold (`unproven`); the sentence repeats nothing of it.
    """
    try:
        if "," in shown:
            raise BadStatementError("send one DPoP header")  # noqa: TRY301 - as all that it may be
        return _read(Statement(shown), method, uris, now, token)
    except (BadKeyError, BadStatementError) as error:
        sentence = f"The DPoP proof does not hold: {error}."
        raise Unauthenticated(sentence, unproven=True) from error


def _read(
    proof: Statement, method: str, uris: Sequence[str], now: datetime, token: str | None
) -> Proof:
    """Each check of RFC 9449 §4.3, the cheap ones first."""
    if proof.header.get("typ") != TYPE:
        raise BadStatementError(f"its typ is not {TYPE}")
    if proof.claims.get("htm") != method:
        raise BadStatementError("its htm is not the method of this request")
    if not _names(proof.claims.get("htu"), uris):
        raise BadStatementError("its htu is not the URL of this request")
    issued = _issued(proof, now)
    if token is not None and not _of_token(proof.claims.get("ath"), token):
        raise BadStatementError("its ath is not the hash of the access token")
    name, key = proof.id, public_key(proof.header.get("jwk"))
    proof.verify(key)
    # By what it says, since the signature may be spelled in two ways (RFC 9449 §11.1).
    seen = digest(f"dpop\n{key.thumbprint}\n{uris[0]}\n{name}")
    return Proof(key.thumbprint, seen, issued + KEPT)


def _issued(proof: Statement, now: datetime) -> datetime:
    issued = proof.moment("iat")
    age = None if issued is None else now.timestamp() - issued
    if issued is None or age is None or not -NEWEST_SECONDS <= age <= OLDEST_SECONDS:
        sentence = f"its iat is not within the last {OLDEST_SECONDS} seconds"
        raise BadStatementError(sentence)
    return datetime.fromtimestamp(issued, UTC)


def _names(shown: object, uris: Sequence[str]) -> bool:
    if not isinstance(shown, str):
        return False
    return shown in uris or normalised(shown) in {normalised(uri) for uri in uris}


def _of_token(shown: object, token: str) -> bool:
    if not isinstance(shown, str):
        return False
    hashed = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=")
    return compare_digest(shown.encode(), hashed)
