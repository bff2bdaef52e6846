"""What a terminal shows while a command computes; elsewhere nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fireside.cli.waiting import Waiting


class Counting:
    """A model whose engine has read and written more each time that it is asked."""

    def __init__(self) -> None:
        self.engine: Any = self
        self.tokens = 0

    def stats(self) -> SimpleNamespace:
        self.tokens += 1000
        return SimpleNamespace(prompt_tokens=self.tokens, generated_tokens=self.tokens // 10)


def test_a_pipe_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting("Loading") as waiting:
        waiting.show_share(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Waiting("Working", Counting()) as waiting:  # type: ignore[arg-type]
        assert "tokens read" in waiting.text()
        assert waiting.text().startswith("Working … ")
    waiting.stop()


def test_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Waiting("Loading \x1b[31mx") as waiting:
        waiting.show_share(1, 4)
        assert waiting.text().endswith("25% 0 s")
        assert "\x1b" not in waiting.text()
