"""Verifying what an endpoint with `signing: ED25519` is sent, by its public key alone (`v1a`).

pip install cryptography
"""

import time
from base64 import b64decode
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 5 * 60  # seconds


def holds(public_key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the signatures is by this key (`whpk_…`), over these very bytes and of now."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public_key.removeprefix("whpk_")))
    sent = headers.get("webhook-timestamp", "")
    signed = f"{headers.get('webhook-id')}.{sent}.".encode() + body
    signatures = headers.get("webhook-signature", "").split()
    return _of_now(sent) and any(_by(key, signed, one) for one in signatures)


def _of_now(sent: str) -> bool:
    try:
        return abs(int(time.time()) - int(sent)) <= TOLERANCE
    except ValueError:
        return False


def _by(key: Ed25519PublicKey, signed: bytes, signature: str) -> bool:
    version, _, shown = signature.partition(",")
    try:
        key.verify(b64decode(shown), signed)
    except (InvalidSignature, ValueError):
        return False
    return version == "v1a"
