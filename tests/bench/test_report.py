"""The table and the file."""

from pathlib import Path

import orjson

from bench.figures import OURS, Result, Sample, result
from bench.report import details, table, write


def _result(name: str, value: float) -> Result:
    ours = Sample(value, p50_ms=1.234, p99_ms=56.78, cpu_us=2400, server_share=0.97)
    return result(name, "requests/s", {OURS: [ours], "bare": [Sample(value * 2)]})


def test_the_table_is_aligned() -> None:
    """Every column begins where its rule does, whatever is in it."""
    head, rule, first, _, second, *_ = table([_result("a", 1), _result("longer", 1_234_567)]).split(
        "\n"
    )
    assert head.index("value") + len("value") == first.index("1.00") + len("1.00")
    assert first.index("requests/s") == second.index("requests/s") == head.index("unit")
    assert set(rule) == {"-", " "}


def test_the_table_says_what_is_unknown() -> None:
    """What was not measured is a dash, and a share is a percentage."""
    row = table([_result("a", 415.4)]).split("\n")[2].split()
    assert row[:10] == ["a", "-", "-", "415", "requests/s", "1.23", "56.8", "2,400", "-", "97%"]


def test_a_peer_has_a_row_below_ours() -> None:
    """Our ratios to it, and what its own runs came to."""
    row = table([_result("a", 1)]).split("\n")[3]
    assert row.startswith("  bare")
    assert row.split()[1:5] == ["0.50", "-", "2.00", "requests/s"]


def test_a_table_of_nothing_has_its_heads() -> None:
    """Where every benchmark failed, there is still a table."""
    assert table([]).startswith("name")


def test_details_are_on_one_line() -> None:
    """What has no column is shown with each run."""
    assert details(Sample(1, detail={"missed": 0, "full_p99_ms": 12.3})) == (
        "missed 0.00, full_p99_ms 12.3"
    )


def test_results_are_written_as_a_list(tmp_path: Path) -> None:
    """results.json is a list of entries, each with its commit."""
    path = tmp_path / "results.json"
    write(path, [_result("a", 1), _result("b", 2)], "abc+")
    entries = orjson.loads(path.read_bytes())
    assert [(one["name"], one["commit"]) for one in entries] == [("a", "abc+"), ("b", "abc+")]
