"""Access tokens: JWTs after RFC 9068, signed with ES256 (RFC 7518 §3.4).

Verifying looks at everything that the token says of itself; whether its grant still stands is
asked of the access snapshot, every time.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from core.domain.errors import Unauthenticated
from core.domain.grants import Grant, Scope
from core.domain.ports import Clock, Ids
from core.tokens.keyring import KeyRing

ALGORITHM = "ES256"
TYPE = "at+jwt"
REMEMBERED = 10_000
LONGEST = 4_096
LEEWAY_SECONDS = 5
WITHIN = "."
"""Between the id of a family and the rest of its tokens' ids."""
UNKNOWN_KEY = "it is signed with a key that this server does not have"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, once it is known to be ours and in time.

    One of a client that asks for itself names the client as user and grant, too. `jkt` is the
    thumbprint of the key that it is bound to (RFC 9449 §6.1); None where any bearer may use it.
    """

    token_id: str
    client_id: str
    user_id: str
    grant_id: str
    scopes: frozenset[Scope]
    expires_at: datetime
    jkt: str | None = None


class Tokens:
    """Issues and verifies access tokens for one issuer and audience."""

    def __init__(self, ring: KeyRing, clock: Clock, ids: Ids, issuer: str, audience: str) -> None:
        """`issuer` and `audience` are URLs: our public one, and the API's."""
        self._ring = ring
        self._clock = clock
        self._ids = ids
        self.issuer = issuer
        self.audience = audience
        self._known: OrderedDict[str, tuple[str, Claims]] = OrderedDict()

    def issue(
        self,
        grant: Grant,
        scopes: Collection[Scope],
        seconds: int,
        audience: str | None = None,
        family: str | None = None,
        jkt: str | None = None,
    ) -> str:
        """A signed token of this grant, over `seconds` from now (negative: over already).

        A token of a `family` has an id that begins with it, so that all of them can be ended. With
        a `jkt` it is bound to the key that has this thumbprint (RFC 9449 §6).
        """
        key_id, key = self._ring.signing()
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience or self.audience,
            "sub": grant.user_id,
            "client_id": grant.client_id,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + seconds,
            "jti": self._ids.new("token" if family is None else f"{family}{WITHIN}token"),
        }
        if not grant.of_client:
            claims["grant_id"] = grant.id
        if jkt is not None:
            claims["cnf"] = {"jkt": jkt}
        return jwt.encode({"typ": TYPE, "alg": ALGORITHM, "kid": key_id}, claims, key)

    def verify(self, token: str) -> Claims:
        """What a valid token says.

        Raises:
            Unauthenticated: it is not one of ours, not for this API, or expired.
        """
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = self._read(token)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        key_id, claims = known
        if self._ring.verifying(key_id) is None:
            self._known.pop(token, None)
            raise _refused(UNKNOWN_KEY)
        if claims.expires_at <= self._clock.now():
            self._known.pop(token, None)
            raise _refused("it has expired; ask for a new one", expired=True)
        return claims

    def _read(self, token: str) -> tuple[str, Claims]:
        if len(token) > LONGEST:
            raise _refused(f"it is longer than {LONGEST} characters")
        key_id, claims = self._opened(token)
        if claims.get("iss") != self.issuer:
            raise _refused("its issuer is not this server")
        audience = claims.get("aud")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused(f"its audience is not {self.audience}")
        issued_at = claims.get("iat")
        if not isinstance(issued_at, int) or issued_at > self._now() + LEEWAY_SECONDS:
            raise _refused("it was issued in the future")
        try:
            return key_id, Claims(
                token_id=str(claims["jti"]),
                client_id=str(claims["client_id"]),
                user_id=str(claims["sub"]),
                grant_id=_grant_id(claims),
                scopes=_scopes(str(claims["scope"])),
                expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
                jkt=str(claims["cnf"]["jkt"]) if "cnf" in claims else None,
            )
        except (KeyError, ValueError, TypeError, OverflowError, OSError) as error:
            raise _refused("its claims are not those of an access token (RFC 9068)") from error

    def _opened(self, token: str) -> tuple[str, dict[str, Any]]:
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise _refused("it is not a signed JWT") from error
        if not isinstance(header, dict):  # joserfc lets through any JSON that contains "alg"
            raise _refused("it is not a signed JWT")
        # RFC 9068 §2.1: the type tells it from every other JWT of ours.
        if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
            raise _refused(f"its type is not {TYPE}")
        if header.get("alg") != ALGORITHM:
            raise _refused(f"its algorithm is not {ALGORITHM}")
        key_id = str(header.get("kid"))
        key = self._ring.verifying(key_id)
        if key is None:
            raise _refused(UNKNOWN_KEY)
        try:
            return key_id, jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise _refused("its signature does not hold") from error

    def _now(self) -> float:
        return self._clock.now().timestamp()


def family_of(token_id: str) -> str:
    """The family that a token is of; the token itself where it is of none."""
    return token_id.partition(WITHIN)[0]


def _grant_id(claims: dict[str, Any]) -> str:
    """The grant; a client that asks for itself, whose subject it is (RFC 9068 §2.2), has none."""
    if "grant_id" not in claims and claims["sub"] == claims["client_id"]:
        return str(claims["client_id"])
    return str(claims["grant_id"])


def _scopes(text: str) -> frozenset[Scope]:
    """Known scopes only: one that this version no longer has opens nothing."""
    known = {scope.value for scope in Scope}
    return frozenset(Scope(word) for word in text.split() if word in known)


def _refused(why: str, *, expired: bool = False) -> Unauthenticated:
    return Unauthenticated(f"The access token is not valid: {why}.", expired=expired)
