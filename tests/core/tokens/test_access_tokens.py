"""Access tokens that we made, read and remembered."""

import math
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, strategies as st

from core.domain.errors import Unauthenticated
from core.domain.grants import Grant, Scope
from core.tokens import Tokens, access_tokens
from tests.core.tokens.mint import AUDIENCE, GRANT, ISSUER, Mint, opened_mint, parts, unbase
from tests.fakes import START

MINT = opened_mint()
WORDS = st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True)
SCOPES = st.frozensets(st.sampled_from(Scope))


def refusal(tokens: Tokens, token: str) -> Unauthenticated:
    """How a token is refused."""
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(token)
    return refused.value


def remembered(tokens: Tokens) -> int:
    """How many tokens the service remembers."""
    return len(vars(tokens)["_known"])


def test_a_token_is_one_of_rfc_9068(mint: Mint) -> None:
    """Header and claims of the profile, and our grant (RFC 9068 §2.1, RFC 9068 §2.2)."""
    header, claims, signature = parts(mint.issue())
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": "key_1"}
    now = int(mint.clock.now().timestamp())
    assert claims.pop("jti").startswith("token_")
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user_1",
        "client_id": "client_1",
        "grant_id": "grant_1",
        "scope": " ".join(sorted(Scope)),
        "iat": now,
        "exp": now + 900,
    }
    assert len(signature) == 64


