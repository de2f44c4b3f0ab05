"""Assertions of clients: what RFC 7523 §3 and OIDC Core §9 have checked, row by row."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Unauthenticated
from core.tokens import ShownAssertion
from core.tokens.assertions import Assertion
from tests.core.tokens.holder import ALGORITHMS, Holder
from tests.core.tokens.mint import based, unsigned
from tests.fakes import START

ISSUER = "https://api.example.com"
ENDPOINT = f"{ISSUER}/oauth/token"
CLIENT = "client_1"
SIGNER, MALLORY = Holder(kid="one"), Holder(kid="one")
MOMENT = START.timestamp()


def assertion(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good assertion, changed."""
    return SIGNER.assertion(CLIENT, ISSUER, START, header, **claims)


def read(text: str, jwks: str = SIGNER.jwks) -> Assertion:
    """What is made of it."""
    return ShownAssertion(text).verify(jwks, (ISSUER, ENDPOINT), START)


def refused(text: str, jwks: str = SIGNER.jwks) -> bool:
    """Whether it is refused."""
    with pytest.raises(Unauthenticated, match="The client's assertion does not hold"):
        read(text, jwks)
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_assertion_holds(algorithm: str) -> None:
    """RFC 7523 §5: with each algorithm that we take, and with or without a name for the key."""
    for holder in (Holder(algorithm), Holder(algorithm, "k")):
        found = read(holder.assertion(CLIENT, ISSUER, START), holder.jwks)
        assert found.client_id == CLIENT
        assert found.until > START + timedelta(seconds=60)


@pytest.mark.parametrize("audience", [ISSUER, ENDPOINT, [ISSUER], [ENDPOINT]])
def test_it_is_for_us(audience: Any) -> None:
    """RFC 7523 §3 3: the issuer or the endpoint."""
    assert read(assertion(aud=audience)).client_id == CLIENT


@pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt", ...])
def test_its_type_is_no_other(typ: Any) -> None:
    """RFC 7519 §5.1: it may be left out."""
    assert read(assertion({"typ": typ})).client_id == CLIENT


BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "§3 1 no iss": ({}, {"iss": ...}),
    "§3 1 another iss": ({}, {"iss": "client_2"}),
    "§3 2 no sub": ({}, {"sub": ...}),
    "§3 2 another sub": ({}, {"sub": "client_2"}),
    "§3 2 no text": ({}, {"sub": [CLIENT], "iss": [CLIENT]}),
    "§3 3 no aud": ({}, {"aud": ...}),
    "§3 3 another server": ({}, {"aud": "https://evil.example"}),
    "§3 3 another endpoint": ({}, {"aud": f"{ISSUER}/oauth/revoke"}),
    "§3 3 the API": ({}, {"aud": f"{ISSUER}/graphql"}),
    "§3 3 a slash more": ({}, {"aud": f"{ISSUER}/"}),
    "§3 3 other letters": ({}, {"aud": ISSUER.upper()}),
    "§3 3 for another server, too": ({}, {"aud": [ISSUER, "https://evil.example"]}),
    "§3 3 twice for us": ({}, {"aud": [ISSUER, ENDPOINT]}),
    "§3 3 nobody": ({}, {"aud": []}),
    "§3 3 a list in a list": ({}, {"aud": [[ISSUER]]}),
    "§3 3 an object": ({}, {"aud": {ISSUER: 1}}),
    "§3 4 no exp": ({}, {"exp": ...}),
    "§3 4 over": ({}, {"exp": MOMENT}),
    "§3 4 for long": ({}, {"exp": MOMENT + 306}),
    "§3 4 for ever": ({}, {"exp": 1e300}),
    "§3 4 no number": ({}, {"exp": str(MOMENT + 60)}),
    "§3 4 true": ({}, {"exp": True}),
    "§3 5 not yet": ({}, {"nbf": MOMENT + 6}),
    "§3 5 no number": ({}, {"nbf": "now"}),
    "§3 6 of the future": ({}, {"iat": MOMENT + 6}),
    "§3 6 no number": ({}, {"iat": {}}),
    "OIDC §9 no jti": ({}, {"jti": ...}),
    "OIDC §9 an empty jti": ({}, {"jti": ""}),
    "OIDC §9 an endless jti": ({}, {"jti": "j" * 257}),
    "OIDC §9 a jti that is no text": ({}, {"jti": 7}),
    "§3 9 alg none": ({"alg": "none"}, {}),
    "§3 9 no alg": ({"alg": ...}, {}),
    "§3 9 a symmetric alg": ({"alg": "HS256"}, {}),
    "§3 9 an alg of another key": ({"alg": "RS256"}, {}),
    "§3 9 an alg of another curve": ({"alg": "ES384"}, {}),
    "RFC 7515 §4.1.4 an unknown kid": ({"kid": "two"}, {}),
    "RFC 7515 §4.1.4 no kid": ({"kid": None}, {}),
    "RFC 8725 §3.10 a key of its own": ({"kid": ..., "jwk": MALLORY.public, "alg": "ES384"}, {}),
    "RFC 8725 §3.11 a proof of DPoP": ({"typ": "dpop+jwt"}, {}),
    "RFC 8725 §3.11 an access token": ({"typ": "at+jwt"}, {}),
    "RFC 8725 §3.11 no type": ({"typ": None}, {}),
    "RFC 7515 §4.1.11 what must be understood": ({"crit": ["exp"]}, {}),
}


