"""Folders that training leaves, as models: a run's, and an adapter's.

    RUN/run.json, model/, checkpoints/step-000100/, tokenizer/     the result, or else the newest
                                                                   checkpoint that is whole
    ADAPTER/adapter_config.json, adapter_model.safetensors         PEFT's format; its base is named
                                                                   in adapter_config.json

Refuses to load either, and to know how a run goes on: that is training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fireside.errors import Corrupt, NotFound

RUN = "run.json"
ADAPTER = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
TOKENIZER = "tokenizer.json"


def is_run(folder: Path) -> bool:
    return (folder / RUN).is_file()


def is_adapter(folder: Path) -> bool:
    return (folder / ADAPTER).is_file()


def is_model_folder(folder: Path) -> bool:
    """Whether `open_path` would take this folder for a model."""
    named = any((folder / name).is_file() for name in (RUN, ADAPTER, "config.json"))
    return named or len(list(folder.glob("*.gguf"))) == 1


def model_of_run(run: Path) -> Path:
    """The folder of the run's model: its result, or else its newest whole checkpoint.

    Raises:
        NotFound: it has neither yet.
    """
    for folder in _candidates(run):
        if _whole(folder):
            return folder
    raise NotFound(
        f"{run} has no model yet: wait for its first checkpoint (`fireside runs watch {run}`).",
        param="model",
    )


def _candidates(run: Path) -> Iterator[Path]:
    yield run / "model"
    steps = [path for path in (run / "checkpoints").glob("step-*") if path.name[5:].isdigit()]
    for step in sorted(steps, key=lambda path: int(path.name[5:]), reverse=True):
        yield step
        yield step / "model"


def _whole(folder: Path) -> bool:
    if is_adapter(folder):
        return (folder / ADAPTER_WEIGHTS).is_file()
    return (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))


def base_of(adapter: Path) -> str:
    """The name of the model that an adapter changes.

    Raises:
        Corrupt: the adapter does not say it.
    """
    try:
        fields = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))
        name = fields["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = None
    if not isinstance(name, str) or not name:
        raise Corrupt(
            f"{adapter / ADAPTER} does not name its base model: "
            "write it there as base_model_name_or_path."
        )
    return name


def runs(home: Path) -> list[Path]:
    """The runs under FIRESIDE_HOME/runs, by name."""
    return sorted(path.parent for path in (home / "runs").glob(f"*/{RUN}"))
