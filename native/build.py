"""Compiles the native core with `CXX` or the machine's own compiler.

python native/build.py        # into fireside/engine/native/, which git ignores
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCES = Path(__file__).parent
PLACE = SOURCES.parent / "fireside" / "engine" / "native"
NAMES = {"Darwin": "libfireside.dylib", "Windows": "fireside.dll"}
COMMON = ("-std=c++20", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden", "-O3")
X86 = {
    "kernels_avx512.cc": "-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c "
    "-mprefer-vector-width=512",
    "kernels_avx2.cc": "-mavx2 -mfma -mf16c",
}
ARM = {"kernels_neon.cc": "-march=armv8.2-a+dotprod"}

# Unrolled by -O3, plain arrays of sixteen take a minute to compile.
ANY = {"kernels_portable.cc": "-O2", "step.cc": "", "pool.cc": "", "pack.cc": "", "api.cc": ""}


def find_compiler() -> list[str] | None:
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    return next(([name] for name in names if name and shutil.which(name)), None)


def compile_core(compiler: list[str], machine: str, out: Path) -> None:
    """Raises: CalledProcessError with the compiler's words."""
    own = X86 if machine.lower() in ("x86_64", "amd64") else ARM if _is_arm(machine) else {}
    flags = ANY | own
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as threads:
        objects = [Path(folder) / f"{name}.o" for name in flags]
        commands = [
            [*compiler, *COMMON, *more.split(), "-c", str(SOURCES / name), "-o", str(made)]
            for (name, more), made in zip(flags.items(), objects, strict=True)
        ]
        for done in threads.map(_run, commands):
            done.check_returncode()
        made = Path(folder) / out.name
        _run(
            [*compiler, "-shared", "-pthread", "-o", str(made), *map(str, objects)]
        ).check_returncode()
        shutil.copy(made, out)


def compile_check(
    compiler: list[str], machine: str, out: Path, flags: tuple[str, ...] = ()
) -> None:
    """`check.cc` with the widest kernels of a machine, which may be another one than this.

    Raises: CalledProcessError with the compiler's words.
    """
    kernels = "neon" if _is_arm(machine) else "avx512"
    own = (ARM if _is_arm(machine) else X86)[f"kernels_{kernels}.cc"]
    with tempfile.TemporaryDirectory() as folder:
        objects = []
        for name, more in ((f"kernels_{kernels}", own), ("kernels_portable", "-O2"), ("pack", "")):
            objects.append(str(Path(folder) / f"{name}.o"))
            source = str(SOURCES / f"{name}.cc")
            _run([*compiler, *COMMON, *more.split(), "-c", source, "-o", objects[-1]])
        first = f"-DFIRST=kernels_{kernels}"
        check = str(SOURCES / "check.cc")
        _run(
            [*compiler, *COMMON, *flags, first, check, *objects, "-o", str(out)]
        ).check_returncode()


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _is_arm(machine: str) -> bool:
    return machine.lower() in ("aarch64", "arm64")


def main() -> int:
    compiler = find_compiler()
    if compiler is None:
        print(
            "There is no C++ compiler: install g++ or clang++, or name one in CXX.", file=sys.stderr
        )
        return 1
    out = PLACE / NAMES.get(platform.system(), "libfireside.so")
    try:
        compile_core(compiler, platform.machine(), out)
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