@pytest.mark.parametrize("section", BAD)
def test_a_bad_assertion_is_refused(section: str) -> None:
    """RFC 7523 §3, each row with the rule that it breaks."""
    header, claims = BAD[section]
    assert refused(assertion(header, **claims))


def test_somebody_else_s_signature_does_not_hold() -> None:
    """RFC 7523 §3 9: another key by the same name, none at all, or the public one as a secret."""
    assert refused(MALLORY.assertion(CLIENT, ISSUER, START))
    header, claims, signature = assertion().split(".")
    assert refused(f"{header}.{claims}.")
    assert refused(f"{header}.{claims}.{signature[:-4]}AAAA")
    for algorithm in ("HS256", "ES256"):
        said = json.loads(json.dumps({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "1"}))
        text = unsigned({"alg": algorithm}, {**said, "exp": MOMENT + 60})
        mac = hmac.new(SIGNER.jwks.encode(), text.encode(), hashlib.sha256).digest()
        assert refused(f"{text}.{based(mac)}")


def test_the_kid_says_which_key() -> None:
    """OIDC Core §10.1: of several that fit, the one that is named; without a name, none."""
    first, second = Holder(kid="first"), Holder(kid="second")
    keys = [json.loads(one.jwks)["keys"][0] for one in (first, second)]
    jwks = json.dumps({"keys": keys})
    assert read(second.assertion(CLIENT, ISSUER, START), jwks).client_id == CLIENT
    assert refused(second.assertion(CLIENT, ISSUER, START, {"kid": "first"}), jwks)
    assert refused(second.assertion(CLIENT, ISSUER, START, {"kid": ...}), jwks)
    other = Holder("Ed25519")
    mixed = json.dumps({"keys": [keys[0], other.public]})
    assert read(other.assertion(CLIENT, ISSUER, START), mixed).client_id == CLIENT


def test_a_key_is_for_its_algorithm() -> None:
    """RFC 7517 §4.4: a key that names one signs with no other."""
    holder = Holder("RS256")
    jwks = json.dumps({"keys": [{**holder.public, "alg": "PS256"}]})
    assert refused(holder.assertion(CLIENT, ISSUER, START), jwks)


def test_an_assertion_is_known_by_its_jti() -> None:
    """RFC 7523 §3 7: another signature makes no other assertion; another client's is another."""
    one, again = assertion(jti="1"), assertion(jti="1", exp=MOMENT + 61)
    assert read(one).digest == read(again).digest != read(assertion(jti="2")).digest
    other = SIGNER.assertion("client_2", ISSUER, START, jti="1")
    assert read(other).digest != read(one).digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.sampled_from(["typ", "alg", "kid", "iss", "sub", "aud", "exp", "nbf", "iat", "jti"]), JSON
)
def test_anything_is_taken_or_refused(name: str, value: Any) -> None:
    """Whatever a member of header or claims is, reading fails in no other way."""
    for shown in (assertion({name: value}), assertion(**{name: value})):
        with suppress(Unauthenticated):
            read(shown)


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    """Nothing else happens."""
    assert refused(text)
