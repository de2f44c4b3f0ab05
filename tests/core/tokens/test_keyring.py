"""Signing keys: which signs, which verify, and for how long."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Unauthenticated, Unavailable
from tests.core.tokens.mint import NEWER, SECRET, Mint, later, parts

HOUR = 3_600


def signer(mint: Mint) -> str:
    """The key that signs now."""
    return mint.ring.signing()[0]


def test_a_key_that_is_alone_signs_at_once() -> None:
    """There is nothing to wait for when a server is set up."""
    mint = Mint()
    mint.rotate()
    assert signer(mint) == "key_1"
    assert mint.tokens.verify(mint.issue()).grant_id == "grant_1"


def test_a_new_key_signs_once_all_have_heard(mint: Mint) -> None:
    """Ten seconds after it was made, and the old one until then."""
    mint.rotate()
    assert signer(mint) == "key_1"
    later(mint, seconds=9.9)
    assert signer(mint) == "key_1"
    later(mint, seconds=0.1)
    assert signer(mint) == "key_2"


def test_two_keys_in_a_hurry(mint: Mint) -> None:
    """Rotating twice within seconds leaves the key that everybody knows signing."""
    mint.rotate()
    later(mint, seconds=5)
    mint.rotate()
    later(mint, seconds=5)
    assert signer(mint) == "key_2"
    later(mint, seconds=5)
    assert signer(mint) == "key_3"


def test_a_token_outlives_its_key(mint: Mint) -> None:
    """What the old key signed verifies, and the new key's tokens do, everywhere."""
    old = mint.issue()
    mint.rotate()
    later(mint, seconds=10)
    new = mint.issue()
    assert [parts(token)[0]["kid"] for token in (old, new)] == ["key_1", "key_2"]
    for tokens in (mint.tokens, mint.service()):
        assert tokens.verify(old) != tokens.verify(new)


@pytest.mark.parametrize("remembered", [True, False])
def test_a_retired_key_ends_after_the_overlap(mint: Mint, remembered: object) -> None:
    """A token of more than a day ends with its key, whether a process remembers it or not."""
    token = mint.issue(seconds=48 * HOUR)
    mint.rotate()
    tokens = mint.service()
    later(mint, hours=24.99)
    if remembered:
        tokens.verify(token)
    later(mint, hours=0.01)
    with pytest.raises(Unauthenticated, match="signed with a key that this server does not have"):
        tokens.verify(token)
    assert len(vars(tokens)["_known"]) == 0


def test_what_is_published_is_what_verifies(mint: Mint) -> None:
    """Public parts alone, of every key that may have signed a token that is still good."""
    mint.rotate()
    assert [jwk["kid"] for jwk in mint.ring.published()] == ["key_1", "key_2"]
    for jwk in mint.ring.published():
        assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(jwk)
        assert (jwk["crv"], jwk["use"], jwk["alg"]) == ("P-256", "sig", "ES256")
    later(mint, hours=25)
    assert [jwk["kid"] for jwk in mint.ring.published()] == ["key_2"]
    assert mint.ring.verifying("key_1") is None


def test_what_is_published_can_be_changed_by_nobody(mint: Mint) -> None:
    """A caller gets a copy."""
    mint.ring.published()[0].clear()
    assert mint.ring.published()[0]["kid"] == "key_1"


def test_a_verifying_key_cannot_sign(mint: Mint) -> None:
    """The ring hands out the public part where the private one is not needed."""
    key = mint.ring.verifying("key_1")
    assert key is not None
    assert not key.is_private
    assert mint.ring.signing()[1].is_private


def test_a_stored_key_keeps_its_secret(mint: Mint) -> None:
    """The private number stands nowhere in clear."""
    stored = mint.stored[0]
    private = mint.ring.signing()[1].as_dict(private=True)["d"]
    assert "d" not in stored.public
    assert str(private) not in repr(stored)


def test_the_wrong_secret_keys_cannot_sign(mint: Mint) -> None:
    """The process says what to look at; it verifies all the same, since that needs no secret."""
    foreign = mint.service(mint.process(NEWER))
    assert foreign.verify(mint.issue()).grant_id == "grant_1"
    with pytest.raises(Unavailable, match="check LATCHKEY_SECRET_KEYS"):
        mint.process(NEWER).signing()


def test_without_keys_nothing_can_be_signed() -> None:
    """Before the first key is made."""
    mint = Mint()
    with pytest.raises(Unavailable, match="No signing key can be used here"):
        mint.issue()
    assert mint.ring.published() == []


def test_a_process_signs_with_what_it_can_open(mint: Mint) -> None:
    """One that does not have the newest secret goes on with the older key while that verifies."""
    mint.rotate(mint.process(NEWER, SECRET))
    later(mint, seconds=10)
    assert mint.process(SECRET).signing()[0] == "key_1"
    assert mint.process(NEWER, SECRET).signing()[0] == "key_2"
    assert mint.process(NEWER).signing()[0] == "key_2"
    later(mint, hours=25)
    with pytest.raises(Unavailable):
        mint.process(SECRET).signing()


def test_secret_keys_rotate_under_signing_keys(mint: Mint) -> None:
    """With the new secret in front, the key that the old one sealed still signs."""
    assert mint.process(NEWER, SECRET).signing()[0] == "key_1"


def test_a_key_that_is_gone_verifies_no_more(mint: Mint) -> None:
    """Taking a key out of the access log ends its tokens at once, remembered ones too."""
    token = mint.issue()
    mint.tokens.verify(token)
    mint.stored.clear()
    with pytest.raises(Unauthenticated):
        mint.tokens.verify(token)


def test_the_order_of_the_log_does_not_matter(mint: Mint) -> None:
    """The newest key is the one that was made last, wherever it stands."""
    mint.rotate()
    later(mint, seconds=10)
    mint.stored.reverse()
    assert signer(mint) == "key_2"


@given(st.lists(st.tuples(st.sampled_from(["rotate", "issue"]), st.integers(0, 20 * HOUR))))
def test_whatever_rotates_a_token_lives_its_day(steps: list[tuple[str, int]]) -> None:
    """Some key always signs, all know it by then, and each token verifies until it is over."""
    mint, issued = Mint(), list[tuple[str, float]]()
    made = [replace(mint.rotate())]
    for step, seconds in steps:
        if step == "rotate":
            made.append(mint.rotate())
        known = [
            key.id for key in made if mint.clock.now() - key.created_at >= timedelta(seconds=10)
        ]
        assert signer(mint) == (known or ["key_1"])[-1]
        issued.append((mint.issue(seconds=24 * HOUR), mint.clock.monotonic()))
        later(mint, seconds=seconds)
        fresh = mint.service()
        for token, at in issued:
            if mint.clock.monotonic() < at + 24 * HOUR:
                assert fresh.verify(token) == mint.tokens.verify(token)
