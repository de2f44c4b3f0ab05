"""The receivers of docs/webhooks.md, run as processes: what our sender sends them, and strangers.

What they verify with are the official libraries of Standard Webhooks; what signs and sends is ours.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from core.domain.answers import Answer, meaning
from core.signing import LARGEST, TOLERANCE, Form, Former, KeyPair, cloud_event, standard
from tests.core.signing.vectors import ED25519
from tests.docs.receivers import (
    CLOCK,
    FOLDER,
    OTHER,
    RECEIVERS,
    SECRET,
    Running,
    Signed,
    changed,
    running,
    signed,
)
from tests.webhooks.receivers import sending
from webhooks.replies import Reply
from webhooks.sender import Sender

every_form = pytest.mark.parametrize("form", [standard, cloud_event])
LATE = TOLERANCE + timedelta(seconds=10)


@pytest.fixture(scope="module", params=RECEIVERS)
def receiver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One of the receivers, which has the secret."""
    with running(request.param, tmp_path_factory.mktemp("receiver")) as one:
        yield one


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """The sender of the worker."""
    async with sending() as one:
        yield one


async def post(sender: Sender, receiver: Running, message: Signed) -> Reply:
    """Send a message once."""
    return await sender.post(receiver.url, message.headers, message.body)


@every_form
async def test_what_is_good_is_taken_once(receiver: Running, sender: Sender, form: Form) -> None:
    """With 204, in order; what comes again is taken too, and not worked on again."""
    sent = [signed(form) for _ in range(5)]
    answers = [await post(sender, receiver, one) for one in (*sent, *sent)]
    assert {(one.status, one.taken) for one in answers} == {(204, True)}
    assert receiver.handled(5) == [one.members for one in sent]
    twice = signed(form)
    together = await asyncio.gather(*(post(sender, receiver, twice) for _ in range(20)))
    assert {one.status for one in together} == {204}
    assert receiver.handled(1) == [twice.members]


@every_form
async def test_either_key_of_a_rotation_will_do(
    receiver: Running, sender: Sender, form: Form
) -> None:
    """The receiver has the old secret or the new one, or moved from a key pair; all at once too."""
    until = CLOCK.now() + timedelta(hours=1)
    sent = [
        signed(form, Former(SECRET, until), key=OTHER),
        signed(form, Former(OTHER, until)),
        signed(form, Former(OTHER, until), Former(SECRET, until), key=KeyPair.make()),
    ]
    assert [len(one.headers["webhook-signature"].split(" ")) for one in sent] == [2, 2, 3]
    assert {(await post(sender, receiver, one)).status for one in sent} == {204}
    assert receiver.handled(3) == [one.members for one in sent]
    over = signed(form, Former(SECRET, CLOCK.now()), key=OTHER)
    assert (await post(sender, receiver, over)).status == 400


@every_form
async def test_what_is_forged_is_refused(receiver: Running, sender: Sender, form: Form) -> None:
    """With 400, which we take for a refusal, and nothing of it is worked on or remembered."""
    good = signed(form)
    spaced = replace(good, body=good.body.replace(b":", b": ", 1))
    assert spaced.members == good.members
    forged = [
        replace(good, body=good.body.replace("Küche".encode(), b"Keller")),
        spaced,
        replace(good, headers={**good.headers, "webhook-id": "msg_another"}),
        replace(good, body=b""),
        signed(form, key=OTHER),
        signed(form, key=KeyPair.make()),
        signed(form, at=CLOCK.now() - LATE),
        signed(form, at=CLOCK.now() + LATE),
    ]
    answers = [await post(sender, receiver, one) for one in forged]
    assert [(one.status, meaning(one.status)) for one in answers] == [
        (400, Answer.REFUSED) for _ in forged
    ]
    assert (await post(sender, receiver, good)).status == 204
    assert receiver.handled(1) == [good.members]


@every_form
async def test_a_body_of_the_largest_size_is_taken(
    receiver: Running, sender: Sender, form: Form
) -> None:
    """And the claim that comes in the place of a larger one."""
    signed(form)  # the first of all names none before it, and so is shorter
    room = LARGEST - len(signed(form, data=b'""').body) - 20  # its number may get longer
    full, claim = (signed(form, data=b'"' + b"x" * size + b'"') for size in (room, LARGEST))
    assert LARGEST - 40 < len(full.body) <= LARGEST
    assert len(claim.body) < 1_000
    assert {(await post(sender, receiver, one)).status for one in (full, claim)} == {204}
    assert receiver.handled(2) == [full.members, claim.members]


