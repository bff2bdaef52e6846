"""What chats, serves and runs on the native core imports no torch: that alone took two seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fireside.engine.native.choice import why_not_loaded

LEFT = (
    "; import sys; print(sorted({'torch', 'scipy', 'fireside.assistant.steps.dialogue'}"
    " & sys.modules.keys()))"
)


def printed_by(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def test_importing() -> None:
    rooms = (
        "fireside.engine.models, fireside.engine.text, fireside.assistant.lineup, "
        "fireside.assistant.once, fireside.server.app, fireside.cli.session, fireside.cli.run"
    )
    assert printed_by(f"import {rooms}{LEFT}") == "[]\n"


@pytest.mark.skipif(bool(why_not_loaded()), reason="the native core is not built")
def test_an_answer(smollm2_path: Path, models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    asked = "['fireside', 'chat', 'hi', '--max-tokens', '2', '--seed', '1']"
    code = (
        f"import sys; sys.argv = {asked}\n"
        "from fireside.cli import main\n"
        f"try: main.main()\nexcept SystemExit as end: assert not end.code{LEFT}"
    )
    printed = printed_by(code, FIRESIDE_HOME=str(tmp_path), FIRESIDE_NATIVE="true")
    assert printed.endswith("[]\n")
    assert len(printed) > len("[]\n") + 1
