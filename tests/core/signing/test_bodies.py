"""Bodies: `data` byte for byte in an envelope that is valid JSON, or a claim in its place."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.events import EventType
from core.signing import LARGEST, TEST, Form, Message, Meta, cloud_event, standard, type_name

META = Meta("place-7", 42, 41, stale=False)
MESSAGE = Message(
    id="msg_0192",
    type="device.status_changed",
    at=datetime(2026, 1, 31, 13, 5, 59, 250_999, UTC),
    source="https://api.example.com/devices/device_1",
    event_id="event_1",
    link="https://api.example.com/events/event_1",
    meta=META,
)
FORMS = (standard, cloud_event)
every_form = pytest.mark.parametrize("form", FORMS, ids=["standard", "cloud_event"])

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
WRITTEN = st.builds(
    lambda value, ascii_only, indent: json.dumps(
        value, ensure_ascii=ascii_only, indent=indent
    ).encode("utf-8", "surrogatepass"),
    VALUES,
    st.booleans(),
    st.none() | st.integers(0, 2),
)
"""The same values as different writers of JSON would have them."""
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(1, 2**63 - 1)
METAS = st.builds(Meta, PLAIN, COUNTS, st.none() | COUNTS, st.booleans(), st.none() | PLAIN)
MOMENTS = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-3))))
MESSAGES = st.builds(Message, PLAIN, PLAIN, MOMENTS, PLAIN, PLAIN, PLAIN, METAS)

ATTRIBUTES = {"specversion", "id", "source", "type", "time", "datacontenttype", "data"}


def read(form: Form, message: Message, data: bytes) -> dict[str, Any]:
    """The members of a body, each of them once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    members: dict[str, Any] = json.loads(form(message, data).content, object_pairs_hook=once)
    return members


def test_the_standard_body_is_as_the_contract_has_it() -> None:
    """Byte for byte."""
    body = standard(MESSAGE, b'{"deviceStatusChanged":{"sequence":42}}')
    assert body.content == (
        b'{"type":"device.status_changed","timestamp":"2026-01-31T13:05:59.250Z",'
        b'"data":{"deviceStatusChanged":{"sequence":42}},'
        b'"meta":{"cursor":"place-7","sequence":42,"previousSequence":41,"stale":false}}'
    )
    assert (body.content_type, body.warning) == ("application/json", None)


def test_a_cloud_event_is_as_its_specification_has_it() -> None:
    """Structured JSON, with what is ours as extension attributes."""
    body = cloud_event(MESSAGE, b'{"deviceStatusChanged":{"sequence":42}}')
    assert body.content == (
        b'{"specversion":"1.0","id":"msg_0192",'
        b'"source":"https://api.example.com/devices/device_1","type":"device.status_changed",'
        b'"time":"2026-01-31T13:05:59.250Z","datacontenttype":"application/json",'
        b'"cursor":"place-7","sequence":"0000000000000000042","stale":false,'
        b'"previoussequence":"0000000000000000041",'
        b'"data":{"deviceStatusChanged":{"sequence":42}}}'
    )
    assert (body.content_type, body.warning) == ("application/cloudevents+json", None)


def test_the_first_of_a_device_has_none_before_it() -> None:
    """Said by null, where a member may be null; an attribute without a value is left out."""
    first = replace(MESSAGE, meta=replace(META, previous_sequence=None))
    assert read(standard, first, b"{}")["meta"]["previousSequence"] is None
    assert "previoussequence" not in read(cloud_event, first, b"{}")


def test_a_replay_names_the_message_that_it_repeats() -> None:
    """And nothing else has that member."""
    again = replace(MESSAGE, meta=replace(META, replay_of="msg_0001"))
    assert read(standard, again, b"{}")["meta"]["replayOf"] == "msg_0001"
    assert read(cloud_event, again, b"{}")["replayof"] == "msg_0001"
    assert "replayOf" not in read(standard, MESSAGE, b"{}")["meta"]
    assert "replayof" not in read(cloud_event, MESSAGE, b"{}")


@every_form
@given(MESSAGES, WRITTEN)
def test_data_stands_in_the_body_byte_for_byte(form: Form, message: Message, data: bytes) -> None:
    """However it is written, and what is around it is an object that any parser of JSON takes."""
    before, after = form(message, b"\0").content.split(b'"data":\0')
    assert form(message, data).content == before + b'"data":' + data + after
    members = read(form, message, data)
    assert json.dumps(members["data"]) == json.dumps(json.loads(data))


