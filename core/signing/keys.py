"""The keys of webhooks: shared secrets (`whsec_`) and Ed25519 key pairs (`whsk_`, `whpk_`).

What a key is for is told by its prefix, so the texts need nothing beside them. No error repeats
anything of one.
"""

import hmac
import secrets
from base64 import b64decode, b64encode, urlsafe_b64encode
from hmac import compare_digest
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey

from core.domain.errors import Invalid

SHARED: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
BYTES: Final = 32
"""Of a new secret, and of each half of a key pair."""
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64


class Secret:
    """What both sides know: signatures `v1`, by HMAC-SHA256."""

    version: Final = "v1"

    def __init__(self, key: bytes) -> None:
        """`key` is of 24 to 64 bytes.

        Raises:
            Invalid: it is shorter or longer.
        """
        if not LEAST_BYTES <= len(key) <= MOST_BYTES:
            sentence = (
                f"A webhook secret has {LEAST_BYTES} to {MOST_BYTES} bytes, and this one "
                f"has {len(key)}."
            )
            raise Invalid(sentence)
        self.text = SHARED + b64encode(key).decode()
        self._mac = hmac.new(key, digestmod="sha256")  # keyed once, copied for each signature

    @classmethod
    def make(cls) -> "Secret":
        """A fresh one, of 256 random bits."""
        return cls(secrets.token_bytes(BYTES))

    @classmethod
    def parse(cls, text: str) -> "Secret":
        """The secret that a text stands for; the padding at its end may be missing.

        Raises:
            Invalid: it is none.
        """
        return cls(_read(text, SHARED, f"{LEAST_BYTES} to {MOST_BYTES}"))

    def sign(self, content: bytes) -> str:
        """The signature of these bytes, as it stands in the header."""
        return "v1," + self._signature(content).decode()

    def holds(self, content: bytes, signature: str) -> bool:
        """Whether this base64 text is the signature; how long that takes tells nothing of it."""
        return compare_digest(self._signature(content), signature.encode("ascii", "replace"))

    def _signature(self, content: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(content)
        return b64encode(mac.digest())


class PublicKey:
    """What everybody may know of a key pair: it tells signatures `v1a`, and makes none."""

    version: Final = "v1a"

    def __init__(self, key: Ed25519PublicKey) -> None:
        """The key of whoever signs."""
        self.text = PUBLIC + b64encode(key.public_bytes_raw()).decode()
        self._key = key

    @property
    def jwk(self) -> dict[str, Any]:
        """As a JWK (RFC 8037 §2), whose `kid` is its thumbprint (RFC 7638)."""
        raw = self._key.public_bytes_raw()
        key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _url_safe(raw)})
        return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """The public key that a text stands for.

        Raises:
            Invalid: it is none.
        """
        raw = _read(text, PUBLIC, f"{BYTES}")
        if len(raw) != BYTES:
            raise _ill(PUBLIC, f"{BYTES}")
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    def holds(self, content: bytes, signature: str) -> bool:
        """Whether this base64 text is a signature of these bytes."""
        raw = _decoded(signature)
        if raw is None or b64encode(raw).decode() != signature:
            return False
        try:
            self._key.verify(raw, content)
        except InvalidSignature:
            return False
        return True


class KeyPair:
    """What an endpoint with asymmetric signatures signs with: `v1a`, by Ed25519.

    Its text is the private key and the public one behind it, 64 bytes: the specification does not
    say, and this is how NaCl, Go and Svix write them.
    """

    version: Final = "v1a"

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """A private key, and the public one that it makes."""
        public = key.public_key()
        self.public = PublicKey(public)
        both = key.private_bytes_raw() + public.public_bytes_raw()
        self.text = PRIVATE + b64encode(both).decode()
        self._key = key

    @classmethod
    def make(cls) -> "KeyPair":
        """A fresh one."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "KeyPair":
        """The key pair that a text stands for.

        Raises:
            Invalid: it is none, or its public key is another's.
        """
        raw = _read(text, PRIVATE, f"{2 * BYTES}")
        if len(raw) != 2 * BYTES:
            raise _ill(PRIVATE, f"{2 * BYTES}")
        pair = cls(Ed25519PrivateKey.from_private_bytes(raw[:BYTES]))
        if not compare_digest(pair.text[len(PRIVATE) :].encode(), b64encode(raw)):
            raise Invalid("The two halves of this webhook key are not of one pair.")
        return pair

    def sign(self, content: bytes) -> str:
        """The signature of these bytes, as it stands in the header."""
        return "v1a," + b64encode(self._key.sign(content)).decode()


SenderKey: TypeAlias = Secret | KeyPair
ReceiverKey: TypeAlias = Secret | PublicKey


def sender_key(text: str) -> SenderKey:
    """The key that a text stands for, of either kind.

    Raises:
        Invalid: nothing can be signed with it.
    """
    return KeyPair.parse(text) if text.startswith(PRIVATE) else Secret.parse(text)


def receiver_key(text: str) -> ReceiverKey:
    """The key that a receiver was given, of either kind.

    Raises:
        Invalid: nothing can be verified with it.
    """
    return PublicKey.parse(text) if text.startswith(PUBLIC) else Secret.parse(text)


def _url_safe(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(text: str, prefix: str, size: str) -> bytes:
    """What stands behind the prefix."""
    if not text.startswith(prefix):
        raise _ill(prefix, size)
    raw = _decoded(text[len(prefix) :])
    if raw is None:
        raise _ill(prefix, size)
    return raw


def _decoded(text: str) -> bytes | None:
    """The bytes of a text in base64, if there is no other text for them but for its padding."""
    bare = text.rstrip("=")
    try:
        raw = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return None
    padded = b64encode(raw).decode()
    return raw if text in {padded, padded.rstrip("=")} else None


_NAMES: Final = {SHARED: "secret", PRIVATE: "private key", PUBLIC: "public key"}


def _ill(prefix: str, size: str) -> Invalid:
    name = _NAMES[prefix]
    return Invalid(f"This is no webhook {name}: that is {prefix} and {size} bytes in base64.")