def test_anybody_can_verify_it_with_the_published_key(mint: Mint) -> None:
    """With nothing but the key set and a library for elliptic curves (RFC 7518 §3.4)."""
    token = mint.issue()
    (jwk,) = mint.ring.published()
    x, y = (int.from_bytes(unbase(jwk[name])) for name in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    text, _, signature = token.rpartition(".")
    raw = unbase(signature)
    one, other = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    key.verify(encode_dss_signature(one, other), text.encode(), ec.ECDSA(hashes.SHA256()))
    assert jwk["kid"] == parts(token)[0]["kid"]


@given(WORDS, WORDS, WORDS, SCOPES, st.integers(1, 86_400))
def test_what_was_issued_is_what_is_read(
    grant_id: str, user_id: str, client_id: str, scopes: frozenset[Scope], seconds: int
) -> None:
    """Read fresh by another process, and read again from memory."""
    grant = Grant(grant_id, user_id, client_id, frozenset(Scope), (), START)
    tokens = MINT.service()
    token = MINT.tokens.issue(grant, scopes, seconds)
    claims = tokens.verify(token)
    assert (claims.grant_id, claims.user_id, claims.client_id) == (grant_id, user_id, client_id)
    assert claims.scopes == scopes
    assert claims.expires_at - MINT.clock.now() == timedelta(seconds=seconds)
    assert tokens.verify(token) is claims


def test_no_two_tokens_are_the_same(mint: Mint) -> None:
    """Each has an id of its own, in the same second too."""
    tokens = [mint.issue() for _ in range(100)]
    assert len({parts(token)[1]["jti"] for token in tokens}) == 100


def test_it_ends_when_it_says(mint: Mint) -> None:
    """Good until its last moment and not one longer, remembered or not (RFC 9068 §4)."""
    token = mint.issue(seconds=900)
    mint.clock.set(60 + 899.9)
    mint.tokens.verify(token)
    mint.clock.set(60 + 900)
    for tokens in (mint.tokens, mint.service()):
        error = refusal(tokens, token)
        sentence = "The access token is not valid: it has expired; ask for a new one."
        assert (str(error), error.expired, error.taken_back) == (sentence, True, False)


@pytest.mark.parametrize("seconds", [0, -1, -3_600])
def test_it_may_be_over_when_it_is_made(mint: Mint, seconds: int) -> None:
    """For trying out what happens then."""
    assert refusal(mint.tokens, mint.issue(seconds=seconds)).expired


def test_another_audience_s_token_is_not_for_us(mint: Mint) -> None:
    """It is good where it was meant to go (RFC 9068 §4, RFC 9700 §4.10.2)."""
    token = mint.tokens.issue(GRANT, GRANT.scopes, 900, "https://other.example.com")
    sentence = f"The access token is not valid: its audience is not {AUDIENCE}."
    assert str(refusal(mint.tokens, token)) == sentence
    there = mint.service(audience="https://other.example.com")
    assert there.verify(token).grant_id == "grant_1"


@pytest.mark.parametrize(
    ("audience", "good"),
    [([AUDIENCE], True), (["x", AUDIENCE], True), ([], False), (["x"], False), (None, False),
     ({AUDIENCE: 1}, False), ([[AUDIENCE]], False), (AUDIENCE + "/", False)],
)  # fmt: skip
def test_an_audience_may_be_a_list(mint: Mint, audience: Any, good: object) -> None:
    """Ours must be in it, whole (RFC 7519 §4.1.3)."""
    token = mint.signed(mint.claims | {"aud": audience})
    if good:
        assert mint.tokens.verify(token).token_id == "token_1"
    else:
        assert "its audience is not" in str(refusal(mint.tokens, token))


@pytest.mark.parametrize("issuer", ["https://evil.example.com", ISSUER + "/", None, [ISSUER]])
def test_another_issuer_s_token_is_not_ours(mint: Mint, issuer: Any) -> None:
    """Even if it were signed with our key (RFC 9068 §4)."""
    token = mint.signed(mint.claims | {"iss": issuer})
    sentence = "The access token is not valid: its issuer is not this server."
    assert str(refusal(mint.tokens, token)) == sentence


@pytest.mark.parametrize(
    ("ahead", "good"), [(0, True), (5, True), (6, False), (3_600, False), (10**12, False)]
)
def test_it_was_not_issued_in_the_future(mint: Mint, ahead: int, good: object) -> None:
    """Clocks of our processes may differ by a few seconds (RFC 7519 §4.1.6)."""
    claims = mint.claims
    token = mint.signed(claims | {"iat": claims["iat"] + ahead})
    if good:
        mint.tokens.verify(token)
    else:
        assert "it was issued in the future" in str(refusal(mint.tokens, token))


@pytest.mark.parametrize("name", sorted(MINT.claims))
def test_every_claim_is_needed(mint: Mint, name: str) -> None:
    """A token of ours without one of them is not an access token (RFC 9068 §2.2)."""
    claims = mint.claims
    del claims[name]
    assert str(refusal(mint.tokens, mint.signed(claims))).startswith(
        "The access token is not valid"
    )


@pytest.mark.parametrize("exp", ["soon", None, [], {}, math.inf, math.nan, 10**30, -(10**30)])
def test_an_end_is_a_time(mint: Mint, exp: Any) -> None:
    """Whatever else stands there, the token is refused."""
    token = mint.signed(mint.claims | {"exp": exp})
    assert "(RFC 9068)" in str(refusal(mint.tokens, token))


@pytest.mark.parametrize("iat", ["0", None, [], 1.5, math.nan])
def test_a_beginning_is_a_number(mint: Mint, iat: Any) -> None:
    """One that cannot be compared is refused."""
    token = mint.signed(mint.claims | {"iat": iat})
    assert "it was issued in the future" in str(refusal(mint.tokens, token))


def test_a_scope_that_no_longer_exists_opens_nothing(mint: Mint) -> None:
    """The others of the same token still do."""
    token = mint.signed(mint.claims | {"scope": "devices:read homes:burn DEVICES:CONTROL"})
    assert mint.tokens.verify(token).scopes == {Scope.DEVICES_READ}


@given(st.text())
def test_any_text_is_some_scopes(scope: str) -> None:
    """Only whole words that are known count."""
    claims = MINT.service().verify(MINT.signed(MINT.claims | {"scope": scope}))
    assert claims.scopes == {known for known in Scope if known in scope.split()}


def test_memory_is_bounded(mint: Mint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and is read afresh when it comes again."""
    monkeypatch.setattr(access_tokens, "REMEMBERED", 3)
    issued = [mint.issue() for _ in range(10)]
    first = [mint.tokens.verify(token) for token in issued]
    assert remembered(mint.tokens) == 3
    assert mint.tokens.verify(issued[-1]) is first[-1]
    again = mint.tokens.verify(issued[0])
    assert again == first[0]
    assert again is not first[0]


def test_only_good_tokens_are_remembered(mint: Mint) -> None:
    """Neither rubbish nor what has expired takes anybody's place."""
    for token in ("rubbish", mint.issue()[:-4], mint.issue(seconds=-1)):
        refusal(mint.tokens, token)
    token = mint.issue(seconds=10)
    mint.tokens.verify(token)
    assert remembered(mint.tokens) == 1
    mint.clock.set(100)
    refusal(mint.tokens, token)
    assert remembered(mint.tokens) == 0
