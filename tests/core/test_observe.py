"""Logs: one line a fact for machines, readable lines for people."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import structlog
from hypothesis import given, strategies as st

from core import observe

NUMBERS = count()
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(
    lambda name: (
        name not in {"event", "level", "logger", "timestamp", "exception", "exc_info"}
        and name not in {"stack_info", "self", "name", "args", "kw", "event_kw"}
    )
)
VALUES = st.text() | st.integers() | st.booleans() | st.none() | st.binary() | st.builds(object)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging is the process's own: it is put back as it was."""
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    handlers, levels = root.handlers[:], (root.level, alembic.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    alembic.setLevel(levels[1])
    structlog.reset_defaults()


def started(
    *, pretty: bool = False, level: int = logging.INFO
) -> tuple[observe.Logger, io.StringIO]:
    """A logger that nobody has used, and where its lines go."""
    stream = io.StringIO()
    observe.configure(pretty=pretty, level=level, stream=stream)
    return observe.logger(f"tests.{next(NUMBERS)}"), stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Every line, read as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def divide() -> int:
    """Fail."""
    return 1 // 0


def test_a_line_is_a_fact() -> None:
    """What happened, how bad it is, who says so, when, and what belongs to it."""
    log, stream = started()
    log.warning("hint_lost", log_id="home_1", places=[1, 2])
    (line,) = lines(stream)
    told = datetime.fromisoformat(line.pop("timestamp"))
    assert told.utcoffset() == timedelta(0)
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=5)
    assert line.pop("logger").startswith("tests.")
    assert line == {"event": "hint_lost", "level": "warning", "log_id": "home_1", "places": [1, 2]}


def test_a_library_s_line_has_the_same_shape() -> None:
    """Whoever logs by the standard library is rendered likewise."""
    _, stream = started()
    logging.getLogger("uvicorn.error").error("bad %s from %s", "frame", "::1")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("bad frame from ::1", "error")
    assert (line["logger"], sorted(line)) == (
        "uvicorn.error",
        ["event", "level", "logger", "timestamp"],
    )


@given(st.text(), st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_is_logged_is_one_line_of_json(event: str, fields: dict[str, Any]) -> None:
    """Line breaks, control characters and things that JSON does not know included."""
    log, stream = started()
    log.info(event, **fields)
    assert stream.getvalue().count("\n") == 1
    (line,) = [json.loads(text) for text in stream.getvalue().split("\n") if text]
    assert line["event"] == event
    assert set(fields) <= set(line)


def test_an_exception_is_in_its_line() -> None:
    """The traceback is one text, whoever logs it and however."""
    log, stream = started()
    try:
        divide()
    except ZeroDivisionError as error:
        log.exception("failed")
        log.warning("failed", exc_info=True)
        log.critical("failed", exc_info=error)
        logging.getLogger("library").exception("failed")
    assert [line["event"] for line in lines(stream)] == ["failed"] * 4
    for line in lines(stream):
        assert line["exception"].startswith("Traceback (most recent call last)")
        assert line["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")


def test_an_exception_that_was_never_raised_is_named() -> None:
    """A task's result has no traceback of ours."""
    log, stream = started()
    log.error("task_died", exc_info=ValueError("no"))
    log.error("task_ended", exc_info=None)
    died, ended = lines(stream)
    assert died["exception"] == "ValueError: no"
    assert "exception" not in ended


def test_a_person_reads_lines() -> None:
    """The event first, its fields after it, and tracebacks as Python writes them."""
    log, stream = started(pretty=True)
    log.info("serving", url="http://127.0.0.1:8000")
    logging.getLogger("library").warning("odd")
    try:
        divide()
    except ZeroDivisionError:
        log.exception("failed")
    text = stream.getvalue()
    assert all(word in text for word in ("serving", "http://127.0.0.1:8000", "odd", "failed"))
    assert "\nTraceback (most recent call last):\n" in text
    assert text.rstrip().endswith("ZeroDivisionError: integer division or modulo by zero")


@pytest.mark.parametrize(
    ("level", "told"), [(logging.DEBUG, "diwe"), (logging.INFO, "iwe"), (logging.WARNING, "we")]
)
def test_a_level_is_for_everybody(level: int, told: str) -> None:
    """What is below it is not written, ours or a library's."""
    log, stream = started(level=level)
    for logger in (log, logging.getLogger("library")):
        logger.debug("d")
        logger.info("i")
        logger.warning("w")
        logger.error("e")
    assert "".join(line["event"] for line in lines(stream)) == told * 2


def test_migrations_are_quiet() -> None:
    """Alembic tells of every step that it takes; only its warnings are news."""
    _, stream = started()
    logging.getLogger("alembic.runtime.migration").info("Running upgrade")
    logging.getLogger("alembic.runtime.migration").warning("Odd revision")
    assert [line["event"] for line in lines(stream)] == ["Odd revision"]


def test_configuring_again_replaces() -> None:
    """A line is written once, to the newest stream, in the newest form."""
    log, first = started()
    log.info("one")
    second = io.StringIO()
    observe.configure(pretty=True, stream=second)
    log.info("two")
    assert [line["event"] for line in lines(first)] == ["one"]
    assert second.getvalue().count("two") == 1


def test_what_is_bound_is_in_every_line() -> None:
    """To a logger, or to whatever runs in this context."""
    log, stream = started()
    with structlog.contextvars.bound_contextvars(trace_id="t1"):
        log.bind(home="home_1").info("bound")
    log.info("free")
    bound, free = lines(stream)
    assert (bound["trace_id"], bound["home"]) == ("t1", "home_1")
    assert not {"trace_id", "home"} & set(free)
