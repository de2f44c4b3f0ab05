"""Proofs of DPoP: what RFC 9449 §4.3 has checked, row by row, and every way to forge one."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from joserfc.jwk import RSAKey

from core.domain.errors import Unauthenticated
from core.tokens import Proof, read_proof
from core.tokens.statements import LONGEST
from tests.core.tokens.holder import ALGORITHMS, Holder, hashed
from tests.core.tokens.mint import based, parts, unsigned
from tests.fakes import START

URI = "https://api.example.com/graphql"
TOKEN = "an.access.token"
ADA, MALLORY = Holder(), Holder()
NOW = START.replace(tzinfo=UTC)


def proof(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good proof, changed."""
    return ADA.proof("POST", URI, NOW, TOKEN, header, **claims)


def read(shown: str, method: str = "POST", token: str | None = TOKEN) -> Proof:
    """What is made of it."""
    return read_proof(shown, method, (URI, "wss://api.example.com/graphql"), NOW, token)


def why(shown: str, **more: Any) -> str:
    """Why a proof is refused."""
    with pytest.raises(Unauthenticated) as refused:
        read(shown, **more)
    assert refused.value.unproven
    head, _, reason = str(refused.value).partition(": ")
    assert head == "The DPoP proof does not hold"
    return reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_proof_holds(algorithm: str) -> None:
    """RFC 9449 §4.2: with each algorithm that we say we take; it names its key, nothing else."""
    holder = Holder(algorithm)
    found = read(holder.proof("POST", URI, NOW, TOKEN))
    assert (found.jkt, len(found.digest)) == (holder.jkt, 64)
    assert found.until > NOW + timedelta(seconds=60)


def test_a_large_key_finds_room() -> None:
    """The largest that is taken."""
    holder = Holder("RS256")
    holder.key = RSAKey.generate_key(4_096)
    assert read(holder.proof("POST", URI, NOW, TOKEN)).jkt == holder.jkt


BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "§4.3 3 no jti": ({}, {"jti": ...}),
    "§4.3 3 an empty jti": ({}, {"jti": ""}),
    "§4.3 3 a jti that is no text": ({}, {"jti": 7}),
    "§4.3 3 an endless jti": ({}, {"jti": "j" * 257}),
    "§4.3 3 no htm": ({}, {"htm": ...}),
    "§4.3 3 no htu": ({}, {"htu": ...}),
    "§4.3 3 no iat": ({}, {"iat": ...}),
    "§4.3 3 no jwk": ({"jwk": ...}, {}),
    "§4.3 3 no alg": ({"alg": ...}, {}),
    "§4.3 4 no typ": ({"typ": ...}, {}),
    "§4.3 4 typ JWT": ({"typ": "JWT"}, {}),
    "§4.3 4 typ of an access token": ({"typ": "at+jwt"}, {}),
    "§4.3 4 typ in capitals": ({"typ": "DPoP+JWT"}, {}),
    "§4.3 4 typ that is no text": ({"typ": ["dpop+jwt"]}, {}),
    "§4.3 5 alg none": ({"alg": "none"}, {}),
    "§4.3 5 alg NoNe": ({"alg": "NoNe"}, {}),
    "§4.3 5 a symmetric alg": ({"alg": "HS256"}, {}),
    "§4.3 5 an alg of another key": ({"alg": "RS256"}, {}),
    "§4.3 5 an alg of another curve": ({"alg": "ES384"}, {}),
    "§4.3 5 an alg that we do not take": ({"alg": "ES512"}, {}),
    "§4.3 5 an alg of bitcoin": ({"alg": "ES256K"}, {}),
    "§4.3 5 an alg that is no text": ({"alg": ["ES256"]}, {}),
    "§4.3 6 somebody else's key": ({"jwk": MALLORY.public}, {}),
    "§4.3 7 a private key": ({"jwk": dict(ADA.key.as_dict(private=True))}, {}),
    "§4.3 7 a symmetric key": ({"jwk": {"kty": "oct", "k": "AAAA"}}, {}),
    "§4.3 7 no key": ({"jwk": {}}, {}),
    "§4.3 7 a text": ({"jwk": json.dumps(ADA.public)}, {}),
    "§4.3 7 a key by its name alone": ({"jwk": ..., "kid": ADA.jkt}, {}),
    "§4.3 7 a key by its address": ({"jwk": ..., "jku": "https://evil.example/"}, {}),
    "§4.3 8 another method": ({}, {"htm": "GET"}),
    "§4.3 8 a method in small letters": ({}, {"htm": "post"}),
    "§4.3 8 several methods": ({}, {"htm": ["POST"]}),
    "§4.3 9 another path": ({}, {"htu": "https://api.example.com/oauth/token"}),
    "§4.3 9 another host": ({}, {"htu": "https://evil.example/graphql"}),
    "§4.3 9 no TLS": ({}, {"htu": "http://api.example.com/graphql"}),
    "§4.3 9 a path alone": ({}, {"htu": "/graphql"}),
    "§4.3 9 several": ({}, {"htu": [URI]}),
    "§4.3 11 too old": ({}, {"iat": NOW.timestamp() - 61}),
    "§4.3 11 of the future": ({}, {"iat": NOW.timestamp() + 6}),
    "§4.3 11 far away": ({}, {"iat": 1e300}),
    "§4.3 11 before all time": ({}, {"iat": -(2**62)}),
    "§4.3 11 no number": ({}, {"iat": str(int(NOW.timestamp()))}),
    "§4.3 11 true": ({}, {"iat": True}),
    "§4.3 11 nothing": ({}, {"iat": None}),
    "§4.3 12a no ath": ({}, {"ath": ...}),
    "§4.3 12a of another token": ({}, {"ath": hashed("another")}),
    "§4.3 12a the token itself": ({}, {"ath": TOKEN}),
    "§4.3 12a in hexadecimal": ({}, {"ath": hashlib.sha256(TOKEN.encode()).hexdigest()}),
    "§4.3 12a letters": ({}, {"ath": "é"}),
    "§4.3 12a no text": ({}, {"ath": [hashed(TOKEN)]}),
    "RFC 7515 §4.1.11 what must be understood": ({"crit": ["exp"], "exp": 1}, {}),
    "RFC 7797 §3 an unencoded payload": ({"crit": ["b64"], "b64": False}, {}),
    "RFC 7797 §3 without saying so": ({"b64": False}, {}),
}


@pytest.mark.parametrize("section", BAD)
def test_a_bad_proof_is_refused(section: str) -> None:
    """RFC 9449 §4.2, §4.3, §11.5, each row with the check that it fails; nothing is repeated."""
    header, claims = BAD[section]
    reason = why(proof(header, **claims))
    assert "evil" not in reason
    assert reason.isascii()
    assert not set('"\\') & set(reason)


@pytest.mark.parametrize("iat", [0, -60, 5, -59.5])
def test_clocks_differ_a_little(iat: float) -> None:
    """RFC 9449 §11.1: a minute back, a few seconds ahead."""
    assert read(proof(iat=NOW.timestamp() + iat)).jkt == ADA.jkt


@pytest.mark.parametrize(
    "htu",
    [
        URI,
        URI + "?query=%7Bx%7D",
        URI + "#fragment",
        "HTTPS://API.EXAMPLE.COM:443/./graphql",
        "wss://api.example.com/graphql",
    ],
)
def test_the_url_has_other_spellings(htu: str) -> None:
    """RFC 9449 §4.3: query and fragment do not count, and RFC 3986 says what is the same."""
    assert read(proof(htu=htu)).jkt == ADA.jkt


def test_there_is_one_proof() -> None:
    """RFC 9449 §4.1, §4.3 1: several headers are one list, and no proof."""
    assert why(f"{proof()}, {proof()}") == "send one DPoP header."
    assert why(f"{proof()},") == "send one DPoP header."


