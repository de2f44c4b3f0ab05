"""Keys of webhooks: made, written, read, and refused without telling what they are."""

from base64 import b64decode, b64encode, urlsafe_b64decode

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.signing import KeyPair, PublicKey, Secret, receiver_key, sender_key
from tests.core.signing.vectors import ED25519, EMPTY_SECRETS, HMAC

SEEDS = st.binary(min_size=32, max_size=32)


def test_a_new_secret_is_of_256_random_bits() -> None:
    """Written as Standard Webhooks writes them, and never twice the same."""
    texts = {Secret.make().text for _ in range(20)}
    assert len(texts) == 20
    assert all(text.startswith("whsec_") and len(b64decode(text[6:])) == 32 for text in texts)


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_comes_back(raw: bytes) -> None:
    """With the padding of its base64 or, as when it was picked up by a double click, without."""
    text = "whsec_" + b64encode(raw).decode()
    for shown in (text, text.rstrip("=")):
        secret = Secret.parse(shown)
        assert (secret.text, secret.sign(b"x")) == (text, Secret(raw).sign(b"x"))


@given(st.binary(max_size=23) | st.binary(min_size=65, max_size=99))
def test_a_secret_has_24_to_64_bytes(raw: bytes) -> None:
    """The sentence says how many there are instead."""
    with pytest.raises(Invalid) as refused:
        Secret.parse("whsec_" + b64encode(raw).decode())
    sentence = f"A webhook secret has 24 to 64 bytes, and this one has {len(raw)}."
    assert str(refused.value) == sentence


def test_a_new_key_pair_signs_what_its_public_key_holds() -> None:
    """As texts, in the hands of both sides."""
    made = KeyPair.make()
    assert KeyPair.make().text != made.text
    signature = KeyPair.parse(made.text).sign(b"x")
    assert PublicKey.parse(made.public.text).holds(b"x", signature.removeprefix("v1a,"))


def test_a_key_pair_is_written_as_others_write_it() -> None:
    """The private key, then the public one."""
    pair = KeyPair.parse(ED25519.signs)
    assert (pair.text, pair.public.text) == (ED25519.signs, ED25519.verifies)
    assert b64decode(pair.text[5:])[32:] == b64decode(pair.public.text[5:])


@given(SEEDS, SEEDS)
def test_the_halves_of_a_pair_belong_together(private: bytes, public: bytes) -> None:
    """A public key of another pair would have receivers refuse what we sign."""
    with pytest.raises(Invalid, match="two halves"):
        KeyPair.parse("whsk_" + b64encode(private + public).decode())


NO_SECRET = "This is no webhook secret: that is whsec_ and 24 to 64 bytes in base64."
NO_PRIVATE = "This is no webhook private key: that is whsk_ and 64 bytes in base64."
NO_PUBLIC = "This is no webhook public key: that is whpk_ and 32 bytes in base64."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HMAC.signs.removeprefix("whsec_"), NO_SECRET),
        (HMAC.signs.replace("whsec_", "WHSEC_"), NO_SECRET),
        (HMAC.signs + " ", NO_SECRET),
        (HMAC.signs + "A", NO_SECRET),
        (HMAC.signs + "=", NO_SECRET),
        (HMAC.signs.replace("M", "-"), NO_SECRET),
        ("whsec_é\udc80", NO_SECRET),
        (ED25519.verifies, NO_SECRET),
        (ED25519.signs[:-3], NO_PRIVATE),
        ("whsk_" + ED25519.verifies[5:], NO_PRIVATE),
        ("whsk_", NO_PRIVATE),
    ],
)
def test_what_signs_nothing_is_refused(text: str, sentence: str) -> None:
    """With what would be right, and nothing of what it was."""
    with pytest.raises(Invalid) as refused:
        sender_key(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ED25519.signs, NO_SECRET),
        ("whpk_" + ED25519.signs[5:], NO_PUBLIC),
        ("whpk_" + ED25519.verifies[5:-2] + "5=", NO_PUBLIC),
        ("whpk_", NO_PUBLIC),
        ("", NO_SECRET),
    ],
)
def test_what_verifies_nothing_is_refused(text: str, sentence: str) -> None:
    """A private key, too: a receiver has no business with it."""
    with pytest.raises(Invalid) as refused:
        receiver_key(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("text", EMPTY_SECRETS)
def test_an_empty_secret_is_none(text: str) -> None:
    """Neither to sign with nor to verify with."""
    for read in (sender_key, receiver_key):
        with pytest.raises(Invalid):
            read(text)


@given(st.text(st.characters()) | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_rubbish_is_refused(text: str) -> None:
    """Whatever it is, behind whatever prefix."""
    for prefix in ("", "whsk_", "whpk_"):
        for read in (sender_key, receiver_key):
            with pytest.raises(Invalid) as refused:
                read(prefix + "~" + text)
            assert str(refused.value) in {NO_SECRET, NO_PRIVATE, NO_PUBLIC}


def test_a_key_that_is_printed_tells_nothing() -> None:
    """As it would be in a log or the trace of an error."""
    secret, pair = Secret.parse(HMAC.signs), KeyPair.parse(ED25519.signs)
    shown = f"{secret!r} {secret} {pair!r} {pair}"
    assert HMAC.signs[6:] not in shown
    assert ED25519.signs[5:] not in shown


def test_a_public_key_as_a_jwk() -> None:
    """As RFC 8037 writes the key of its appendix A.2, with the thumbprint of A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    raw = b64encode(urlsafe_b64decode(x + "=")).decode()
    assert PublicKey.parse("whpk_" + raw).jwk == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": x,
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "use": "sig",
    }
