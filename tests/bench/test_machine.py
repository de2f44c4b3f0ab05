"""What we say of the machine, and where processes stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import machine
from bench.contest import ROOT
from bench.machine import Cores


def _git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    _git(tmp_path, "init")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    _git(tmp_path, "add", "file")
    _git(tmp_path, "commit", "-m", "First")
    return tmp_path


def test_a_clean_commit_is_named(repository: Path) -> None:
    """The commit is twelve hexadecimal digits."""
    commit = machine.commit(repository)
    assert len(commit) == 12
    assert int(commit, 16) >= 0


def test_a_change_is_marked(repository: Path) -> None:
    """Figures of files that are not committed do not pass for the commit's."""
    before = machine.commit(repository)
    (repository / "file").write_text("two", encoding="utf-8")
    assert machine.commit(repository) == f"{before}+"


def test_no_repository_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a repository the commit is unknown."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit(tmp_path) == "unknown"


def test_the_machine_is_one_line() -> None:
    """Cores and Python are in it."""
    line = machine.described()
    assert "\n" not in line
    assert f"{os.cpu_count()} cores" in line
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in line


def test_what_cannot_be_pinned_is_said() -> None:
    """A reader of the figures learns that server and load shared their cores."""
    assert "NOT pinned" in str(Cores(None, None))
    assert str(Cores(0, 1)) == "server on core 0, load on core 1"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_a_process_starts_on_its_core() -> None:
    """What is started inside stays there, and we do not."""
    before = os.sched_getaffinity(0)
    core = max(before)
    ask = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    with machine.pinned(core):
        said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert said.strip() == str({core})
    assert os.sched_getaffinity(0) == before


def test_what_is_started_may_open_many_files() -> None:
    """As many as the system allows, though this shell allows fewer."""
    ours = "from resource import *; from bench.machine import many_files; n = RLIMIT_NOFILE; "
    ours += "most = getrlimit(n)[1]; setrlimit(n, (64, most)); many_files(); "
    ours += "print(getrlimit(n) == (most, most))"
    asked = [sys.executable, "-c", ours]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "True"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_a_process_is_measured() -> None:
    """Our own CPU time and memory are known, and plausible."""
    cpu, rss = machine.cpu_seconds(os.getpid()), machine.rss_mb(os.getpid())
    assert cpu == pytest.approx(sum(os.times()[:2]), abs=1)
    assert machine.queued_seconds(os.getpid()) is not None
    assert rss is not None
    assert 5 < rss < 5_000


def test_nobody_has_used_nothing() -> None:
    """A process that is not there has no figures."""
    assert machine.cpu_seconds(0) is None
    assert machine.rss_mb(0) is None
    assert machine.queued_seconds(0) is None
