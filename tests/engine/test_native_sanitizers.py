"""The native core's arithmetic under AddressSanitizer and UBSan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fireside.engine.native.packing import KINDS
from tests.script_modules import script

build = script("native/build.py")
SANITIZERS = ("-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiled(out: Path, *sources: str, flags: tuple[str, ...] = ()) -> bool:
    """Whether it could be; without optimisation, which takes seconds where -O3 takes a minute."""
    compiler = build.find_compiler()
    if compiler is None:
        return False
    command = [*compiler, *build.COMMON, "-O0", *SANITIZERS, *flags, *sources, "-o", str(out)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    """Every kind of matrix, packed and multiplied, and attention, in the portable kernels."""
    trial = tmp_path / "trial.cc"
    trial.write_text("int main() {}")
    if not compiled(tmp_path / "trial", str(trial)):
        pytest.skip("there is no C++ compiler with AddressSanitizer and UBSan")
    sources = [str(build.SOURCES / f"{name}.cc") for name in ("check", "pack", "kernels_portable")]
    assert compiled(tmp_path / "check", *sources, flags=("-DFIRST=kernels_portable",))
    done = subprocess.run([tmp_path / "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(KINDS) + 1


def test_the_sanitizers_find_a_read_beyond_the_end(tmp_path: Path) -> None:
    """What the test above relies on."""
    source = tmp_path / "wrong.cc"
    source.write_text(
        "#include <vector>\n"
        "int main(int count, char **) { std::vector<int> one(count); return one.data()[count]; }\n"
    )
    if not compiled(tmp_path / "wrong", str(source)):
        pytest.skip("there is no C++ compiler with AddressSanitizer and UBSan")
    done = subprocess.run([tmp_path / "wrong"], capture_output=True, text=True, check=False)
    assert "heap-buffer-overflow" in done.stderr
