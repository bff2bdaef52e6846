"""Compiles the native core: with `CXX`, the machine's own compiler, or else with Zig's.

python native/build.py                    # into fireside/engine/native/lib/
python native/build.py --target NAME OUT  # for another machine, with Zig (pip install ziglang)
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

SOURCES = Path(__file__).resolve().parent
PLACE = SOURCES.parent / "fireside" / "engine" / "native" / "place.py"
ZIG = "ziglang==0.17.1"
COMMON = ("-std=c++20", "-ffp-contract=off", "-fvisibility=hidden", "-O3")
X86 = {
    "kernels_avx512.cc": "-mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c "
    "-mprefer-vector-width=512",
    "kernels_avx2.cc": "-mavx2 -mfma -mf16c",
}
ARM = {"kernels_neon.cc": "-march=armv8.2-a+dotprod"}
ARM_BY_ZIG = {"kernels_neon.cc": "-mcpu=generic+v8_2a+dotprod"}
# Unrolled by -O3, plain arrays of sixteen take a minute to compile.
PORTABLE = {"kernels_portable.cc": "-O2"}
TRIAL = "#include <atomic>\nvoid wait(std::atomic<int> &value) { value.wait(0); }\n"
"""What a compiler must know, its library included."""


class Target(NamedTuple):
    """triple: Zig's name of it.  system: Python's.  tag: the platform of a wheel for it."""

    triple: str
    machine: str
    system: str
    tag: str

    @property
    def library(self) -> str:
        return str(place.NAMES.get(self.system, "libfireside.so"))


# The oldest systems for which PyTorch has wheels.
TARGETS = {
    "linux-x86_64": Target(
        triple="x86_64-linux-gnu.2.28",
        machine="x86_64",
        system="linux",
        tag="manylinux_2_28_x86_64",
    ),
    "linux-arm64": Target(
        triple="aarch64-linux-gnu.2.28",
        machine="aarch64",
        system="linux",
        tag="manylinux_2_28_aarch64",
    ),
    "macos-arm64": Target(
        triple="aarch64-macos.12.0", machine="arm64", system="darwin", tag="macosx_12_0_arm64"
    ),
    "macos-x86_64": Target(
        triple="x86_64-macos.12.0", machine="x86_64", system="darwin", tag="macosx_12_0_x86_64"
    ),
    "windows-x86_64": Target(
        triple="x86_64-windows-gnu", machine="x86_64", system="win32", tag="win_amd64"
    ),
}


def _load_place() -> Any:
    spec = importlib.util.spec_from_file_location("fireside_native_place", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


place = _load_place()


def find_compiler() -> list[str] | None:
    """The machine's own compiler, if one can do what the core needs; else Zig, if it is here."""
    return _own_compiler() or _zig()


@cache
def _own_compiler() -> list[str] | None:
    commands = [shlex.split(os.environ.get("CXX", "")), ["g++"], ["clang++"], ["c++"]]
    return next((command for command in commands if command and _is_able(command)), None)


def _is_able(compiler: list[str]) -> bool:
    if shutil.which(compiler[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "trial.cc"
        source.write_text(TRIAL)
        flags = _flags(sys.platform)
        return not _run([*compiler, *flags, "-c", str(source), "-o", f"{folder}/out"]).returncode


def _zig(triple: str | None = None) -> list[str] | None:
    if importlib.util.find_spec("ziglang") is None:
        return None
    # Without a target it would compile for this very processor and not for its family.
    own = f"{_machine()}-{_system()}"
    return [sys.executable, "-m", "ziglang", "c++", "-target", triple or own]


def _machine() -> str:
    return "aarch64" if _is_arm(platform.machine()) else "x86_64"


def _system() -> str:
    if sys.platform == "linux":
        return "linux-gnu" if platform.libc_ver()[0] == "glibc" else "linux-musl"
    return "macos" if sys.platform == "darwin" else "windows-gnu"


def has_zig() -> bool:
    """Whether `ZIG` has a wheel for this machine."""
    is_known = platform.machine().lower() in ("x86_64", "amd64", "aarch64", "arm64")
    return is_known and sys.platform in ("linux", "darwin", "win32")


def build(out: Path | None = None) -> Path | None:
    """The core for this machine.  What is there already and was made of these sources is kept.

    Returns: None where there is no compiler.
    Raises: CalledProcessError with the compiler's words.
    """
    out = out or place.place_of_library()
    if place.state_of_library(out, SOURCES) == "built":
        return out
    place.state_of_library.cache_clear()
    compiler = find_compiler()
    if compiler is None:
        return None
    compile_core(compiler, platform.machine(), out)
    return out


def build_for(target: Target, out: Path) -> None:
    """
    Raises: CalledProcessError; ModuleNotFoundError without Zig.
    """
    compiler = _zig(target.triple)
    if compiler is None:
        raise ModuleNotFoundError(f"Another machine needs Zig: pip install {ZIG}")
    compile_core(compiler, target.machine, out, target.system)


def compile_core(compiler: list[str], machine: str, out: Path, system: str = sys.platform) -> None:
    """Raises: CalledProcessError with the compiler's words."""
    arm = ARM_BY_ZIG if "ziglang" in compiler else ARM
    own = X86 if machine.lower() in ("x86_64", "amd64") else arm if _is_arm(machine) else {}
    files = [each.name for each in SOURCES.glob("*.cc") if each.name != "check.cc"]
    plain = {name: "" for name in files if not name.startswith("kernels_")}
    flags = own | PORTABLE | plain  # those that take longest first
    flags["api.cc"] = f'-DFIRESIDE_SOURCES="{place.digest_of_sources(SOURCES)}"'
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as threads:
        objects = [Path(folder) / f"{name}.o" for name in flags]
        commands = [
            [*compiler, *_flags(system), *more.split(), "-c", str(SOURCES / name), "-o", str(made)]
            for (name, more), made in zip(flags.items(), objects, strict=True)
        ]
        for done in threads.map(lambda command: _run(command, folder), commands):
            done.check_returncode()
        made = Path(folder) / out.name
        link = [*compiler, "-shared", "-s", "-pthread", "-o", str(made), *map(str, objects)]
        _run(link, folder).check_returncode()
        # Another process may have the old one open, or build at the same time.
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = out.with_name(f"{out.name}.{os.getpid()}.part")
        try:
            shutil.copy(made, beside)
            beside.replace(out)
        finally:
            beside.unlink(missing_ok=True)


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


def _flags(system: str) -> tuple[str, ...]:
    return COMMON if system == "win32" else (*COMMON, "-fPIC")


def _run(command: list[str], cache: str | None = None) -> subprocess.CompletedProcess[str]:
    """cache: where Zig keeps what it builds of its own library."""
    folder = {} if cache is None else {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    environment = os.environ | folder
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def _is_arm(machine: str) -> bool:
    return machine.lower() in ("aarch64", "arm64")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=TARGETS, help="another machine, with Zig")
    parser.add_argument("out", nargs="?", type=Path, help="the file; needed with --target")
    given = parser.parse_args()
    if given.target and given.out is None:
        parser.error("--target needs a file to write to.")
    try:
        if given.target:
            build_for(TARGETS[given.target], given.out)
        out = given.out if given.target else build(given.out)
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if out is None:
        print(
            f"There is no C++20 compiler: install g++ or clang++, name one in CXX, or pip install "
            f"{ZIG}.",
            file=sys.stderr,
        )
        return 1
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
