"""What a proof of DPoP costs beside its token: to read one, and to have one let through once."""

import hashlib
from base64 import urlsafe_b64encode
from statistics import median
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from app.authentication import Authenticator
from app.compose import House
from bench.contest import Failed
from bench.figures import MICRO
from core.domain.grants import Grant
from core.tokens import read_proof

URL: Final = "http://127.0.0.1:8000/graphql"
TIMES: Final = 300
"""Few enough to be shown within the minute for which a proof is good."""


class Head:
    """The head of a POST with a proof, or with none."""

    method = "POST"

    def __init__(self, proof: str | None = None) -> None:
        """Show this one."""
        self._proof = proof

    def header(self, name: bytes) -> str | None:
        """The proof; there are no other headers."""
        return self._proof if name == b"dpop" else None


async def proven(house: House, authenticate: Authenticator, grant: Grant) -> dict[str, float]:
    """Microseconds to read a proof (ES256), and to have one let through, one after the other.

    Raises:
        Failed: a proof is let through that was shown before.
    """
    key = ECKey.generate_key("P-256")
    token = house.tokens.issue(grant, grant.scopes, 3_600, jkt=key.thumbprint())
    shown, reading, using = f"DPoP {token}", [], []
    for proof in [_made(house, key, token) for _ in range(TIMES)]:
        began = perf_counter()
        read_proof(proof, "POST", (URL,), house.clock.now(), token)
        reading.append(perf_counter() - began)
    for head in [Head(_made(house, key, token)) for _ in range(TIMES)]:
        began = perf_counter()
        await _viewer(authenticate, shown, head)
        using.append(perf_counter() - began)
    try:
        await _viewer(authenticate, shown, head)
    except Exception:  # noqa: BLE001 - whatever it is, it was not let through
        return {"proof_us": median(reading) * MICRO, "proof_used_us": median(using) * MICRO}
    sentence = "A proof was let through that was shown before."
    raise Failed(sentence)


async def _viewer(authenticate: Authenticator, shown: str, head: Head) -> None:
    answer: Any = authenticate(shown, head)
    await answer


def _made(house: House, key: ECKey, token: str) -> str:
    hashed = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    claims = {"jti": str(uuid4()), "htm": "POST", "htu": URL, "ath": hashed}
    claims["iat"] = int(house.clock.now().timestamp())  # type: ignore[assignment]  # a number
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)
