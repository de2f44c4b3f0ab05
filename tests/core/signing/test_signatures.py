"""Signing and verifying: published vectors, the official receiver, rotation, clocks, forgeries."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from core.domain.errors import Unauthenticated
from core.signing import (
    TOLERANCE,
    Former,
    KeyPair,
    ReceiverKey,
    Secret,
    Signer,
    Verified,
    receiver_key,
    sender_key,
    verify,
)
from core.signing.verifier import MOST_SIGNATURES
from tests.core.signing.vectors import (
    ED25519,
    FOREIGN,
    HMAC,
    NO_SECONDS,
    SIGNED,
    UNSIGNED,
    Signed,
)
from tests.fakes import START

SECRET, OTHER = Secret(bytes(32)), Secret(b"another secret, 32 bytes long...")
PAIR = KeyPair.parse(ED25519.signs)
SECRETS = st.binary(min_size=24, max_size=64).map(Secret)
BODIES = st.binary(max_size=600)
TEXTS = st.text(max_size=600)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - set below
    lambda moment: moment.replace(tzinfo=UTC)
)
every_vector = pytest.mark.parametrize("vector", SIGNED, ids=["hmac", "rust", "ed25519"])


def refused(
    keys: Sequence[ReceiverKey],
    headers: Mapping[str, str],
    body: bytes = HMAC.body,
    now: datetime = HMAC.at,
) -> str:
    """Why a delivery does not hold."""
    with pytest.raises(Unauthenticated) as found:
        verify(keys, headers, body, now)
    sentence = str(found.value)
    assert sentence.startswith("The delivery cannot be verified: ")
    return sentence.removeprefix("The delivery cannot be verified: ")


def signed(signer: Signer, message_id: str, at: datetime, body: bytes) -> str:
    """The signatures of a delivery."""
    return signer.headers(message_id, at, body)["webhook-signature"]


def whole(at: datetime) -> datetime:
    """The time as a delivery tells it: whole seconds."""
    return at.replace(microsecond=0)


@every_vector
def test_the_published_vectors_are_signed(vector: Signed) -> None:
    """To the letter, as the libraries of Standard Webhooks and Svix's server do."""
    signer = Signer(sender_key(vector.signs))
    assert signer.headers(vector.id, vector.at, vector.body) == vector.headers


@every_vector
def test_the_published_vectors_are_verified(vector: Signed) -> None:
    """Whatever case the names of the headers are in."""
    keys = [receiver_key(vector.verifies)]
    shouted = {name.upper(): value for name, value in vector.headers.items()}
    for headers in (vector.headers, shouted):
        assert verify(keys, headers, vector.body, vector.at) == Verified(vector.id, vector.at)


@pytest.mark.parametrize("signature", UNSIGNED)
def test_what_the_libraries_refuse_is_refused(signature: str) -> None:
    """Wrong, cut short or empty."""
    headers = {**HMAC.headers, "webhook-signature": signature}
    assert "none in webhook-signature" in refused([Secret.parse(HMAC.signs)], headers)


@pytest.mark.parametrize("name", sorted(HMAC.headers))
def test_each_header_is_needed(name: str) -> None:
    """The sentence says which is missing; an empty one is."""
    keys = [Secret.parse(HMAC.signs)]
    headers = {other: value for other, value in HMAC.headers.items() if other != name}
    assert refused(keys, headers) == f"{name} is missing."
    assert refused(keys, {**headers, name: ""}) == f"{name} is missing."


@pytest.mark.parametrize("text", [*NO_SECONDS, " 1614265330", "١٦١٤", "1e9", "9" * 12, "1\n"])
def test_a_timestamp_is_whole_seconds(text: str) -> None:
    """Nothing else that a parser of numbers might take."""
    headers = {**HMAC.headers, "webhook-timestamp": text}
    told = refused([Secret.parse(HMAC.signs)], headers)
    assert told == "webhook-timestamp is a whole number of seconds since 1970."


