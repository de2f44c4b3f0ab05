"""Node, on which some peers run: whether it is here, and their packages, installed on first use.

Clients that the tests run have a folder of packages of their own, which is installed the same way.
"""

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
LOCK: Final = "package-lock.json"
INSTALLED: Final = "node_modules/.lock-sha256"
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
def missing(folder: Path = HERE) -> str | None:
    """Why programs of this folder cannot run on Node here, in one sentence; None if they can.

    Installs their packages where those of the lock file are not there yet.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node.js and npm are not on this machine."
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    if not new_enough(said):
        least = ".".join(map(str, LEAST))
        return f"they need Node.js {least} or newer, and this is {said.strip() or 'broken'}."
    return _install(folder)


def new_enough(said: str) -> bool:
    """Whether `node --version` said one that is new enough."""
    found = re.match(r"v(\d+)\.(\d+)\.", said)
    return found is not None and tuple(map(int, found.groups())) >= LEAST


def _install(folder: Path) -> str | None:
    installed = folder / INSTALLED
    with _alone(folder):
        wanted = hashlib.sha256((folder / LOCK).read_bytes()).hexdigest()
        if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
            return None
        try:
            done = subprocess.run(
                INSTALL,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"`npm ci` did not end in {INSTALL_SECONDS} s."
        if done.returncode:
            return f"`npm ci` failed ({done.returncode}): {done.stderr.strip()[-TAIL:]}"
        installed.write_text(wanted, encoding="utf-8")
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: `npm ci` begins by removing what another may be using."""
    with (folder / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
