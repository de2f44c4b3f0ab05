"""Node, on which some peers run: whether it is here, and their packages, installed on first use."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LOCK: Final = HERE / "package-lock.json"
INSTALLED: Final = HERE / "node_modules" / ".lock-sha256"
LEAST: Final = (20, 9)
"""What Mercurius and Apollo Server ask for; package.json says the same."""
INSTALL: Final = (
    "npm",
    "ci",
    "--ignore-scripts",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
)
INSTALL_SECONDS: Final = 300
TAIL: Final = 300


@cache
def missing() -> str | None:
    """Why peers on Node cannot run here, in one sentence; None if they can.

    Installs their packages where those of the lock file are not there yet.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node.js and npm are not on this machine."
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    if not new_enough(said):
        least = ".".join(map(str, LEAST))
        return f"they need Node.js {least} or newer, and this is {said.strip() or 'broken'}."
    return _install()


def new_enough(said: str) -> bool:
    """Whether `node --version` said one that is new enough."""
    found = re.match(r"v(\d+)\.(\d+)\.", said)
    return found is not None and tuple(map(int, found.groups())) >= LEAST


def _install() -> str | None:
    with _alone():
        wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
        if INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == wanted:
            return None
        try:
            done = subprocess.run(
                INSTALL,
                cwd=HERE,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"`npm ci` did not end in {INSTALL_SECONDS} s."
        if done.returncode:
            return f"`npm ci` failed ({done.returncode}): {done.stderr.strip()[-TAIL:]}"
        INSTALLED.write_text(wanted, encoding="utf-8")
        return None


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time: `npm ci` begins by removing what another may be using."""
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