@given(SECRETS, IDS, MOMENTS, TEXTS)
def test_the_official_library_signs_the_same(
    secret: Secret, message_id: str, at: datetime, text: str
) -> None:
    """Byte for byte, whatever the body is."""
    theirs = Webhook(secret.text).sign(message_id, whole(at), text)
    assert signed(Signer(secret), message_id, at, text.encode()) == theirs


@given(SECRETS, SECRETS, IDS, TEXTS)
def test_the_official_library_takes_what_is_signed(
    old: Secret, new: Secret, message_id: str, text: str
) -> None:
    """With the old secret and with the new one while both sign, and beside a key pair."""
    now, body = datetime.now(UTC), text.encode()
    later = now + timedelta(hours=24)
    signer = Signer(new, [Former(old, later), Former(PAIR, later)])
    headers = signer.headers(message_id, now, body)
    for secret in (old, new):
        Webhook(secret.text).verify(body, headers, json_parse=False)
    if OTHER.text not in {old.text, new.text}:
        with pytest.raises(WebhookVerificationError):
            Webhook(OTHER.text).verify(body, headers, json_parse=False)


@given(SECRETS | st.builds(KeyPair.make), IDS, MOMENTS, BODIES)
def test_what_is_signed_is_verified(
    key: Secret | KeyPair, message_id: str, at: datetime, body: bytes
) -> None:
    """Of both kinds; the receiver knows it by its id and its second."""
    headers = Signer(key).headers(message_id, at, body)
    keys = [key.public if isinstance(key, KeyPair) else key]
    assert verify(keys, headers, body, at) == Verified(message_id, whole(at))


@pytest.mark.parametrize("vector", [HMAC, ED25519], ids=["hmac", "ed25519"])
@given(st.data())
def test_every_bit_counts(vector: Signed, data: st.DataObject) -> None:
    """Of the body, the id, the second and the signature itself."""
    keys = [receiver_key(vector.verifies)]
    body = bytearray(vector.body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    refused(keys, vector.headers, bytes(body))
    for name in vector.headers:
        value = vector.headers[name]
        at = data.draw(st.integers(0, len(value) - 1))
        letter = data.draw(st.characters(max_codepoint=0xFF, exclude_characters=value[at]))
        changed = value[:at] + letter + value[at + 1 :]
        refused(keys, {**vector.headers, name: changed}, vector.body)


@pytest.mark.parametrize("vector", [HMAC, ED25519], ids=["hmac", "ed25519"])
def test_a_signature_is_written_in_one_way(vector: Signed) -> None:
    """Without its padding, or with other bits where base64 has some to spare, it is none."""
    bare = vector.signature.rstrip("=")
    padding = "=" * (len(vector.signature) - len(bare))
    for other in (bare, bare[:-1] + chr(ord(bare[-1]) + 1) + padding, vector.signature + "="):
        headers = {**vector.headers, "webhook-signature": other}
        refused([receiver_key(vector.verifies)], headers, vector.body)


@given(st.text(st.characters(), max_size=200))
@example("é\udc80")
def test_rubbish_signs_nothing(text: str) -> None:
    """Whatever stands behind a version, or without one."""
    keys: list[ReceiverKey] = [Secret.parse(HMAC.signs), PAIR.public]
    for signature in (text, f"v1,{text}", f"v1a,{text}", f"v1 v1a , ,, {text}"):
        refused(keys, {**HMAC.headers, "webhook-signature": signature})


def test_one_signature_of_several_is_enough() -> None:
    """Those of versions that are not known and of keys that are another's are passed over."""
    mixed = " ".join([FOREIGN, FOREIGN.replace("v1", "v2"), "rubbish", HMAC.signature, FOREIGN])
    headers = {**HMAC.headers, "webhook-signature": mixed}
    assert verify([OTHER, Secret.parse(HMAC.signs)], headers, HMAC.body, HMAC.at).id == HMAC.id


def test_a_signature_counts_for_its_version_alone() -> None:
    """HMAC is no Ed25519, and the other way round, whatever the header calls it."""
    for vector, own, wrong in ((HMAC, "v1,", "v1a,"), (ED25519, "v1a,", "v1,")):
        headers = {**vector.headers, "webhook-signature": wrong + vector.signature[len(own) :]}
        refused([receiver_key(vector.verifies)], headers, vector.body)
        refused([Secret.parse(HMAC.signs), PAIR.public], headers, vector.body)


def test_signatures_are_read_up_to_a_bound() -> None:
    """Each might cost a verification, so a sender cannot ask for many."""
    keys = [Secret.parse(HMAC.signs)]
    most = [FOREIGN] * (MOST_SIGNATURES - 1) + [HMAC.signature]
    verify(keys, {**HMAC.headers, "webhook-signature": " ".join(most)}, HMAC.body, HMAC.at)
    more = {**HMAC.headers, "webhook-signature": " ".join([FOREIGN, *most])}
    assert refused(keys, more) == f"webhook-signature has more than {MOST_SIGNATURES} signatures."


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, None), (300, None), (-300, None), (300.001, "older"), (-300.001, "newer"), (1e9, "older")],
)
def test_clocks_may_be_five_minutes_apart(seconds: float, told: str | None) -> None:
    """The receiver's before the sender's or behind it; what is replayed later is refused."""
    now, keys = HMAC.at + timedelta(seconds=seconds), [Secret.parse(HMAC.signs)]
    assert timedelta(minutes=5) == TOLERANCE
    if told is None:
        assert verify(keys, HMAC.headers, HMAC.body, now).at == HMAC.at
    else:
        sentence = f"webhook-timestamp is {told} than 300 s by this clock."
        assert refused(keys, HMAC.headers, now=now) == sentence


