"""Tokens that we did not make, however well they are made. All are refused, and nothing fails."""

import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given, strategies as st
from joserfc.jwk import ECKey

from core.domain.errors import Unauthenticated
from core.tokens.access_tokens import LONGEST
from tests.core.tokens.mint import Mint, based, opened_mint, signed_with, unbase, unsigned

MINT = opened_mint()
GOOD = MINT.issue()
MALLORY = ec.generate_private_key(ec.SECP256R1())
ZEROS = based(bytes(64))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(["typ", "alg", "kid", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc"])
USUAL = st.sampled_from(["at+jwt", "ES256", "none", "HS256", "key_1", ["b64"], False, {}])
HEADERS = st.dictionaries(NAMES, USUAL | JSON)
SEGMENTS = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=80).map(based),
    JSON.map(lambda value: based(json.dumps(value))),
    st.sampled_from(GOOD.split(".")),
)


def why(token: str) -> str:
    """Why a token is refused."""
    with pytest.raises(Unauthenticated) as refused:
        MINT.service().verify(token)
    head, _, reason = str(refused.value).partition(": ")
    assert head == "The access token is not valid"
    assert (refused.value.expired, refused.value.taken_back) == (False, False)
    return reason


def header(**changes: Any) -> dict[str, Any]:
    """A good header, changed."""
    return {name: value for name, value in (MINT.header | changes).items() if value is not ...}


def published(form: str) -> bytes:
    """Our public key as an attacker may find it."""
    jwk = MINT.ring.published()[0]
    key = ECKey.import_key(jwk).public_key
    return {
        "pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "point": key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "jwk": json.dumps(jwk).encode(),
        "x": unbase(str(jwk["x"])),
    }[form]


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize(
    "signature", ["", ZEROS, GOOD.rpartition(".")[2]], ids=["empty", "zeros", "of another token"]
)
def test_a_token_must_be_signed(alg: str, signature: str) -> None:
    """No spelling of `none` lets an unsigned token through (RFC 8725 §2.1, RFC 9068 §2.1)."""
    assert why(f"{unsigned(header(alg=alg), MINT.claims)}.{signature}") == (
        "its algorithm is not ES256."
    )


@pytest.mark.parametrize("form", ["pem", "der", "point", "jwk", "x"])
@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_the_public_key_is_no_secret(form: str, alg: str) -> None:
    """An HMAC with the public key as secret verifies nowhere (RFC 8725 §2.1, RFC 9068 §4)."""
    text = unsigned(header(alg=alg), MINT.claims)
    mac = hmac.new(published(form), text.encode(), hashlib.sha256).digest()
    told = "its signature does not hold." if alg == "ES256" else "its algorithm is not ES256."
    assert why(f"{text}.{based(mac)}") == why(f"{text}.{based(mac + mac)}") == told


@pytest.mark.parametrize(
    "alg", ["RS256", "PS256", "ES384", "ES256K", "EdDSA", "es256", 1, ["ES256"], {}, None]
)
def test_there_is_one_algorithm(alg: Any) -> None:
    """Whatever else the header names is refused before the signature is looked at."""
    assert why(signed_with(MALLORY, MINT.claims, header(alg=alg))) == "its algorithm is not ES256."


def test_somebody_else_s_signature_does_not_hold() -> None:
    """A key of one's own under our key's name."""
    assert why(signed_with(MALLORY, MINT.claims, MINT.header)) == "its signature does not hold."


def test_a_token_cannot_bring_its_key() -> None:
    """A key in the header, or an address of one, is not looked at (RFC 8725 §3.10)."""
    numbers = MALLORY.public_key().public_numbers()
    x, y = (based(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    for changes in ({"jwk": jwk}, {"jku": "https://evil.example.com"}, {"x5u": "https://e.co"}):
        told = why(signed_with(MALLORY, MINT.claims, header(**changes)))
        assert told == "its signature does not hold."


@pytest.mark.parametrize(
    "kid", ["key_2", "", "../../dev/null", "' OR 1=1 --", ..., None, {}, ["key_1"], 1]
)
def test_an_unknown_key_verifies_nothing(kid: Any) -> None:
    """The header's name of a key is only looked up."""
    told = why(signed_with(MALLORY, MINT.claims, header(kid=kid)))
    assert told == "it is signed with a key that this server does not have."


@pytest.mark.parametrize(
    "typ", ["JWT", "jwt", "at+jwtx", "logout+jwt", "", ..., None, ["at+jwt"], 7]
)
def test_another_type_of_token_is_no_access_token(typ: Any) -> None:
    """Even one that we signed ourselves (RFC 8725 §3.11, RFC 9068 §4)."""
    assert why(MINT.signed(MINT.claims, header(typ=typ))) == "its type is not at+jwt."


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_type_may_be_written_out(typ: str) -> None:
    """With the prefix of media types and in any case (RFC 9068 §4)."""
    assert MINT.service().verify(MINT.signed(MINT.claims, header(typ=typ))).token_id == "token_1"


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None, [[]]])
def test_a_header_that_must_be_understood_is_not(crit: Any) -> None:
    """We understand no extension, so what needs one is refused (RFC 7515 §4.1.11)."""
    assert why(MINT.signed(MINT.claims, header(crit=crit, b64=False)))


