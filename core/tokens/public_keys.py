"""Public keys of others, as JWKs (RFC 7517): what they sign proofs and assertions with.

Only signing keys of a few kinds and sizes are taken; of a JWK only what makes the key is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key, thumbprint
from joserfc.util import base64_to_int

from core.domain.errors import Invalid

ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256")
"""What others may sign with. `EdDSA` is taken for Ed25519 (RFC 9864 §2.2), and for nothing else."""

MOST_KEYS: Final = 10
LONGEST_SET: Final = 16_384
LONGEST_ID: Final = 200
LONGEST_MEMBER: Final = 700
"""A modulus of 4096 bits has 683 letters."""
RSA_BITS: Final = (2_048, 4_096)
RSA_EXPONENTS: Final = (65_537, 2**32)
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
    "RSA": ("n", "e"),
}
SIGNS: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
    ("RSA", ""): frozenset({"RS256", "PS256"}),
}
"""The algorithms by kind of key and curve."""


class BadKeyError(ValueError):
    """A JWK that is no public key for us; the text says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, the algorithms that fit it, its thumbprint (RFC 7638) and the id it was given."""

    key: Key
    algorithms: frozenset[str]
    thumbprint: str
    id: str | None = None


def public_key(jwk: Any) -> PublicKey:
    """The key of a JWK.

    Raises:
        BadKeyError: it is private, of another kind or size, or no key at all.
    """
    if not isinstance(jwk, dict):
        raise BadKeyError("a key is a JSON object")
    if PRIVATE & jwk.keys():
        raise BadKeyError("a key must be public: leave out its private members")
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise BadKeyError("a key is of kty EC, OKP or RSA")
    bare = {name: str(jwk.get(name)) for name in MEMBERS[kind] if _text(jwk.get(name))}
    if len(bare) < len(MEMBERS[kind]):
        raise BadKeyError("a key has the members of its kind (RFC 7518 §6), as texts")
    algorithms = SIGNS.get((kind, bare.get("crv", "")))
    if algorithms is None:
        raise BadKeyError("a key is on the curve P-256, P-384 or Ed25519")
    key, its_thumbprint = _made(kind, *bare.items())
    return PublicKey(key, algorithms, its_thumbprint)


@lru_cache(2_000)
def _made(kind: str, *members: tuple[str, str]) -> tuple[Key, str]:
    """The key that these make, and its thumbprint: a client shows the same one again and again."""
    bare = dict(members)
    try:
        if kind == "RSA":
            _check_sizes(base64_to_int(bare["n"]), base64_to_int(bare["e"]))
        key = import_key({"kty": kind, **bare})
    except BadKeyError:
        raise
    except (JoseError, ValueError, TypeError) as error:
        raise BadKeyError("the numbers of a key do not make one") from error
    return key, thumbprint(_canonical(key))


@lru_cache(1_000)
def keys_of(text: str) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set.

    Raises:
        BadKeyError: it is none, or one of its keys is none.
    """
    if len(text) > LONGEST_SET:
        raise BadKeyError(f"a JWK Set has at most {LONGEST_SET} letters")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        sentence = f'give a JWK Set, {{"keys": […]}} with 1 to {MOST_KEYS} keys (RFC 7517 §5)'
        raise BadKeyError(sentence)
    taken = tuple(map(_signing, keys))
    names = [key.id for key in taken if key.id is not None]
    if len(set(names)) < len(names):
        raise BadKeyError("two keys have the same kid")
    return taken


def checked_jwks(text: str) -> str:
    """A client's JWK Set as it may be stored: of each key what is used, and nothing else.

    Raises:
        Invalid: it is none, or holds a key that is private, too many, or not to sign with.
    """
    try:
        keys = keys_of(text)
    except BadKeyError as error:
        sentence = f"The jwks cannot be taken: {error}."
        raise Invalid(sentence, "jwks") from error
    kept = [_kept(key) for key in keys]
    return orjson.dumps({"keys": kept}).decode()


def _signing(jwk: Any) -> PublicKey:
    """A key of a set, if it is meant to sign with."""
    known = public_key(jwk)
    if jwk.get("use", "sig") != "sig" or "verify" not in _list(jwk.get("key_ops", ["verify"])):
        raise BadKeyError("a key is to sign with: use sig, and key_ops verify")
    name, algorithm = jwk.get("kid"), jwk.get("alg")
    if name is not None and not (isinstance(name, str) and _short(name)):
        raise BadKeyError(f"a kid has 1 to {LONGEST_ID} printable characters")
    algorithms = known.algorithms
    if algorithm is not None:
        algorithms = frozenset({algorithm}) if algorithm in _list([*algorithms]) else frozenset()
    if not algorithms:
        raise BadKeyError(f"the alg of a key fits it, and is one of {', '.join(ALGORITHMS)}")
    return PublicKey(known.key, algorithms, known.thumbprint, name)


def _kept(known: PublicKey) -> dict[str, str]:
    kept = {**_canonical(known.key), "use": "sig"}
    if known.id is not None:
        kept["kid"] = known.id
    if len(known.algorithms) == 1:
        (kept["alg"],) = known.algorithms
    return kept


def _canonical(key: Key) -> dict[str, Any]:
    """What makes the key, spelled in the one way there is (RFC 7638 §3.3), as `key` may not be."""
    if not isinstance(key, ECKey | OKPKey | RSAKey):
        raise BadKeyError("a key is of kty EC, OKP or RSA")
    made = key.binding.convert_raw_key_to_dict(key.public_key, private=False)
    return {**made, "kty": key.key_type}


def _check_sizes(modulus: int, exponent: int) -> None:
    least, most = RSA_BITS
    if not (least <= modulus.bit_length() <= most and modulus % 2):
        raise BadKeyError(f"an RSA key has {least} to {most} bits, and an odd modulus")
    lowest, highest = RSA_EXPONENTS
    if not lowest <= exponent < highest:
        raise BadKeyError("the exponent of an RSA key is 65537, or a little more")


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_MEMBER


def _short(name: str) -> bool:
    return 1 <= len(name) <= LONGEST_ID and name.isprintable()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
