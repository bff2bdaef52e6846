"""Write the lock lists: every direct and indirect package of pyproject.toml with its version.

    run.txt    what chatting and serving need
    train.txt  run.txt and what growing and tuning need
    dev.txt    train.txt and what `scripts/test` needs
    bench.txt  run.txt and the peers of `benchmarks/`

One version per package over all three.  The lists name versions and nothing else: no addresses,
no hashes, no options, so that pip's own configuration decides where packages come from.  It
installs nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
# PyTorch's builds for GPUs need these, its build for CPUs does not: pip brings them with torch.
# Packages that come as source only; everything else must have a wheel.
SOURCE_ONLY = ("rouge-score", "sqlitedict", "word2number")
WITH_TORCH_ONLY = re.compile(r"nvidia-|cuda-|triton")


def resolve(direct: list[str], agreed: dict[str, str]) -> dict[str, str]:
    """What pip would install for `direct`, given versions that are decided already."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, constraints, report = (Path(folder, name) for name in ("in", "agreed", "out"))
        wanted.write_text("\n".join(direct))
        constraints.write_text("\n".join(f"{name}=={version}" for name, version in agreed.items()))
        command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run"]
        command += ["--ignore-installed", "--only-binary=:all:"]
        command += [f"--no-binary={','.join(SOURCE_ONLY)}", "--report", str(report)]
        command += ["--requirement", str(wanted), "--constraint", str(constraints)]
        subprocess.run(command, check=True)
        found = json.loads(report.read_text())["install"]
    versions = {
        re.sub(r"[-_.]+", "-", package["metadata"]["name"]).lower(): package["metadata"]["version"]
        for package in found
    }
    return {
        name: version.partition("+")[0]
        for name, version in sorted(versions.items())
        if not WITH_TORCH_ONLY.match(name)
    }


def write(name: str, versions: dict[str, str]) -> None:
    lines = [f"{package}=={version}" for package, version in versions.items()]
    head = "# Written by scripts/lock from pyproject.toml.\n"
    (FOLDER / name).write_text(head + "\n".join(lines) + "\n")
    print(f"requirements/{name}: {len(lines)} packages")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct, extras = project["dependencies"], project["optional-dependencies"]
    run = resolve(direct, {})
    train = resolve(direct + extras["train"], run)
    dev = resolve(direct + extras["train"] + extras["dev"], train)
    bench = resolve(direct + extras["bench"], dev)
    for name, versions in {"run": run, "train": train, "dev": dev, "bench": bench}.items():
        write(f"{name}.txt", versions)


if __name__ == "__main__":
    main()
