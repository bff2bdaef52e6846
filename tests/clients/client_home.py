"""The packages of a list of `requirements/`, in the system's temporary folder.

They lie before those of this Python, which has most of what they need, and change none of it.
Skips where no registry can be reached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

LISTS = Path(__file__).parents[2] / "requirements"


def packages(name: str) -> Path:
    """The folder for PYTHONPATH; filled once for this Python and this list."""
    wanted = LISTS / name
    digest = hashlib.sha256(sys.version.encode() + wanted.read_bytes()).hexdigest()
    home = Path(tempfile.gettempdir()) / f"fireside-tests-{os.getuid()}" / f"clients-{digest[:16]}"
    home.parent.mkdir(exist_ok=True, mode=0o700)
    with FileLock(f"{home}.lock"):
        if not home.is_dir():
            _install(wanted, home)
    return home


def _install(wanted: Path, home: Path) -> None:
    making = home.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", str(making),
         "-r", str(wanted)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"pip could not install {wanted.name}: {last}")
    making.rename(home)