async def test_rubbish_costs_the_receiver_nothing(receiver: Running, sender: Sender) -> None:
    """Headers that are none, bytes that are no text, the wrong way, too much, half a request."""
    good = signed(standard)
    bad: list[dict[str, str]] = [
        {},
        *({"webhook-signature": one} for one in ("", "v1", "v1,", "v1,é", "v1,A,B", ", ,,")),
        *({"webhook-timestamp": one} for one in ("", "soon", "nan", "9" * 5_000, "-1", "1e9")),
    ]
    for headers in bad:
        sent = {**good.headers, **headers} if headers else {}
        assert (await sender.post(receiver.url, sent, good.body)).status == 400, headers
    assert (await sender.post(receiver.url, good.headers, b"\xff\xfe")).status == 400
    elsewhere = receiver.url.removesuffix("hooks")
    assert (await sender.post(elsewhere, good.headers, good.body)).status == 404
    much = await sender.post(receiver.url, good.headers, bytes(1_000_000))
    assert (much.status, much.taken, much.seconds < 5) in {(413, False, True), (None, False, True)}
    await asyncio.to_thread(_half_a_request, receiver.port)
    assert (await post(sender, receiver, good)).status == 204
    assert receiver.handled(1) == [good.members]


@pytest.mark.parametrize("path", RECEIVERS)
async def test_one_that_is_full_asks_for_time(path: Path, tmp_path: Path, sender: Sender) -> None:
    """With 503 and `Retry-After`, and does not take for seen what it did not take."""
    copy = changed(
        path, tmp_path, lambda text: text.replace("MOST_WAITING = 1_000", "MOST_WAITING = 0")
    )
    with running(copy, tmp_path) as full:
        for _ in range(2):
            answer = await post(sender, full, signed(standard))
            assert (meaning(answer.status), answer.status) == (Answer.AGAIN, 503)
            assert answer.retry_after == 5
        assert full.handled(0) == []


@pytest.mark.parametrize("path", RECEIVERS)
async def test_what_is_remembered_is_bounded(path: Path, tmp_path: Path, sender: Sender) -> None:
    """The oldest is forgotten first."""
    copy = changed(
        path, tmp_path, lambda text: text.replace("REMEMBERED = 10_000", "REMEMBERED = 2")
    )
    one, two, three = (signed(standard) for _ in range(3))
    with running(copy, tmp_path) as forgetful:
        for message in (one, two, one, three, two, one):
            assert (await post(sender, forgetful, message)).status == 204
        assert forgetful.handled(4) == [message.members for message in (one, two, three, one)]


def _half_a_request(port: int) -> None:
    """Begin a request and reset the connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.fixture(scope="module")
def public_key() -> ModuleType:
    """The module of the example."""
    spec = spec_from_file_location("public_key", FOLDER / "python/public_key.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@every_form
def test_a_public_key_is_enough(public_key: ModuleType, form: Form) -> None:
    """For what is good, during a rotation too, and for nothing that is not."""
    pair, other = KeyPair.make(), KeyPair.make()
    until = CLOCK.now() + timedelta(hours=1)
    good = signed(form, key=pair)
    for one in (
        good,
        signed(form, Former(pair, until), key=other),
        signed(form, Former(pair, until)),
    ):
        assert public_key.holds(pair.public.text, one.headers, one.body)
    for one in (
        replace(good, body=good.body + b" "),
        replace(good, headers={**good.headers, "webhook-id": "msg_another"}),
        replace(good, headers={**good.headers, "webhook-signature": "v1a, v1a v1a,x"}),
        replace(good, headers={}),
        signed(form, key=other),
        signed(form),
        *(signed(form, key=pair, at=CLOCK.now() + late) for late in (LATE, -LATE)),
    ):
        assert not public_key.holds(pair.public.text, one.headers, one.body)
    soon = {**good.headers, "webhook-timestamp": "soon"}
    assert not public_key.holds(pair.public.text, soon, good.body)


def test_a_published_signature_holds(
    public_key: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of the specification, at its time."""
    monkeypatch.setattr("time.time", lambda: float(ED25519.seconds))
    assert public_key.holds(ED25519.verifies, ED25519.headers, ED25519.body)
