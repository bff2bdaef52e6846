"""The database breaks under a running server: one clear line, and a clean stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from fireside.server.app import create_app
from fireside.server.budgets import Budgets
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused

SAID = [{"role": "user", "content": "Hi"}]
ASKED: list[tuple[str, str, Any]] = [
    ("GET", "/v1/files", None),
    ("GET", "/v1/vector_stores", None),
    ("GET", "/v1/responses/resp_a", None),
    ("GET", "/api/conversations", None),
    ("POST", "/v1/conversations", {}),
    ("POST", "/v1/responses", {"model": "fake:1b", "input": "Hi"}),
    ("POST", "/v1/chat/completions", {"model": "fake:1b", "messages": SAID, "store": True}),
    ("POST", "/v1/batches", {"input_file_id": "file-a", "endpoint": "/v1/completions",
                             "completion_window": "24h"}),
]  # fmt: skip


def files(path: Path) -> list[Path]:
    """Not the index of the log, which SQLite maps into memory: cut, it kills any program."""
    return [each for each in (path, path.with_name(path.name + "-wal")) if each.exists()]


def overwritten(path: Path) -> None:
    for each in files(path):
        each.write_bytes(b"\x00" * each.stat().st_size)


def emptied(path: Path) -> None:
    for each in files(path):
        each.write_bytes(b"")


@pytest.mark.parametrize("kill", [overwritten, emptied])
def test_a_killed_database(
    tmp_path: Path, kill: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stopped: list[str] = []
    first = Budgets.stop  # of the services it is the last to stop

    async def stop(budgets: Budgets) -> None:
        stopped.append("budgets")
        await first(budgets)

    monkeypatch.setattr(Budgets, "stop", stop)
    settings = Settings(model="fake:1b", embedding_model="fake-embedding", home=tmp_path)
    models: Any = FakeModels(FakeModel())
    with (
        Store.open(settings.database_path) as store,
        running(create_app(models, store, settings)) as url,
        httpx.Client(base_url=url, timeout=120) as http,
    ):
        assert http.post("/v1/conversations", json={}).status_code == 200
        kill(settings.database_path)
        told = 0
        for method, path, body in ASKED:
            answer = http.request(method, path, json=body)
            # A page that SQLite still holds is answered from.
            if answer.status_code >= 500:
                said = refused(answer, answer.status_code)["message"]
                assert "fireside.db" in said, (path, said)
                told += 1
        assert told >= len(ASKED) // 2
        assert http.get("/health").status_code == 200
    assert stopped == ["budgets"]
    assert "shutdown failed" not in caplog.text
