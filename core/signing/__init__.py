"""Standard Webhooks 1.0: keys, signatures and bodies of deliveries. It sends and stores nothing."""

from core.signing.bodies import (
    LARGEST,
    TEST,
    Body,
    Form,
    Message,
    Meta,
    cloud_event,
    standard,
    type_name,
)
from core.signing.headers import told_again
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
    "LARGEST",
    "TEST",
    "TOLERANCE",
    "Body",
    "Form",
    "Former",
    "KeyPair",
    "Message",
    "Meta",
    "PublicKey",
    "ReceiverKey",
    "Secret",
    "SenderKey",
    "Signer",
    "Verified",
    "cloud_event",
    "receiver_key",
    "sender_key",
    "standard",
    "told_again",
    "type_name",
    "verify",
]
