"""docs/webhooks.md: its numbers, quotations, bodies and GraphQL are those of the code."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import chain
from typing import Any

import orjson
import pytest
from graphql import build_schema, parse, validate

from core.domain import answers, breaker, deliveries, health, schedule
from core.domain.answers import Answer, meaning
from core.domain.deliveries import DeliveryStatus
from core.domain.events import EventType
from core.settings import Settings
from core.signing import LARGEST, TEST, TOLERANCE, Message, Meta, cloud_event, standard, type_name
from tests.processes import ROOT

PAGE = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
FILES = [
    ROOT / "docs/examples/receivers" / name
    for name in ("python/receiver.py", "python/public_key.py", "node/receiver.mjs")
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PARTS = re.compile(r"(\d+) (s|min|h|days?)\b")
UNITS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400, "days": 86_400}
MARKS = schedule.parsed(schedule.DEFAULT)


def blocks(kind: str) -> list[str]:
    """What stands in the fences of a kind."""
    return [text for name, text in BLOCK.findall(PAGE) if name == kind]


def table(head: str) -> list[list[str]]:
    """The rows of the table whose head begins so."""
    found = PAGE.split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in found]


def seconds(text: str) -> float:
    """A time as it is written: `5 min 5 s`."""
    return sum(int(many) * UNITS[unit] for many, unit in PARTS.findall(text))


def spelled(time: timedelta | float) -> str:
    """A time in the largest unit that fits."""
    whole = time.total_seconds() if isinstance(time, timedelta) else time
    unit = next(name for name in ("h", "min", "s") if not whole % UNITS[name])
    return f"{whole / UNITS[unit]:g} {unit}"


def test_the_table_of_attempts_is_the_schedule() -> None:
    """Each wait, the ages that they add up to, and that there are no more."""
    rows = table("attempt")
    assert [int(number) for number, *_ in rows] == [*range(1, len(MARKS.steps) + 2)]
    assert [seconds(wait) for _, wait, _ in rows] == [0, *MARKS.steps]
    assert [seconds(age) for *_, age in rows] == [0, *MARKS.marks]
    assert f"up to {schedule.JITTER:.0%} of its wait".replace("%", " %") in PAGE
    assert MARKS.wait(MARKS.reach, 1, schedule.LATE_WAITS, 0) is not None
    assert MARKS.wait(MARKS.reach, 1, schedule.LATE_WAITS + 1, 0) is None
    assert f"still tried {schedule.LATE_WAITS + 1} times" in PAGE


def test_the_table_of_answers_is_what_they_mean() -> None:
    """Every status is where the code has it: a number counts for more than a range."""
    means = [Answer.TAKEN, Answer.AGAIN, Answer.REFUSED, Answer.GONE]
    told: dict[int, Answer] = {}
    rows = [(cells[0], mean) for cells, mean in zip(table("your answer"), means, strict=True)]
    for cell, mean in rows:
        for low, high in re.findall(r"(\d+)–(\d+)", cell):
            told.update(dict.fromkeys(range(int(low), int(high) + 1), mean))
    for cell, mean in rows:
        told.update({int(one): mean for one in re.findall(r"(?<![–\d])\d{3}(?![–\d])", cell)})
    assert told == {status: meaning(status) for status in range(200, 600)}
    assert meaning(None) is Answer.AGAIN
    assert deliveries.LASTING == 3
    assert "`FAILED` with the third refusal in a row" in PAGE
    assert MARKS.marks[deliveries.LASTING - 2] == seconds("5 min 5 s")
    assert "`FAILED` after about five minutes" in PAGE


def test_the_numbers_are_those_of_the_code() -> None:
    """Those that stand in sentences."""
    assert Settings.model_fields["webhook_timeout_seconds"].default == 15
    first, longest = map(spelled, (breaker.FIRST_COOL_DOWN, breaker.LONGEST_COOL_DOWN))
    days = [after.days for after in health.NOTICES]
    for sentence in (
        "Answer 2xx within 15 s",
        f"The first {answers.RESPONSE_KEPT} characters of your answer",
        f"larger than {LARGEST // 1024} KiB",
        f"more than {TOLERANCE.total_seconds() / 60:g} minutes from your clock",
        f"from {spelled(schedule.LEAST_RETRY_AFTER)} to {spelled(schedule.MOST_RETRY_AFTER)}",
        f"**{breaker.THRESHOLD} failures in a row**",
        f"nothing is sent for {first};",
        f"the pause doubles, up to {longest}.",
        "**Failing for {}, {} and {} days**".format(*days),
        f"for {spelled(health.LEAST_SPAN)} at least between",
        " ".join(f"`{one.value}`," for one in DeliveryStatus).rstrip(","),
    ):
        assert sentence in PAGE, sentence
    for status in chain(map(type_name, EventType), [TEST]):
        assert f"`{status}`" in PAGE
    assert breaker.cool_down(2) == 2 * breaker.FIRST_COOL_DOWN


@pytest.mark.parametrize("row", table("limit"), ids=lambda row: row[0])
def test_the_limit_table_is_the_constants(row: list[str]) -> None:
    """A limit is what the constants that it names say."""
    _, value, where = row
    named = re.findall(r"`([\w/]+)\.py: ([^`]+)`", where)
    for module, names in named:
        for name in names.split(", "):
            constant = getattr(import_module(module.replace("/", ".")), name)
            assert re.search(rf"\b{constant:g}\b", value), name


def test_what_is_quoted_is_in_the_receivers() -> None:
    """Word for word."""
    files = [path.read_text(encoding="utf-8") for path in FILES]
    quoted = [*blocks("python"), *blocks("js")]
    assert len(quoted) == len(FILES)
    assert [text for text in quoted if not any(text in file for file in files)] == []


def test_the_bodies_are_such_as_are_sent() -> None:
    """Member for member, in both modes."""
    plain, cloud = map(orjson.loads, blocks("json"))
    message = Message(
        id=cloud["id"],
        type=plain["type"],
        at=datetime(2026, 1, 31, 13, 5, 59, 250_000, UTC),
        source=cloud["source"],
        event_id="event_1",
        link="https://api.example.com/events/event_1",
        meta=Meta("…", 42, 41, stale=False),
    )
    assert plain == orjson.loads(standard(message, orjson.dumps(plain["data"])).content)
    assert cloud == orjson.loads(cloud_event(message, orjson.dumps(cloud["data"])).content)
    again = replace(message, meta=replace(message.meta, replay_of="msg_1"))
    for form, claimed, repeats in (
        (standard, ["claim", "warning"], "replayOf"),
        (cloud_event, ["dataref", "eventid", "warning"], "replayof"),
    ):
        body = orjson.loads(form(again, b'"' + bytes(b"x" * LARGEST) + b'"').content)
        meta: dict[str, Any] = body.get("meta", body)
        assert {*claimed, repeats} <= meta.keys()
        assert all(f"`{name}`" in PAGE or f"meta.{name}" in PAGE for name in (*claimed, repeats))


def test_the_graphql_is_graphql() -> None:
    """And fits the graph."""
    documents = [parse(text) for text in blocks("graphql")]
    graph = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    assert [error.message for one in documents for error in validate(graph, one)] == []
