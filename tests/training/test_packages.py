"""What a run needs is asked for before it begins."""

from __future__ import annotations

from typing import Any

import pytest

from fireside.cli import training
from fireside.errors import Unavailable
from fireside.training.config import TrainConfig
from fireside.training.packages import check_packages


def config(path: str = "a.jsonl", **cleaning: Any) -> TrainConfig:
    data = {"sources": [{"path": path}], "cleaning": cleaning}
    return TrainConfig.of({"run": {"out": "run", "method": "pretrain"}, "data": data})


@pytest.mark.parametrize(
    ("absent", "asked"),
    [
        ("tensorboard", config()),
        ("matplotlib", None),
        ("datasets", config("hf:a/b")),
        ("pyarrow", config("a.parquet")),
        ("datasketch", config(duplicates="near")),
        ("py3langid", config(languages=("en",))),
    ],
)
def test_only_what_is_needed(
    absent: str, asked: TrainConfig | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fireside.training.packages.find_spec", lambda name: None if name == absent else name
    )
    with pytest.raises(Unavailable, match=rf"\({absent}\)\. Install them with: "):
        check_packages(asked)
    if absent not in ("tensorboard", "matplotlib"):
        check_packages(config())


def test_the_command_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fireside.training.packages.find_spec", lambda name: None)
    with pytest.raises(Unavailable):
        training.run_here(config(), as_json=False)
