"""The report: a table for people, and `bench/results.json` for whoever compares."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.figures import Result, Sample

HEADS = (
    "name",
    "value",
    "unit",
    "p50 ms",
    "p99 ms",
    "CPU us",
    "RSS MiB",
    "server",
    "queued",
    "load",
    "runs",
)
LEFT = frozenset({"name", "unit", "runs"})
NOTHING = "-"


def table(results: Sequence[Result]) -> str:
    """The results as lines of columns, each with what it is compared with."""
    rows = [HEADS, *(_row(one) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = ["  ".join(map(_padded, HEADS, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, *(line for one in results for line in _versus(one))])


def details(ours: Sample) -> str:
    """What a sample holds besides the columns, on one line."""
    return ", ".join(f"{name} {_number(value)}" for name, value in ours.detail.items())


def write(path: Path, results: Sequence[Result], commit: str) -> None:
    """Write the results as the contract says."""
    entries = [one.entry(commit) for one in results]
    path.write_bytes(orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _row(one: Result) -> tuple[str, ...]:
    ours = one.ours
    return (
        one.name,
        _number(ours.value),
        one.unit,
        _number(ours.p50_ms),
        _number(ours.p99_ms),
        _number(ours.cpu_us),
        _number(ours.rss_mb),
        _share(ours.server_share),
        _share(ours.queued_share),
        _share(ours.load_share),
        f"{_number(one.least)} to {_number(one.most)}",
    )


def _versus(one: Result) -> list[str]:
    return [f"{one.name}: {ratio:.2f} x {peer}" for peer, ratio in one.versus.items()]


def _padded(head: str, text: str, width: int) -> str:
    return text.ljust(width) if head in LEFT else text.rjust(width)


def _number(value: float | None) -> str:
    """Three significant digits and no more than two after the point; thousands are whole."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"
