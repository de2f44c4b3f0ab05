"""Standard Webhooks 1.0: keys and signatures of deliveries. It sends and stores nothing."""

from core.signing.keys import (
    KeyPair,
    PublicKey,
    ReceiverKey,
    Secret,
    SenderKey,
    receiver_key,
    sender_key,
)
from core.signing.signer import Former, Signer
from core.signing.verifier import TOLERANCE, Verified, verify

__all__ = [
    "TOLERANCE",
    "Former",
    "KeyPair",
    "PublicKey",
    "ReceiverKey",
    "Secret",
    "SenderKey",
    "Signer",
    "Verified",
    "receiver_key",
    "sender_key",
    "verify",
]
