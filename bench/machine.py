"""The machine: which commit runs on what, where processes are pinned, and what they have used."""

import os
import platform
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1024.0
NANO = 1e9


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the servers and that of the load; both None where nothing can be pinned."""

    server: int | None
    load: int | None

    def __str__(self) -> str:
        if self.server is None:
            return "NOT pinned (fewer than two cores, or no affinity): rates are pessimistic"
        return f"server on core {self.server}, load on core {self.load}"


def cores() -> Cores:
    """The first two cores that we may use."""
    try:
        ours = sorted(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return Cores(None, None)
    return Cores(ours[0], ours[1]) if len(ours) > 1 else Cores(None, None)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Whatever is started while the block runs stays on this core, from its first instruction."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def many_files() -> None:
    """Let this process, and what it starts from now on, open as many files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def commit(root: Path) -> str:
    """The commit that is checked out, with a + where the files differ from it."""
    head = _git(root, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown"
    return head + ("+" if _git(root, "status", "--porcelain") else "")


def described() -> str:
    """The machine in one line."""
    cpu = _cpu(_text("/proc/cpuinfo")) or platform.processor() or platform.machine()
    system = _system(_text("/etc/os-release")) or platform.system()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores; {python}; {system}, {platform.release()}"


def busy() -> str:
    """How busy the machine is before anything of ours runs."""
    return f"load average {os.getloadavg()[0]:.2f}"


def cpu_seconds(pid: int) -> float | None:
    """CPU time of a process and all its threads, user and system; None where nothing tells."""
    stat = _text(f"/proc/{pid}/stat")
    if not stat:
        return None
    ticks = stat.rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def queued_seconds(pid: int) -> float | None:
    """How long a process's main thread was ready to run, but did not; None where nothing tells."""
    fields = _text(f"/proc/{pid}/schedstat").split()
    return int(fields[1]) / NANO if len(fields) > 1 else None


def rss_mb(pid: int) -> float | None:
    """Resident memory of a process, in MiB; None where nothing tells."""
    for line in _text(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / MIB
    return None


def _cpu(cpuinfo: str) -> str | None:
    return _value(cpuinfo, "model name", ":")


def _system(os_release: str) -> str | None:
    return (_value(os_release, "PRETTY_NAME", "=") or "").strip('"') or None


def _value(text: str, name: str, sign: str) -> str | None:
    for line in text.splitlines():
        key, _, value = line.partition(sign)
        if key.strip() == name:
            return value.strip()
    return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
