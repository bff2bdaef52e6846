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


CHAT = """
import sys
from fireside.cli import main
sys.argv = ["fireside", "chat", "hi", "--max-tokens", "2", "--seed", "1"]
try:
    main.main()
except SystemExit as end:
    assert not end.code
"""
SERVE = """
from starlette.testclient import TestClient
from fireside.engine.models import Models
from fireside.server.app import create_app
from fireside.settings import load_settings
from fireside.storage import Store
settings = load_settings()
models = Models(settings)
asked = {"model": settings.model, "max_tokens": 2, "messages": [{"role": "user", "content": "hi"}]}
with Store.open(settings.database_path) as store:
    app = create_app(models, store, settings)
    with TestClient(app, base_url="http://127.0.0.1:8080") as client:
        reply = client.post("/v1/chat/completions", json=asked)
print(reply.json()["usage"]["completion_tokens"])
models.close()
"""


@pytest.mark.skipif(why_not_loaded() != "", reason="the native core is not built")
def test_an_answer_in_the_terminal_and_by_the_server(
    smollm2_path: Path, models_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    printed = printed_by(
        f"{CHAT}{SERVE}{LEFT[2:]}", FIRESIDE_HOME=str(tmp_path), FIRESIDE_NATIVE="true"
    )
    said, tokens, left = printed.splitlines()
    assert said
    assert (tokens, left) == ("2", "[]")
