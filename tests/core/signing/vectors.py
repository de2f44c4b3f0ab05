"""Published signatures: what others who sign and verify agree on.

SIGNED: libraries/python/tests/test_webhooks.py and libraries/rust/src/lib.rs of
github.com/standard-webhooks/standard-webhooks, at b2fa7b8719fb. The `v1a` one is the example in
its spec/standard-webhooks.md; the key pair that made it is published with Svix's server
(`test_asymmetric_key_signing`), over the same message.

UNSIGNED and NO_SECONDS: the deliveries that the tests of its libraries (Python, JavaScript, Go,
Java, PHP, Rust) refuse.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True)
class Signed:
    """A message, the key that signs it, the one that verifies it, and its signature."""

    signs: str
    verifies: str
    id: str
    seconds: int
    body: bytes
    signature: str

    @property
    def at(self) -> datetime:
        """When it was sent."""
        return datetime.fromtimestamp(self.seconds, UTC)

    @property
    def headers(self) -> dict[str, str]:
        """What came with it."""
        return {
            "webhook-id": self.id,
            "webhook-timestamp": str(self.seconds),
            "webhook-signature": self.signature,
        }


MESSAGE: Final = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
HMAC: Final = Signed(
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    *MESSAGE,
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
RUST: Final = Signed(
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    1_649_367_553,
    b'{"email":"test@example.com","username":"test_user"}',
    "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
)
ED25519: Final = Signed(
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    *MESSAGE,
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
)
SIGNED: Final = (HMAC, RUST, ED25519)

FOREIGN: Final = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
UNSIGNED: Final = (
    FOREIGN,
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=",
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLawdd",
    "v1,dawfeoifkpqwoekfpqoekf",
    "v1,invalid_signature",
    "v1,",
    "v1,g0hM9",
    "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=",
    (
        "v1,tFtCZ5RDCPxzWQRWXWPgrCgE2frDBe9gjpbWQxnVfsQ= "
        "v1,Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q= "
        "v1,9DfC1c3eeOrXB6w/5dIDydLNQaEyww5KalE5jLBZucE="
    ),
)
NO_SECONDS: Final = ("hello", "invalid timestamp", "161426533.0", "-161426533")
EMPTY_SECRETS: Final = ("", "whsec_")
