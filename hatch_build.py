"""Compiles the native core for a wheel and for an editable install.

With the machine's compiler, else with Zig from PyPI, which is asked for only then.  Without either
the install has no core, and `fireside doctor` says what that costs.  Two variables:

    FIRESIDE_BUILD_NATIVE=0             leaves the core out
    FIRESIDE_BUILD_NATIVE=macos-arm64   builds a wheel for another machine (`TARGETS` of build.py)
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "FIRESIDE_BUILD_NATIVE"


class NativeCore(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.build = _load(Path(self.root) / "native" / "build.py")
        self.wanted = os.environ.get(VARIABLE, "1")

    def dependencies(self) -> list[str]:
        if self.wanted == "0":
            return []
        if self.wanted in self.build.TARGETS:
            return [self.build.ZIG]
        is_needed = self.build.find_compiler() is None and self.build.has_zig()
        return [self.build.ZIG] if is_needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: `editable` or `standard`."""
        if self.wanted == "0":
            return
        if target := self.build.TARGETS.get(self.wanted):
            out = Path(self.directory) / target.triple / target.library
            self.build.build_for(target, out)
            tag = target.tag
        elif (out := self._build_here()) is None:
            return
        else:
            tag = sysconfig.get_platform().replace("universal2", platform.machine())
        build_data["pure_python"] = False
        # Plain C, called through ctypes: one library serves every Python.
        build_data["tag"] = f"py3-none-{tag.replace('-', '_').replace('.', '_')}"
        if version != "editable":
            build_data["force_include"][str(out)] = f"fireside/engine/native/lib/{out.name}"

    def _build_here(self) -> Path | None:
        missing = "This install has no native core: models run in PyTorch."
        try:
            out: Path | None = self.build.build()
        except subprocess.CalledProcessError as error:
            self.app.display_warning(f"{error.stderr}\nThe compiler failed. {missing}")
            return None
        if out is None:
            self.app.display_warning(f"There is no C++20 compiler. {missing}")
        return out


def _load(script: Path) -> Any:
    spec = importlib.util.spec_from_file_location("fireside_native_build", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