@given(MESSAGES)
def test_what_is_said_of_a_delivery_is_the_same_in_both_forms(message: Message) -> None:
    """Whatever its texts hold: quotes, controls, any language."""
    one, other = (read(form, message, b"null") for form in FORMS)
    meta = message.meta
    assert (one["type"], one["timestamp"]) == (other["type"], other["time"])
    assert (other["id"], other["source"]) == (message.id, message.source)
    assert one["meta"]["cursor"] == other["cursor"] == meta.cursor
    assert one["meta"]["sequence"] == int(other["sequence"]) == meta.sequence
    assert one["meta"]["stale"] is other["stale"] is meta.stale
    assert one["meta"].get("replayOf") == other.get("replayof") == meta.replay_of
    previous = other.get("previoussequence")
    assert one["meta"]["previousSequence"] == (None if previous is None else int(previous))


@given(MESSAGES, st.sampled_from([b"{}", b'"' + b"x" * LARGEST + b'"']))
def test_attributes_are_such_as_cloud_events_allow(message: Message, data: bytes) -> None:
    """Names of lower-case letters and digits, at most 20; values of the types that there are."""
    members = read(cloud_event, message, data)
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,19}", name) for name in members)
    extensions = {name: value for name, value in members.items() if name not in ATTRIBUTES}
    assert all(isinstance(value, str | bool) for value in extensions.values())


@given(COUNTS, COUNTS)
def test_sequences_of_cloud_events_sort_as_texts(one: int, other: int) -> None:
    """As the extension `sequence` asks."""
    texts = [
        read(cloud_event, replace(MESSAGE, meta=replace(META, sequence=number)), b"{}")["sequence"]
        for number in (one, other)
    ]
    assert (texts[0] < texts[1]) == (one < other)


@given(MOMENTS)
def test_times_are_written_in_utc(moment: datetime) -> None:
    """By RFC 3339, to the millisecond that the moment is in."""
    written = read(standard, replace(MESSAGE, at=moment), b"{}")["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written)
    assert timedelta(0) <= moment - datetime.fromisoformat(written) < timedelta(milliseconds=1)


@every_form
def test_a_body_of_64_kib_is_sent_and_not_a_byte_more(form: Form) -> None:
    """What is larger is told of, not dropped; the claim itself always fits."""
    room = LARGEST - len(form(MESSAGE, b'""').content)
    full = form(MESSAGE, b'"' + b"x" * room + b'"')
    assert (len(full.content), full.warning) == (LARGEST, None)
    over = form(MESSAGE, b'"' + b"x" * (room + 1) + b'"')
    assert over.warning is not None
    assert f"would have {LARGEST + 1} bytes, and at most {LARGEST} are sent" in over.warning
    assert (len(over.content) < 1_000, over.content_type) == (True, full.content_type)


def test_a_claim_says_where_the_rest_is() -> None:
    """In the envelope of the delivery that it stands for, so that it is in order like any other."""
    data = b'"' + b"x" * LARGEST + b'"'
    plain, claim = (read(standard, MESSAGE, content) for content in (b"null", data))
    meta = claim["meta"]
    assert meta.pop("claim") == {"id": MESSAGE.event_id, "link": MESSAGE.link}
    assert meta.pop("warning") == standard(MESSAGE, data).warning
    assert "meta.claim.link" in str(standard(MESSAGE, data).warning)
    assert claim == plain


def test_a_claim_of_a_cloud_event_is_a_data_reference() -> None:
    """The extension `dataref` in the place of `data`, and the event's id."""
    data = b'"' + b"x" * LARGEST + b'"'
    plain, claim = (read(cloud_event, MESSAGE, content) for content in (b"null", data))
    assert (claim.pop("dataref"), claim.pop("eventid")) == (MESSAGE.link, MESSAGE.event_id)
    assert claim.pop("warning") == cloud_event(MESSAGE, data).warning
    assert {**claim, "data": None} == plain


def test_types_are_named_as_the_contract_names_them() -> None:
    """Each of them, and the one of test deliveries."""
    assert {*map(type_name, EventType), TEST} == {
        "device.status_changed",
        "device.added",
        "device.updated",
        "device.removed",
        "device.availability_changed",
        "home.updated",
        "command.updated",
        "endpoint.test",
    }
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", type_name(each)) for each in EventType)
