"""Statements: JWTs that others have signed, read with the keys that are known to be theirs."""

from math import isfinite
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from core.tokens.public_keys import ALGORITHMS, PublicKey

LONGEST: Final = 4_096
LONGEST_ID: Final = 256


class _Registry(JWSRegistry):
    """The algorithms that we take, with room in the header for a key of RSA.

    `EdDSA` stands for Ed25519 here (RFC 9864 §2.2).
    """

    max_header_length = LONGEST
    algorithms = JWSRegistry.algorithms | {"EdDSA": JWSRegistry.algorithms["Ed25519"]}


# What else a header says is not looked at (RFC 7515 §4.3), but for what must be understood.
_REGISTRY: Final = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


class BadStatementError(ValueError):
    """A statement that cannot be taken; the text says why, and repeats nothing of it."""


class Statement:
    """A JWT, opened: nothing that it says counts before `verify`."""

    def __init__(self, text: str) -> None:
        """Open it.

        Raises:
            BadStatementError: it is no signed JWT, or signed with what we do not take.
        """
        if len(text) > LONGEST:
            raise BadStatementError(f"it is longer than {LONGEST} letters")
        try:
            self._signed = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
            claims: Any = orjson.loads(self._signed.payload)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise BadStatementError("it is not a signed JWT") from error
        header: Any = self._signed.headers()  # joserfc lets through any JSON that contains "alg"
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise BadStatementError("it is not a signed JWT")
        if {"crit", "b64"} & header.keys():
            raise BadStatementError("its header needs an extension that is not known here")
        if header["alg"] not in ALGORITHMS:
            raise BadStatementError(f"its alg is not one of {', '.join(ALGORITHMS)}")
        self.header: dict[str, Any] = header
        self.claims: dict[str, Any] = claims

    @property
    def algorithm(self) -> str:
        """What it is signed with."""
        return str(self.header["alg"])

    def verify(self, key: PublicKey) -> None:
        """See that this key signed it.

        Raises:
            BadStatementError: it did not.
        """
        if self.algorithm not in key.algorithms:
            raise BadStatementError("its alg does not fit the key")
        try:
            held = jws.validate_compact(self._signed, key.key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError) as error:
            raise BadStatementError("its signature does not hold") from error
        if not held:
            raise BadStatementError("its signature does not hold")

    def moment(self, name: str) -> float | None:
        """A claim that is a time, in seconds (RFC 7519 §2); None where it is not there.

        Raises:
            BadStatementError: it is no number.
        """
        value = self.claims.get(name)
        if name not in self.claims:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise BadStatementError(f"its {name} is not a number of seconds")
        return float(value)

    @property
    def id(self) -> str:
        """Its jti.

        Raises:
            BadStatementError: it has none, or a long one.
        """
        value = self.claims.get("jti")
        if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
            raise BadStatementError(f"its jti is not a text of 1 to {LONGEST_ID} letters")
        return value
