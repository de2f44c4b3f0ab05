"""Holders of keys: they make proofs of DPoP and assertions, and forge them."""

import hashlib
import json
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.core.tokens.mint import based, unsigned

Claims = dict[str, Any]
ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256")


def new_key(algorithm: str = "ES256") -> Key:
    """A key for an algorithm."""
    match algorithm:
        case "ES256" | "ES384":
            return ECKey.generate_key("P-256" if algorithm == "ES256" else "P-384")
        case "EdDSA" | "Ed25519":
            return OKPKey.generate_key("Ed25519")
        case _:
            return RSAKey.generate_key(2_048)


def kept(fields: Claims, changes: Claims) -> Claims:
    """Fields with some changed, and those that are `...` left out."""
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def hashed(token: str) -> str:
    """What a proof says of an access token (RFC 9449 §4.2, `ath`)."""
    return based(hashlib.sha256(token.encode()).digest())


class Holder:
    """Somebody with a private key."""

    def __init__(self, algorithm: str = "ES256", kid: str | None = None) -> None:
        self.algorithm = algorithm
        self.key = new_key(algorithm)
        self.kid = kid

    @property
    def public(self) -> Claims:
        """The public key."""
        return dict(self.key.as_dict(private=False))

    @property
    def jkt(self) -> str:
        """Its thumbprint."""
        return self.key.thumbprint()

    @property
    def jwks(self) -> str:
        """A JWK Set of it alone."""
        named = {} if self.kid is None else {"kid": self.kid}
        return json.dumps({"keys": [{**self.public, **named}]})

    def signed(self, header: object, claims: object) -> str:
        """A JWT of exactly this, whatever its header says."""
        text = unsigned(header, claims)
        made = JWSRegistry.algorithms["Ed25519" if self.algorithm == "EdDSA" else self.algorithm]
        return f"{text}.{based(made.sign(text.encode(), self.key))}"

    def proof_parts(
        self, method: str, uri: str, now: datetime, token: str | None = None
    ) -> tuple[Claims, Claims]:
        """Header and claims of a good proof of DPoP."""
        header = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.public}
        bound = {} if token is None else {"ath": hashed(token)}
        moment = int(now.timestamp())
        return header, {"jti": uuid4().hex, "htm": method, "htu": uri, "iat": moment, **bound}

    def proof(
        self,
        method: str,
        uri: str,
        now: datetime,
        token: str | None = None,
        header: Claims | None = None,
        **claims: Any,
    ) -> str:
        """A proof of DPoP, changed in its header and claims."""
        head, said = self.proof_parts(method, uri, now, token)
        return self.signed(kept(head, header or {}), kept(said, claims))

    def assertion(
        self,
        client_id: str,
        audience: Any,
        now: datetime,
        header: Claims | None = None,
        **claims: Any,
    ) -> str:
        """An assertion of a client, changed in its header and claims."""
        moment = int(now.timestamp())
        named = {} if self.kid is None else {"kid": self.kid}
        head = {"typ": "JWT", "alg": self.algorithm, **named}
        said = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": uuid4().hex,
            "iat": moment,
            "exp": moment + 60,
        }
        return self.signed(kept(head, header or {}), kept(said, claims))
