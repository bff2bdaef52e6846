"""A run that is over in a second: width 32, two layers, a few hundred words of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fireside.training.config import TrainConfig, merged

LINE = "The quick brown fox jumps over the lazy dog, and the dog sleeps on.\n"


def text(folder: Path, lines: int = 200) -> Path:
    path = folder / "text.txt"
    path.write_text("".join(f"{i} {LINE}" for i in range(lines)), encoding="utf-8")
    return path


def config(folder: Path, **over: Any) -> TrainConfig:
    """A pretraining of six steps in `folder`/run; `over`: sections that differ."""
    plain: dict[str, Any] = {
        "run": {"out": str(folder / "run"), "threads": 1},
        "data": {
            "sources": [{"path": str(folder / "text.txt")}],
            "length": 16,
            "validation": 0.1,
        },
        "model": {
            "layers": 1, "width": 32, "heads": 2, "kv_heads": 1, "mlp_width": 32, "context": 16,
        },
        "tokenizer": {"vocab_size": 300},
        "optimiser": {"learning_rate": 1e-2},
        "schedule": {"steps": 6, "warmup": 1, "decay": 2},
        "batch": {"tokens": 32, "rows": 1},
        "checkpoint": {"every": 2},
        "validate": {"every": 3, "samples": 1},
    }  # fmt: skip
    return TrainConfig.of(merged(plain, over))
