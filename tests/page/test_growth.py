"""The page's Markdown takes time in proportion to its text: its own scripts, run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

LARGE = 100.0
"""Milliseconds below which a text of 32 KB is quick, whatever its growth seems to be."""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_markdown_is_linear(tmp_path: Path) -> None:
    for each in (files("fireside.server") / "page").iterdir():
        if each.name.endswith(".js"):
            (tmp_path / each.name).write_text(each.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    script = Path(__file__).with_name("growth.mjs")
    done = subprocess.run(
        ["node", str(script), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 150
    slow = [line for line in lines if line["long"] > max(LARGE, 10 * line["short"])]
    assert not slow
