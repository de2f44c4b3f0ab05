"""The report: a table for people, and `bench/results.json` for whoever compares."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.figures import Result, Sample

HEADS = (
    "name",
    "ratio",
    "by CPU",
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
    """The results as lines of columns, the peers of each below it, with our ratios to them."""
    rows = [HEADS, *(row for one in results for row in _rows(one))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = ["  ".join(map(_padded, HEADS, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def details(ours: Sample) -> str:
    """What a sample holds besides the columns, on one line."""
    return ", ".join(f"{name} {number(value)}" for name, value in ours.detail.items())


def write(path: Path, results: Sequence[Result], commit: str) -> None:
    """Write the results as the contract says."""
    entries = [one.entry(commit) for one in results]
    path.write_bytes(orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _rows(one: Result) -> list[tuple[str, ...]]:
    return [
        (one.name, NOTHING, NOTHING, *_figures(one.unit, one.ours, one.least, one.most)),
        *(
            (
                f"  {name}",
                _ratio(peer.ratio),
                _ratio(peer.cpu_ratio),
                *_figures(one.unit, peer.middle, peer.least, peer.most),
            )
            for name, peer in one.peers.items()
        ),
    ]


def _figures(unit: str, middle: Sample, least: float, most: float) -> tuple[str, ...]:
    return (
        number(middle.value),
        unit,
        number(middle.p50_ms),
        number(middle.p99_ms),
        number(middle.cpu_us),
        number(middle.rss_mb),
        _share(middle.server_share),
        _share(middle.queued_share),
        _share(middle.load_share),
        f"{number(least)} to {number(most)}",
    )


def _padded(head: str, text: str, width: int) -> str:
    return text.ljust(width) if head in LEFT else text.rjust(width)


def number(value: float | None) -> str:
    """Three significant digits and no more than two after the point; thousands are whole."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"