def test_no_signature_is_none() -> None:
    """RFC 9449 §4.3, §11.6: unsigned, signed by another, or with the public key as a secret."""
    header, claims, signature = proof().split(".")
    other = proof().rpartition(".")[2]
    for wrong in ("", other, signature[:-4], based(bytes(64)), based(b"\xff" * 64)):
        assert why(f"{header}.{claims}.{wrong}")
    head, said = ADA.proof_parts("POST", URI, NOW, TOKEN)
    assert why(MALLORY.signed(head, said)) == "its signature does not hold."
    for secret in (json.dumps(ADA.public).encode(), ADA.key.as_pem(), ADA.key.as_der()):  # type: ignore[union-attr]  # it is a key of a curve
        for algorithm in ("HS256", "ES256"):
            text = unsigned(head | {"alg": algorithm}, said)
            mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
            assert why(f"{text}.{based(mac)}")
            assert why(f"{text}.{based(mac + mac)}")


def test_a_claim_that_is_changed_breaks_it() -> None:
    """RFC 9449 §4.3 6: the signature is over all that is said."""
    header, _, signature = proof().split(".")
    _, claims, _ = parts(proof())
    assert (
        why(f"{header}.{based(json.dumps(claims))}.{signature}") == "its signature does not hold."
    )


def test_a_proof_is_known_by_what_it_says() -> None:
    """RFC 9449 §11.1: by key, URL and jti, so another signature makes no other proof."""
    (one, again), other = (proof(jti="1"), proof(jti="1")), proof(jti="2")
    assert one != again
    assert read(one).digest == read(again).digest != read(other).digest
    assert read(MALLORY.proof("POST", URI, NOW, TOKEN, jti="1")).digest != read(one).digest
    elsewhere = read_proof(ADA.proof("POST", f"{URI}2", NOW, jti="1"), "POST", (f"{URI}2",), NOW)
    assert elsewhere.digest != read(one).digest


def test_a_proof_has_a_length() -> None:
    """One letter too many, and nothing of it is read."""
    assert why("a" * (LONGEST + 1)) == f"it is longer than {LONGEST} letters."
    assert why("a" * LONGEST) == "it is not a signed JWT."
    assert why(proof(note="n" * LONGEST)) == f"it is longer than {LONGEST} letters."


@pytest.mark.parametrize("claims", [[], "x", 1, None, True, {}])
def test_claims_are_an_object(claims: Any) -> None:
    """RFC 9449 §4.3 2: other JSON is no JWT, even where it is signed."""
    head, _ = ADA.proof_parts("POST", URI, NOW)
    assert why(ADA.signed(head, claims))


@pytest.mark.parametrize("head", [["alg"], "alg", {}, None, 1, {"alg": "ES256"}])
def test_a_header_is_an_object(head: Any) -> None:
    """RFC 9449 §4.3 2: likewise."""
    _, said = ADA.proof_parts("POST", URI, NOW, TOKEN)
    assert why(ADA.signed(head, said))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = ["typ", "alg", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "htm", "htu", "iat", "jti"]


@given(st.sampled_from([*NAMES, "ath", "nonce", "exp"]), JSON)
def test_anything_is_taken_or_refused(name: str, value: Any) -> None:
    """Whatever a member of header, claims or key is, reading fails in no other way."""
    for shown in (
        proof({name: value}),
        proof(**{name: value}),
        proof({"jwk": {**ADA.public, name: value}}),
    ):
        with suppress(Unauthenticated):
            read(shown)


@given(
    st.text()
    | st.text("abAB01-_=+/. \n\0é")
    | st.lists(st.sampled_from(proof().split("."))).map(".".join)
)
def test_any_text_is_refused(text: str) -> None:
    """Parts of a good proof among them."""
    with suppress(Unauthenticated):
        assert read(text).jkt == ADA.jkt


@given(st.integers(0, 400), st.integers(0, 400), st.text(max_size=4))
def test_any_change_is_refused(begin: int, end: int, put: str) -> None:
    """Cut something out of a good proof and put something in."""
    good = proof()
    changed = good[:begin] + put + good[end:]
    if changed != good:
        assert why(changed)
