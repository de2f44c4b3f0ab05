"""The registry, and the command line on it."""

import pytest

from bench.__main__ import main
from bench.cases import BENCHMARKS


def test_a_benchmark_is_found_by_its_name() -> None:
    """Each is registered as what it calls itself, and says what it does."""
    assert {"query_fresh", "control", "fanout_burst", "report_to_message"} <= BENCHMARKS.keys()
    assert all(name == one.name and one.about for name, one in BENCHMARKS.items())


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Who mistypes a name learns which there are."""
    with pytest.raises(SystemExit):
        main(["--only", "query_fresh,nothing"])
    assert "there is no nothing; there are query_fresh, " in capsys.readouterr().err
