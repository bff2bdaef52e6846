"""`openai` and `ai` for Node, unmodified, against the real models: `node/*.mjs` has the checks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from . import node_home
from .conftest import Served

SCRIPTS = sorted(node_home.SOURCE.glob("*.mjs"))
NAMES = [
    name for each in SCRIPTS for name in re.findall(r'^check\("(.+)",', each.read_text(), re.M)
]


@pytest.fixture(scope="module")
def walked(served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each check said."""
    modules = node_home.packages()
    node = node_home.node(modules)
    folder = tmp_path_factory.mktemp("walk")
    (folder / "node_modules").symlink_to(modules)
    for each in SCRIPTS:
        shutil.copy(each, folder)
    environment = {
        "PATH": os.environ["PATH"],
        "WALK_URL": served.url,
        "WALK_KEY": served.key,
        "WALK_SLOW_KEY": served.slow_key,
    }
    done = subprocess.run(
        [node, "--preserve-symlinks", str(folder / "walk.mjs")],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {each["check"]: each for each in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", NAMES)
def test_node(walked: dict[str, dict[str, Any]], name: str) -> None:
    assert walked[name]["error"] is None, walked[name]["error"]


def test_every_check_ran(walked: dict[str, dict[str, Any]]) -> None:
    assert sorted(walked) == sorted(NAMES)