def test_a_second_is_the_same_in_every_zone() -> None:
    """Timestamps are of the moment, not of what a clock on some wall shows."""
    zoned = HMAC.at.astimezone(timezone(timedelta(hours=5, minutes=45)))
    headers = Signer(Secret.parse(HMAC.signs)).headers(HMAC.id, zoned, HMAC.body)
    assert headers == HMAC.headers


def test_old_and_new_sign_together_until_the_old_one_is_over() -> None:
    """The newest first; one signer serves before and after, for both kinds of key."""
    over = START + timedelta(hours=24)
    signer = Signer(PAIR, [Former(SECRET, over)])
    last = over - timedelta(seconds=1)
    during, after = (signed(signer, "msg_1", at, b"{}") for at in (last, over))
    assert [one.split(",")[0] for one in during.split(" ")] == ["v1a", "v1"]
    assert [one.split(",")[0] for one in after.split(" ")] == ["v1a"]


def test_a_rotation_interrupts_no_receiver() -> None:
    """With the old key, with the new one or with both, a receiver verifies all along."""
    over = START + timedelta(hours=24)
    before, since = Signer(SECRET), Signer(PAIR, [Former(SECRET, over)])
    old: list[ReceiverKey] = [SECRET]
    new: list[ReceiverKey] = [PAIR.public]
    for signer, at, held in (
        (before, START, [old, old + new]),
        (since, START, [old, new, old + new]),
        (since, over, [new, old + new]),
    ):
        headers = signer.headers("msg_1", at, b"{}")
        assert all(verify(keys, headers, b"{}", at).id == "msg_1" for keys in held)
    refused(new, before.headers("msg_1", START, b"{}"), b"{}", START)
    refused(old, since.headers("msg_1", over, b"{}"), b"{}", over)


@pytest.mark.parametrize("message_id", ["", "msg.1", "msg_1\r\nx: y", "msg_é", "m" * 129, "msg 1"])
def test_an_id_cannot_trade_bytes_with_the_body(message_id: str) -> None:
    """With a full stop in it, two messages would have the same signature."""
    with pytest.raises(ValueError, match="webhook-id has 1 to 128"):
        Signer(SECRET).headers(message_id, START, b"{}")
    if message_id:
        headers = {**HMAC.headers, "webhook-id": message_id}
        assert refused([SECRET], headers).startswith("webhook-id has 1 to 128")
