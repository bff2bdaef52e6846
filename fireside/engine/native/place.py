"""Where the native core's library is, and whether it was built from the sources beside it.

Standard library only: `native/build.py` reads this file without the rest of the package.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

NAMES: Final = {"darwin": "libfireside.dylib", "win32": "fireside.dll"}
SOURCES: Final = Path(__file__).parents[3] / "native"
"""There in a checkout, and absent where a wheel was installed."""


def place_of_library() -> Path:
    """Where `native/build.py` and the wheel put it: in a folder of its own, for beside modules it
    would be taken for one."""
    return Path(__file__).parent / "lib" / NAMES.get(sys.platform, "libfireside.so")


def digest_of_sources(sources: Path = SOURCES) -> str:
    """Of everything that the library depends on; the library holds it as a text."""
    digest = hashlib.sha256()
    for file in sorted(sources.iterdir()):
        if file.suffix in (".cc", ".h", ".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"fireside-sources-{digest.hexdigest()[:32]}"


@cache
def state_of_library(library: Path, sources: Path = SOURCES) -> str:
    """`built`, `not built` or, in a checkout whose sources have changed since, `out of date`."""
    try:
        content = library.read_bytes()
    except OSError:
        return "not built"
    if not sources.is_dir() or digest_of_sources(sources).encode() in content:
        return "built"
    return "out of date"
