"""An issuer on a clock that stands still, and the tools of a forger."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from core.domain.grants import Grant, Scope
from core.domain.keys import SigningKey
from core.domain.time import Uuid7
from core.tokens import KeyRing, Sealer, Tokens
from tests.fakes import START, FakeClock

ISSUER: Final = "https://api.example.com"
AUDIENCE: Final = f"{ISSUER}/graphql"
SECRET: Final = b"the first secret, 32 bytes long."
NEWER: Final = b"another secret, 32 bytes long..."
GRANT: Final = Grant("grant_1", "user_1", "client_1", frozenset(Scope), (), START)


class SetClock(FakeClock):
    """A clock that a test sets without a loop."""

    def set(self, seconds: float) -> None:
        """So many seconds after START."""
        self._elapsed = seconds


class Mint:
    """The keys that are stored, and processes that use them."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.stored: list[SigningKey] = []
        self.ring = self.process()
        self.tokens = self.service()

    def process(self, *secrets: bytes) -> KeyRing:
        """The key ring of a process with these secret keys."""
        return KeyRing(lambda: self.stored, Sealer(secrets or (SECRET,)), self.clock)

    def service(
        self, ring: KeyRing | None = None, issuer: str = ISSUER, audience: str = AUDIENCE
    ) -> Tokens:
        """The token service of a process, which remembers nothing yet."""
        return Tokens(ring or self.ring, self.clock, Uuid7(), issuer, audience)

    def rotate(self, ring: KeyRing | None = None) -> SigningKey:
        """A new key takes over, as `latchkey keys rotate` does it."""
        now = self.clock.now()
        made = (ring or self.ring).make(f"key_{len(self.stored) + 1}", now)
        self.stored = [
            key if key.retired_at else replace(key, retired_at=now) for key in self.stored
        ]
        self.stored.append(made)
        return made

    def issue(self, scopes: frozenset[Scope] = GRANT.scopes, seconds: int = 900) -> str:
        """A token of the grant."""
        return self.tokens.issue(GRANT, scopes, seconds)

    def signed(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """A token with exactly these claims, signed with our own newest key."""
        private = json.loads(Sealer([SECRET]).open("signing-key", self.stored[-1].sealed) or b"")
        key = ec.derive_private_key(int.from_bytes(unbase(private["d"])), ec.SECP256R1())
        return signed_with(key, claims, header or self.header)

    @property
    def header(self) -> dict[str, Any]:
        """The header of a good token."""
        return {"typ": "at+jwt", "alg": "ES256", "kid": self.stored[-1].id}

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of a good token."""
        now = int(self.clock.now().timestamp())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": GRANT.user_id,
            "client_id": GRANT.client_id,
            "grant_id": GRANT.id,
            "scope": "devices:read",
            "iat": now,
            "exp": now + 900,
            "jti": "token_1",
        }


def opened_mint() -> Mint:
    """A mint with one key that everybody has heard of."""
    mint = Mint()
    mint.rotate()
    mint.clock.set(60)
    return mint


def based(content: bytes | str) -> str:
    """Base64 as tokens have it."""
    raw = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unbase(text: str) -> bytes:
    """What that holds."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, claims and signature, read without the library that wrote them."""
    header, claims, signature = token.split(".")
    return json.loads(unbase(header)), json.loads(unbase(claims)), unbase(signature)


def unsigned(header: object, claims: object) -> str:
    """What is to be signed."""
    return f"{based(json.dumps(header))}.{based(json.dumps(claims))}"


def signed_with(key: ec.EllipticCurvePrivateKey, claims: object, header: object) -> str:
    """A token by anybody's P-256 key."""
    text = unsigned(header, claims)
    one, other = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{based(one.to_bytes(32) + other.to_bytes(32))}"


def later(mint: Mint, **time: float) -> None:
    """Let time pass."""
    mint.clock.set(mint.clock.monotonic() + timedelta(**time).total_seconds())
