"""What the page says about who answers."""

from __future__ import annotations

from pathlib import Path

from evaluation.conftest import write_model, write_tokenizer

from fireside.server.notice import notice
from fireside.settings import Settings
from fireside.tokenizer.templates import CONTINUING


def test_a_model_that_was_only_pretrained_is_called_so(tmp_path: Path) -> None:
    write_model(tmp_path, write_tokenizer(tmp_path, template=CONTINUING))
    assert "only pretrained" in str(notice(str(tmp_path), Settings(home=tmp_path))["answers"])


def test_a_model_that_chats_answers(tmp_path: Path) -> None:
    write_model(tmp_path, write_tokenizer(tmp_path))
    assert "answers" in str(notice(str(tmp_path), Settings(home=tmp_path))["answers"])


def test_a_model_that_is_not_there_is_named_at_least(tmp_path: Path) -> None:
    assert "gone" in str(notice("gone", Settings(home=tmp_path))["answers"])
