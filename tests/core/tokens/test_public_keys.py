"""Public keys of others: which are taken, and what is kept of a set."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, strategies as st
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from core.domain.errors import Invalid
from core.tokens import checked_jwks
from core.tokens.public_keys import LONGEST_SET, BadKeyError, public_key
from tests.core.tokens.mint import based, unbase

EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2_048)
GOOD: dict[str, Any] = dict(EC.as_dict(private=False))


def public(key: Key, **more: Any) -> dict[str, Any]:
    """A key as a client sends it."""
    return {**key.as_dict(private=False), **more}


def of(*keys: Any) -> str:
    """A JWK Set."""
    return json.dumps({"keys": keys})


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (EC, {"ES256"}),
        (ECKey.generate_key("P-384"), {"ES384"}),
        (OKPKey.generate_key("Ed25519"), {"EdDSA", "Ed25519"}),
        (RSA, {"RS256", "PS256"}),
        (RSAKey.generate_key(4_096), {"RS256", "PS256"}),
    ],
)
def test_a_key_signs_with_what_fits_it(key: Key, algorithms: set[str]) -> None:
    """Its thumbprint is that of RFC 7638, and a set of it is taken."""
    known = public_key(public(key))
    assert set(known.algorithms) == algorithms
    assert known.thumbprint == key.thumbprint()
    (kept,) = json.loads(checked_jwks(of(public(key))))["keys"]
    assert {**kept, **public(key)} == kept


def test_a_key_has_one_thumbprint() -> None:
    """However its numbers are spelled: a zero before them makes no other key."""
    other = {**GOOD, "x": based(b"\0" + unbase(str(GOOD["x"])))}
    assert public_key(other).thumbprint == EC.thumbprint()


BAD: dict[str, Any] = {
    "no object": "kid",
    "no kind": {**GOOD, "kty": None},
    "a secret": OctKey.generate_key(256).as_dict(private=True),
    "a private key": EC.as_dict(private=True),
    "a part of a private key": {**public(RSA), "qi": "AQAB"},
    "a private member of another kind": {**GOOD, "k": "AQAB"},
    "another curve": public(ECKey.generate_key("P-521")),
    "a curve of bitcoin": public(ECKey.generate_key("secp256k1")),
    "a curve that does not sign": public(OKPKey.generate_key("X25519")),
    "a large curve": public(OKPKey.generate_key("Ed448")),
    "the wrong curve's name": {**GOOD, "crv": "P-384"},
    "no point": {name: GOOD[name] for name in ("kty", "crv", "x")},
    "a point beside the curve": {**GOOD, "y": GOOD["x"]},
    "a point at nothing": {**GOOD, "x": "AA", "y": "AA"},
    "no text": {**GOOD, "x": 1},
    "no base64": {**GOOD, "x": "!" * 43},
    "an empty number": {**GOOD, "x": ""},
    "padding": {**GOOD, "x": str(GOOD["x"]) + "="},
    "a short modulus": {**public(RSA), "n": based(b"\xff" * 128)},
    "a short one behind zeros": {**public(RSA), "n": based(bytes(256) + b"\xff" * 128)},
    "a long modulus": {**public(RSA), "n": based(b"\xff" * 520)},
    "a very long modulus": {**public(RSA), "n": "_" * 10_000},
    "an even modulus": {**public(RSA), "n": based(b"\xfe" * 256)},
    "a low exponent": {**public(RSA), "e": "Aw"},
    "a long exponent": {**public(RSA), "e": based(b"\xff" * 256)},
}


@pytest.mark.parametrize("jwk", BAD.values(), ids=BAD)
def test_a_bad_key_is_refused(jwk: Any) -> None:
    """Alone, and in a set."""
    with pytest.raises(BadKeyError):
        public_key(jwk)
    with pytest.raises(Invalid) as refused:
        checked_jwks(of(GOOD, jwk))
    assert refused.value.field == "jwks"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 9_000,
        '{"keys": {}}',
        of(),
        of(*[GOOD] * 11),
        of(GOOD) + " " * LONGEST_SET,
        of({**GOOD, "use": "enc"}),
        of({**GOOD, "key_ops": ["sign"]}),
        of({**GOOD, "key_ops": "verify"}),
        of({**GOOD, "alg": "RS256"}),
        of({**GOOD, "alg": "none"}),
        of({**GOOD, "alg": {}}),
        of({**GOOD, "kid": ""}),
        of({**GOOD, "kid": "a\0"}),
        of({**GOOD, "kid": 7}),
        of({**GOOD, "kid": "k" * 201}),
        of({**GOOD, "kid": "one"}, {**public(RSA), "kid": "one"}),
    ],
)
def test_a_bad_set_is_refused(text: str) -> None:
    """RFC 7517 §5, and what no client that signs would send."""
    with pytest.raises(Invalid, match="The jwks cannot be taken"):
        checked_jwks(text)


def test_a_set_is_kept_as_it_is_used() -> None:
    """Certificates, addresses and notes are left out; a set that was kept may be taken again."""
    more = {"kid": "one", "alg": "ES256", "use": "sig", "key_ops": ["verify"]}
    noise = {"x5u": "https://e.co/", "x5c": ["AA"], "note": "ours", "exp": 1}
    kept = checked_jwks(of({**GOOD, **more, **noise}))
    expected = {**GOOD, "kid": "one", "alg": "ES256", "use": "sig"}
    assert json.loads(kept) == {"keys": [expected]}
    assert checked_jwks(kept) == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "key_ops", "alg", "kid"]), JSON)
def test_a_member_may_be_anything_and_is_taken_or_refused(name: str, value: Any) -> None:
    """Nothing else happens."""
    for jwk in (GOOD, public(RSA)):
        with suppress(Invalid):
            checked_jwks(of({**jwk, name: value}))