@pytest.mark.parametrize("head", [["alg"], "alg", ["typ", "alg", "kid"], [], "", 1, None, {}, True])
def test_a_header_is_an_object(head: Any) -> None:
    """Other JSON is no header, even where it contains what a header has."""
    assert why(f"{unsigned(head, MINT.claims)}.{ZEROS}") == "it is not a signed JWT."


@pytest.mark.parametrize("claims", [[], "sub", 1, None, True])
def test_claims_are_an_object(claims: Any) -> None:
    """Other JSON has none, not even under our signature."""
    assert why(MINT.signed(claims)) == "its signature does not hold."


@pytest.mark.parametrize("raw", [b"", bytes(64), b"\xff" * 64, bytes(63), bytes(65), bytes(32)])
def test_a_signature_is_two_numbers(raw: bytes) -> None:
    """Zeros verify nothing, and neither do numbers beyond the curve (CVE-2022-21449)."""
    text = GOOD.rpartition(".")[0]
    assert why(f"{text}.{based(raw)}") == "its signature does not hold."


def test_a_signature_in_another_form_does_not_hold() -> None:
    """DER is what libraries make, and not what a JWS has (RFC 7518 §3.4)."""
    text = unsigned(MINT.header, MINT.claims)
    der = MALLORY.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    assert why(f"{text}.{based(der)}") == "its signature does not hold."


def test_a_token_has_a_length() -> None:
    """One character too many, and nothing of it is read."""
    long = "a" * (LONGEST + 1)
    assert why(long) == "it is longer than 4096 characters."
    assert why(long[1:]) == "it is not a signed JWT."
    padded = MINT.signed(MINT.claims | {"nonce": "n" * LONGEST})
    assert why(padded) == "it is longer than 4096 characters."


def test_every_character_counts() -> None:
    """A good token in which one character is another, or missing, is not good."""
    for at, letter in enumerate(GOOD):
        assert why(GOOD[:at] + ("B" if letter == "A" else "A") + GOOD[at + 1 :])
        assert why(GOOD[:at] + GOOD[at + 1 :])


@pytest.mark.parametrize(
    "around", ["{} ", " {}", "{}\n", "{}=", "{}.", ".{}", "{}\0", "Bearer {}", "{0}.{0}", '"{}"']
)
def test_nothing_stands_around_a_token(around: str) -> None:
    """Whoever reads the header of the request takes off what is not the token."""
    assert why(around.format(GOOD))


@pytest.mark.parametrize("opening", ["[", '{"a":', "9", '"', "\\"])
def test_depth_and_length_break_nothing(opening: str) -> None:
    """Nested or endless JSON in every part of the token."""
    deep = based(opening * 370), based(opening * 2_200)
    for token in (f"{deep[0]}..", f"{deep[1]}..", f"{based('{}')}.{deep[1]}.", f"..{deep[1]}"):
        assert why(token)


@given(st.text(st.characters()) | st.text("abAB01-_=+/. \n\0.é"))
def test_any_text_is_refused(text: str) -> None:
    """Half a surrogate included."""
    assert why(text)


@given(st.lists(SEGMENTS, min_size=1, max_size=5))
def test_any_parts_are_refused(segments: list[str]) -> None:
    """Parts of a good token among them, in every number and order."""
    token = ".".join(segments)
    assume(token != GOOD)
    assert why(token)


@given(HEADERS, JSON, SEGMENTS)
def test_any_header_is_refused(head: dict[str, Any], claims: Any, signature: str) -> None:
    """Whatever it names, unsigned or signed by somebody else."""
    assert why(f"{unsigned(head, claims)}.{signature}")
    assert why(signed_with(MALLORY, MINT.claims, header(**head)))


@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.text(max_size=4))
def test_any_change_is_refused(begin: int, end: int, put: str) -> None:
    """Cut something out of a good token and put something in."""
    token = GOOD[:begin] + put + GOOD[end:]
    assume(token != GOOD)
    assert why(token)


@given(JSON)
def test_a_claim_may_be_anything_and_is_read_or_refused(value: Any) -> None:
    """Even with our signature no value of any claim makes reading fail otherwise."""
    for name in MINT.claims:
        with suppress(Unauthenticated):
            MINT.service().verify(MINT.signed(MINT.claims | {name: value}))


def test_the_forger_s_tools_work(mint: Mint) -> None:
    """What is not forged verifies: the tests above refuse for the reason that they name."""
    assert mint.tokens.verify(mint.signed(mint.claims)).grant_id == "grant_1"
