"""A profile by sampling."""

import inspect
from pathlib import Path

from bench.sampling import Samples, profiled


def test_a_sample_knows_who_runs_and_who_called() -> None:
    """The innermost function runs, and everyone on the stack is seen once."""
    samples = Samples()

    def inner() -> None:
        samples.take(0, inspect.currentframe())

    inner()
    ((place, count),) = samples.own.items()
    assert place[1].endswith("inner")
    assert count == 1
    assert set(samples.under.values()) == {1}
    assert "100.0%  tests/bench/test_sampling.py" in samples.text()


def test_a_profile_is_left(tmp_path: Path) -> None:
    """What used the CPU while the block ran is in the file."""
    path = tmp_path / "profile.txt"
    with profiled(path):
        sum(number * number for number in range(1_000_000))
    assert "test_a_profile_is_left" in path.read_text(encoding="utf-8")


def test_no_path_is_no_profile() -> None:
    """Who asks for none pays for none."""
    with profiled(None):
        pass
